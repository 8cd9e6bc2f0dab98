#include "exformer/cli/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <mutex>

namespace exformer::cli {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr milliseconds kPatience{500}, kPeriod{100};

size_t terminal_width() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/// All bytes below the directories that are written aside for a target: `.<name>.partial-...` beside it.
uint64_t bytes_aside(const fs::path& target) {
  const std::string prefix = "." + target.filename().string() + ".partial-";
  uint64_t total = 0;
  std::error_code error;
  for (fs::directory_iterator entry(target.parent_path(), error), end; !error && entry != end; entry.increment(error)) {
    if (!entry->path().filename().string().starts_with(prefix)) continue;
    std::error_code inner;
    for (fs::recursive_directory_iterator file(entry->path(), inner), last; !inner && file != last;
         file.increment(inner)) {
      std::error_code gone;
      const uint64_t size = file->is_regular_file(gone) ? file->file_size(gone) : 0;
      if (!gone) total += size;
    }
  }
  return total;
}

}  // namespace

std::string short_bytes(double bytes) {
  const char* unit = "bytes";
  for (const char* next : {"kB", "MB", "GB", "TB"}) {
    if (bytes < 1000) break;
    bytes /= 1000;
    unit = next;
  }
  return fmt::format("{:.{}f} {}", bytes, bytes < 10 && *unit != 'b' ? 1 : 0, unit);
}

ProgressLine::ProgressLine(const CommonOptions& common)
    : is_quiet_(common.quiet || common.json), is_terminal_(::isatty(STDERR_FILENO) == 1) {}

void ProgressLine::show(const std::string& step, uint64_t done, std::optional<uint64_t> total) {
  const Clock::time_point now = Clock::now();
  if (step != step_) {
    end();
    step_ = step;
    first_ = done;
    start_ = now;
  }
  done_ = done;
  total_ = total;
  if (is_quiet_ || !is_terminal_ || now - start_ < kPatience || now - last_ < kPeriod) return;
  last_ = now;
  draw(std::chrono::duration<double>(now - start_).count());
}

void ProgressLine::draw(double seconds) {
  constexpr size_t kLongest = 24, kShortest = 5;  // of the bar, which gives way to the figures
  const double rate = static_cast<double>(done_ - std::min(first_, done_)) / seconds;
  std::string bar, figures = fmt::format("  {}  {}/s", short_bytes(static_cast<double>(done_)), short_bytes(rate));
  if (total_ && *total_ > 0) {
    const double part = std::min(1.0, static_cast<double>(done_) / static_cast<double>(*total_));
    figures = fmt::format("  {:3.0f}%  {} of {}  {}/s", part * 100, short_bytes(static_cast<double>(done_)),
                          short_bytes(static_cast<double>(*total_)), short_bytes(rate));
    const size_t taken = step_.size() + figures.size() + 5, width = terminal_width();
    const size_t length = std::min(kLongest, width - std::min(width, taken));
    const auto filled = static_cast<size_t>(part * static_cast<double>(length));
    if (length >= kShortest) bar = "  [" + std::string(filled, '#') + std::string(length - filled, '.') + "]";
  }
  std::string text = step_ + bar + figures;
  text.resize(std::min(text.size(), terminal_width() - 1));
  std::fprintf(stderr, "\r\033[K%s", text.c_str());
  std::fflush(stderr);
  is_drawn_ = true;
}

void ProgressLine::end() {
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  if (is_drawn_) {
    std::fprintf(stderr, "\r\033[K");
    std::fflush(stderr);
  } else if (!step_.empty() && !is_quiet_ && !is_terminal_ && Clock::now() - start_ >= kPatience) {
    std::fprintf(stderr, "%s: %s in %.1f s\n", step_.c_str(), short_bytes(static_cast<double>(done_)).c_str(), seconds);
  }
  is_drawn_ = false;
  step_.clear();
}

WriteProgress::WriteProgress(const CommonOptions& common, const fs::path& target, uint64_t expected_bytes) {
  if (common.quiet || common.json || ::isatty(STDERR_FILENO) != 1) return;  // the result has a line of its own
  const fs::path whole = fs::absolute(target / "").parent_path();
  watcher_ = std::jthread([common, whole, expected_bytes](const std::stop_token& stop) {
    ProgressLine line(common);
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    while (!wake.wait_for(lock, stop, kPeriod, [&] { return stop.stop_requested(); })) {
      if (const uint64_t done = bytes_aside(whole); done > 0)
        line.show("writing " + whole.filename().string(), done, std::max(done, expected_bytes));
    }
  });
}

WriteProgress::~WriteProgress() = default;

}  // namespace exformer::cli
