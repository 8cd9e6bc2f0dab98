// A download in progress: bytes are appended and hashed; what an earlier attempt left is kept.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "exformer/base/file.h"

namespace exformer {

/// Holds a lock on a file (created if need be) as long as it lives; waits for other holders.
class FileLock {
 public:
  explicit FileLock(const std::filesystem::path& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_;
};

/// Failures throw ExportError naming the path.
class PartialFile {
 public:
  /// Opens or creates `path` and hashes what it holds.
  explicit PartialFile(const std::filesystem::path& path);
  ~PartialFile();
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  uint64_t size() const { return size_; }
  void append(Bytes bytes);
  /// Starts again from nothing.
  void clear();
  /// The SHA-256 sum of all bytes, in lower-case hexadecimal digits.
  std::string sha256() const;
  /// Renames the finished file.
  void move_to(const std::filesystem::path& target);

 private:
  struct Hash;

  std::filesystem::path path_;
  int descriptor_;
  uint64_t size_ = 0;
  std::unique_ptr<Hash> hash_;
};

}  // namespace exformer
