#include "exformer/checkpoint/partial_file.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "exformer/base/error.h"

namespace exformer {
namespace {

std::string last_error() { return std::strerror(errno); }

}  // namespace

FileLock::FileLock(const std::filesystem::path& path)
    : descriptor_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0664)) {
  if (descriptor_ < 0) fail("cannot write '{}': {}", path.string(), last_error());
  while (::flock(descriptor_, LOCK_EX) != 0 && errno == EINTR) {  // without locks on this file system: best effort
  }
}

FileLock::~FileLock() { ::close(descriptor_); }

/// An EVP context; OpenSSL's checks of its own arguments cannot fail here but for lack of memory.
struct PartialFile::Hash {
  Hash() : context(EVP_MD_CTX_new()) { start(); }
  ~Hash() { EVP_MD_CTX_free(context); }
  Hash(const Hash&) = delete;
  Hash& operator=(const Hash&) = delete;

  void start() {
    if (!context || EVP_DigestInit_ex(context, EVP_sha256(), nullptr) != 1) fail("SHA-256 is not available in OpenSSL");
  }
  void update(Bytes bytes) {
    if (EVP_DigestUpdate(context, bytes.data(), bytes.size()) != 1) fail("OpenSSL could not hash");
  }

  EVP_MD_CTX* context;
};

PartialFile::PartialFile(const std::filesystem::path& path)
    : path_(path),
      descriptor_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)),
      hash_(std::make_unique<Hash>()) {
  if (descriptor_ < 0) fail("cannot write '{}': {}", path.string(), last_error());
  std::vector<std::byte> buffer(size_t{1} << 20);
  while (true) {
    const ssize_t count = ::read(descriptor_, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const std::string cause = last_error();
      ::close(descriptor_);
      fail("cannot read '{}': {}", path.string(), cause);
    }
    if (count == 0) break;
    hash_->update(Bytes(buffer.data(), static_cast<size_t>(count)));
    size_ += static_cast<uint64_t>(count);
  }
}

PartialFile::~PartialFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void PartialFile::append(Bytes bytes) {
  hash_->update(bytes);
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail("cannot write '{}': {}", path_.string(), written < 0 ? last_error() : "nothing was written");
    size_ += static_cast<uint64_t>(written);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void PartialFile::clear() {
  if (::ftruncate(descriptor_, 0) != 0) fail("cannot write '{}': {}", path_.string(), last_error());
  size_ = 0;
  hash_->start();
}

std::string PartialFile::sha256() const {
  EVP_MD_CTX* copy = EVP_MD_CTX_new();
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  const bool good =
      copy && EVP_MD_CTX_copy_ex(copy, hash_->context) == 1 && EVP_DigestFinal_ex(copy, digest.data(), &length) == 1;
  EVP_MD_CTX_free(copy);
  if (!good) fail("OpenSSL could not hash '{}'", path_.string());
  std::string text;
  for (unsigned i = 0; i < length; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

void PartialFile::move_to(const std::filesystem::path& target) {
  const int result = ::close(descriptor_);
  descriptor_ = -1;
  if (result != 0) fail("cannot write '{}': {}", path_.string(), last_error());
  std::error_code error;
  std::filesystem::rename(path_, target, error);
  if (error) fail("cannot move '{}' to '{}': {}", path_.string(), target.string(), error.message());
}

}  // namespace exformer
