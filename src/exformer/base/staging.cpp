// Files and directories that are written aside and appear whole.
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "exformer/base/error.h"
#include "exformer/base/file.h"

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE (1U << 1U)
#endif

namespace exformer {
namespace {

namespace fs = std::filesystem;

/// ".<name>.partial-<pid>-<count>" beside the target.
fs::path staging_path(const fs::path& target) {
  static std::atomic<int> count{0};  // names only: two exports of one process must differ
  return target.parent_path() / fmt::format(".{}.partial-{}-{}", target.filename().string(), ::getpid(), ++count);
}

/// Removes what killed processes left beside the target.
void remove_abandoned(const fs::path& target) {
  const std::string prefix = fmt::format(".{}.partial-", target.filename().string());
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(target.parent_path(), ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix)) continue;
    int process = 0;
    const auto [end, error] = std::from_chars(name.data() + prefix.size(), name.data() + name.size(), process);
    if (error != std::errc() || process <= 0 || process == ::getpid()) continue;
    if (::kill(process, 0) != 0 && errno == ESRCH) fs::remove_all(entry.path(), ignored);
  }
}

fs::path prepared_target(fs::path target) {
  if (target.filename().empty()) target = target.parent_path();  // "out/" names the same place as "out"
  target = fs::absolute(target).lexically_normal();
  if (target.filename().empty()) target = target.parent_path();
  std::error_code error;
  fs::create_directories(target.parent_path(), error);
  if (error) fail("cannot create '{}': {}", target.parent_path().string(), error.message());
  remove_abandoned(target);
  return target;
}

bool is_replaceable(const fs::path& target) {
  std::error_code error;
  if (!fs::exists(target, error)) return true;
  if (!fs::is_directory(target, error)) return false;
  return fs::is_empty(target, error) || fs::exists(target / "export.json", error);
}

/// Puts `staging` in the place of the directory `target`; what was there goes to `staging`.
void exchange(const fs::path& staging, const fs::path& target) {
  for (int attempt = 0; attempt < 16; ++attempt) {
    if (::rename(staging.c_str(), target.c_str()) == 0) return;
    if (errno != ENOTEMPTY && errno != EEXIST) break;
    if (::syscall(SYS_renameat2, AT_FDCWD, staging.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) == 0) return;
    if (errno == ENOENT) continue;  // another export moved it between the two calls
    // No exchange on this file system: move the old one aside first.
    const fs::path old = staging.string() + ".old";
    if (::rename(target.c_str(), old.c_str()) != 0 && errno != ENOENT) break;
    const bool moved = ::rename(staging.c_str(), target.c_str()) == 0;
    std::error_code ignored;
    fs::remove_all(old, ignored);
    if (moved) return;
  }
  fail("cannot move the finished export to '{}': {}", target.string(), std::strerror(errno));
}

}  // namespace

StagedDirectory::StagedDirectory(fs::path target) : target_(prepared_target(std::move(target))) {
  if (!is_replaceable(target_)) {
    fail("'{}' exists and is not an earlier export (no export.json); it is left alone", target_.string());
  }
  staging_ = staging_path(target_);
  std::error_code error;
  fs::create_directory(staging_, error);
  if (error) fail("cannot write to '{}': {}", target_.parent_path().string(), error.message());
}

StagedDirectory::~StagedDirectory() {
  std::error_code ignored;
  fs::remove_all(staging_, ignored);  // after a commit: the directory that was replaced, if any
}

void StagedDirectory::commit() {
  if (!is_replaceable(target_)) fail("'{}' has appeared meanwhile and is not an export; it is left alone", target_.string());
  exchange(staging_, target_);
  committed_ = true;
}

StagedFile::StagedFile(fs::path target) : target_(prepared_target(std::move(target))), staging_(staging_path(target_)) {}

StagedFile::~StagedFile() {
  std::error_code ignored;
  if (!committed_) fs::remove(staging_, ignored);
}

void StagedFile::commit() {
  std::error_code error;
  fs::rename(staging_, target_, error);
  if (error) fail("cannot move the finished file to '{}': {}", target_.string(), error.message());
  committed_ = true;
}

}  // namespace exformer
