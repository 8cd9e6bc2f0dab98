// Mapped input, whole text files and sequential output.
#include "exformer/base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "exformer/base/error.h"
#include "exformer/base/interrupt.h"

namespace exformer {
namespace {

std::string last_error() { return std::strerror(errno); }

/// Closes at the end of a scope.
class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags) : value_(::open(path.c_str(), flags | O_CLOEXEC)) {
    if (value_ < 0) fail("cannot open '{}': {}", path.string(), last_error());
  }
  ~Descriptor() { ::close(value_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }

 private:
  int value_;
};

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const Descriptor descriptor(path, O_RDONLY | O_NONBLOCK);  // a pipe without a writer must not hang
  struct stat status {};
  if (::fstat(descriptor.get(), &status) != 0) fail("cannot read '{}': {}", path.string(), last_error());
  if (!S_ISREG(status.st_mode)) fail("cannot read '{}': not a regular file", path.string());
  std::shared_ptr<MappedFile> file(new MappedFile());
  file->path_ = path;
  file->size_ = static_cast<size_t>(status.st_size);
  if (file->size_ == 0) return file;
  void* data = ::mmap(nullptr, file->size_, PROT_READ, MAP_PRIVATE, descriptor.get(), 0);
  if (data == MAP_FAILED) {
    file->size_ = 0;
    fail("cannot map '{}': {}", path.string(), last_error());
  }
  file->data_ = static_cast<const std::byte*>(data);
  return file;
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::populate_pages(Bytes range) const {
#ifdef MADV_POPULATE_READ
  advise(range, MADV_POPULATE_READ, static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE)));
#else
  static_cast<void>(range);
#endif
}

void MappedFile::release_pages(Bytes range) const {
  // A huge page that is given back in part must be split first, which stops the other threads.
  constexpr uintptr_t kHugePage = uintptr_t{2} << 20;
  advise(range, MADV_DONTNEED, kHugePage);
}

void MappedFile::advise(Bytes range, int advice, uintptr_t page) const {
  // Outside the mapping the advice would throw away memory that cannot be read again.
  if (range.empty() || range.data() < data_ || range.data() + range.size() > data_ + size_) return;
  const auto begin = std::max(reinterpret_cast<uintptr_t>(range.data()) / page * page, reinterpret_cast<uintptr_t>(data_));
  const auto end = reinterpret_cast<uintptr_t>(range.data() + range.size()) / page * page;
  if (end > begin) ::madvise(reinterpret_cast<void*>(begin), end - begin, advice);
}

std::string read_text_file(const std::filesystem::path& path, size_t limit) {
  const Descriptor descriptor(path, O_RDONLY);
  std::string text;
  struct stat status {};
  if (::fstat(descriptor.get(), &status) == 0 && S_ISREG(status.st_mode)) {
    text.reserve(std::min(static_cast<size_t>(status.st_size), limit) + 1);
  }
  while (true) {
    const size_t before = text.size();
    text.resize(std::max(text.capacity(), before + 4096));
    const ssize_t count = ::read(descriptor.get(), text.data() + before, text.size() - before);
    const int cause = errno;
    text.resize(before + static_cast<size_t>(std::max<ssize_t>(count, 0)));
    if (count < 0 && cause == EINTR) continue;
    if (count < 0) fail("cannot read '{}': {}", path.string(), std::strerror(cause));
    if (text.size() > limit) fail("'{}' is too large: allowed are {} bytes", path.string(), limit);
    if (count == 0) return text;
  }
}

OutputFile::OutputFile(const std::filesystem::path& path) : path_(path) {
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail("cannot write '{}': {}", path.string(), last_error());
}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void OutputFile::write(Bytes bytes) {
  constexpr size_t kLargestWrite = size_t{64} << 20;  // an interrupt is noticed between two calls
  while (!bytes.empty()) {
    throw_if_interrupted();
    const ssize_t written = ::write(descriptor_, bytes.data(), std::min(bytes.size(), kLargestWrite));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail("cannot write '{}': {}", path_.string(), written < 0 ? last_error() : "nothing was written");
    offset_ += static_cast<uint64_t>(written);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void OutputFile::write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

void OutputFile::align(size_t alignment) {
  static constexpr std::array<std::byte, 4096> kZeros{};
  size_t missing = (alignment - offset_ % alignment) % alignment;
  while (missing > 0) {
    const size_t count = std::min(missing, kZeros.size());
    write(Bytes(kZeros.data(), count));
    missing -= count;
  }
}

void OutputFile::write_at(uint64_t offset, Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail("cannot write '{}': {}", path_.string(), written < 0 ? last_error() : "nothing was written");
    offset += static_cast<uint64_t>(written);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void OutputFile::close() {
  if (descriptor_ < 0) return;
  const int result = ::close(descriptor_);
  descriptor_ = -1;
  if (result != 0 && errno != EINTR) fail("cannot write '{}': {}", path_.string(), last_error());
}

}  // namespace exformer
