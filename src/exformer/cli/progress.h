// Progress of long steps on a terminal: bytes, their rate and what is left, on one line that goes away.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>

#include "exformer/cli/commands.h"

namespace exformer::cli {

/// "1.5 GB"
std::string short_bytes(double bytes);

/// A line on standard error. Nothing is drawn within the first half second of a step, nor where standard error is no
/// terminal or the user wants quiet: steps that took longer get a plain line there when they end.
class ProgressLine {
 public:
  explicit ProgressLine(const CommonOptions& common);
  ~ProgressLine() { end(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// So many bytes of a step are done. A step of another name ends the one before.
  void show(const std::string& step, uint64_t done, std::optional<uint64_t> total);
  /// Ends the step: the line is cleared.
  void end();

 private:
  using Clock = std::chrono::steady_clock;
  void draw(double seconds);

  bool is_quiet_, is_terminal_, is_drawn_ = false;
  std::string step_;
  uint64_t first_ = 0, done_ = 0;  // what was there when the step began, and now
  std::optional<uint64_t> total_;
  Clock::time_point start_, last_;
};

/// Watches what is written aside for `target` while it lives, by this process or by one that it started.
class WriteProgress {
 public:
  WriteProgress(const CommonOptions& common, const std::filesystem::path& target, uint64_t expected_bytes);
  ~WriteProgress();
  WriteProgress(const WriteProgress&) = delete;
  WriteProgress& operator=(const WriteProgress&) = delete;

 private:
  std::jthread watcher_;
};

}  // namespace exformer::cli
