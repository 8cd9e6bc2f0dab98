#include "exformer/base/share_file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "exformer/base/error.h"

namespace exformer {
namespace {

namespace fs = std::filesystem;

/// Clones the blocks of `source` into the new file `target`; false, with nothing left, where that does not work.
bool clone_blocks(const fs::path& source, const fs::path& target) {
  const int from = ::open(source.c_str(), O_RDONLY | O_CLOEXEC);
  if (from < 0) return false;
  const int to = ::open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  const bool cloned = to >= 0 && ::ioctl(to, FICLONE, from) == 0;
  ::close(from);
  if (to < 0) return false;
  ::close(to);
  if (!cloned) ::unlink(target.c_str());
  return cloned;
}

}  // namespace

bool share_file(const fs::path& source, const fs::path& target) {
  std::error_code error;
  const fs::path real = fs::canonical(source, error);
  if (error) fail("cannot share '{}': {}", source.string(), error.message());
  if (fs::exists(fs::symlink_status(target, error))) {
    if (fs::equivalent(real, target, error) && !fs::is_symlink(target)) return false;
    fail("cannot share '{}': '{}' is another file", source.string(), target.string());
  }
  if (clone_blocks(real, target) || ::link(real.c_str(), target.c_str()) == 0) return true;
  fail("cannot share '{}' as '{}': {}; weights = copy works everywhere", source.string(), target.string(),
       std::strerror(errno));
}

}  // namespace exformer
