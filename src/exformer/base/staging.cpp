// Files and directories that are written aside and appear whole.
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "exformer/base/error.h"
#include "exformer/base/file.h"
#include "exformer/base/interrupt.h"

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE (1U << 1U)
#endif

namespace exformer {
namespace {

namespace fs = std::filesystem;

void remove_directories(const std::vector<fs::path>& outermost_first) {
  for (auto path = outermost_first.rbegin(); path != outermost_first.rend(); ++path) ::rmdir(path->c_str());
}

/// Creates the parent directories of `target`; says which were new, outermost first.
std::vector<fs::path> create_parents(const fs::path& target) {
  std::vector<fs::path> created;
  std::error_code error;
  for (fs::path path = target.parent_path(); !fs::exists(path, error) && path != path.parent_path();
       path = path.parent_path()) {
    created.insert(created.begin(), path);
  }
  fs::create_directories(target.parent_path(), error);
  if (!error) return created;
  remove_directories(created);
  fail("cannot create '{}': {}", target.parent_path().string(), error.message());
}

/// Removes `path` when the process that made it is gone. A live one holds a lock on it, and holding that lock while
/// removing keeps a live one from taking it; where locks do not work its process number must do.
void remove_if_abandoned(const fs::path& path, std::string_view after_prefix) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0) return;
  bool abandoned = ::flock(descriptor, LOCK_EX | LOCK_NB) == 0;
  if (!abandoned && errno != EWOULDBLOCK) {
    int process = 0;
    const auto [end, error] = std::from_chars(after_prefix.data(), after_prefix.data() + after_prefix.size(), process);
    abandoned =
        error == std::errc() && process > 0 && process != ::getpid() && ::kill(process, 0) != 0 && errno == ESRCH;
  }
  std::error_code ignored;
  // Under another name first: a commit that has just put a replaced export here must not find half of it.
  const fs::path doomed = path.string() + ".old";
  if (abandoned && ::rename(path.c_str(), doomed.c_str()) == 0) fs::remove_all(doomed, ignored);
  ::close(descriptor);
}

/// Removes what killed processes left beside the target.
void remove_abandoned(const fs::path& target, const std::string& prefix) {
  std::error_code ignored;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(target.parent_path(), ignored)) {
    if (entry.path().filename().string().starts_with(prefix)) found.push_back(entry.path());
  }
  for (const fs::path& path : found)
    remove_if_abandoned(path, std::string_view(path.filename().string()).substr(prefix.size()));
}

/// Makes an empty file or directory that did not exist; false with errno otherwise.
bool make_new(const fs::path& path, Staging::Kind kind) {
  if (kind == Staging::Kind::Directory) return ::mkdir(path.c_str(), 0777) == 0;
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  return descriptor >= 0 && ::close(descriptor) == 0;
}

/// The same place by its real name: absolute, without "out/" or symbolic links.
fs::path real_target(fs::path target) {
  if (target.filename().empty()) target = target.parent_path();
  std::error_code error;
  const fs::path real = fs::weakly_canonical(fs::absolute(target), error);
  if (error) fail("cannot write to '{}': {}", target.string(), error.message());
  if (real.filename().empty()) fail("cannot write to '{}': it has no name of its own", target.string());
  return real;
}

/// Nothing, an empty directory or an earlier export. Others may move the directory away while it is looked at, and
/// empty it then: only what still has its name counts.
bool is_replaceable_directory(const fs::path& path) {
  for (int attempt = 0; attempt < 64; ++attempt) {
    const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory < 0) return errno == ENOENT;
    std::error_code error;
    const bool is_replaceable = ::faccessat(directory, "export.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
                                fs::is_empty(fmt::format("/proc/self/fd/{}", directory), error);
    struct stat seen {
    }, named{};
    const bool is_same = ::fstat(directory, &seen) == 0 && ::lstat(path.c_str(), &named) == 0 &&
                         seen.st_ino == named.st_ino && seen.st_dev == named.st_dev;
    ::close(directory);
    if (is_replaceable || is_same) return is_replaceable;
  }
  return false;
}

bool exchange(const fs::path& a, const fs::path& b) {
  return ::syscall(SYS_renameat2, AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0;
}

/// Puts `staging` in the place of the directory `target`; what was there goes to `staging`.
void put_in_place(const fs::path& staging, const fs::path& target) {
  for (int attempt = 0; attempt < 64; ++attempt) {
    if (::rename(staging.c_str(), target.c_str()) == 0) return;
    if (errno != ENOTEMPTY && errno != EEXIST) break;
    if (exchange(staging, target)) return;
    if (errno == ENOENT) continue;  // another export moved it between the two calls
    if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP) break;
    // No exchange on this file system: move the old one aside first.
    const fs::path old = staging.string() + ".old";
    if (::rename(target.c_str(), old.c_str()) != 0 && errno != ENOENT) break;
    const bool moved = ::rename(staging.c_str(), target.c_str()) == 0;
    const int cause = errno;
    std::error_code ignored;
    if (!moved && cause != ENOTEMPTY && cause != EEXIST && ::rename(old.c_str(), target.c_str()) == 0) {
      errno = cause;
      break;
    }
    fs::remove_all(old, ignored);
    if (moved) return;
  }
  fail("cannot move the finished export to '{}': {}", target.string(), std::strerror(errno));
}

}  // namespace

Staging::Staging(const fs::path& target, Kind kind)
    : target_(real_target(target)), created_parents_(create_parents(target_)) {
  static std::atomic<unsigned> count{0};  // names only: two exports of one process must differ
  const std::string prefix = fmt::format(".{}.partial-", target_.filename().string());
  remove_abandoned(target_, prefix);
  while (true) {
    path_ = target_.parent_path() / fmt::format("{}{}-{}", prefix, ::getpid(), ++count);
    if (!make_new(path_, kind)) {
      if (errno == EEXIST) continue;
      const int cause = errno;
      remove_directories(created_parents_);
      fail("cannot write to '{}': {}", target_.parent_path().string(), std::strerror(cause));
    }
    lock_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (lock_ < 0 && errno == ENOENT) continue;  // taken for abandoned before it was locked
    if (lock_ < 0 || ::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return;  // no locks here
      ::close(lock_);
      continue;
    }
    struct stat held {
    }, named{};
    if (::fstat(lock_, &held) == 0 && ::stat(path_.c_str(), &named) == 0 && held.st_ino == named.st_ino) return;
    ::close(lock_);
  }
}

Staging::~Staging() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);  // after the commit of a directory: what was replaced, if anything
  if (!committed_) remove_directories(created_parents_);
  if (lock_ >= 0) ::close(lock_);
}

StagedDirectory::StagedDirectory(const fs::path& target) : staging_(target, Staging::Kind::Directory) {
  if (is_replaceable_directory(this->target())) return;
  fail("'{}' exists and is not an earlier export (no export.json); it is left alone", this->target().string());
}

void StagedDirectory::commit() {
  throw_if_interrupted();
  if (is_replaceable_directory(target())) {
    put_in_place(path(), target());
    // Somebody's files may have come between the look and the exchange: then they go back.
    if (is_replaceable_directory(path()) || !exchange(path(), target())) {
      staging_.set_committed();
      return;
    }
  }
  fail("'{}' has appeared meanwhile and is not an export; it is left alone", target().string());
}

StagedFile::StagedFile(const fs::path& target) : staging_(target, Staging::Kind::File) {
  std::error_code error;
  const fs::file_status status = fs::status(staging_.target(), error);
  if (fs::exists(status) && !fs::is_regular_file(status))
    fail("cannot write '{}': it is not a regular file", staging_.target().string());
}

void StagedFile::commit() {
  std::error_code error;
  fs::rename(path(), staging_.target(), error);
  if (error) fail("cannot move the finished file to '{}': {}", staging_.target().string(), error.message());
  staging_.set_committed();
}

}  // namespace exformer
