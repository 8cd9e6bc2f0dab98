// Files: read-only memory maps, sequential output with alignment, and directories that appear whole or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace exformer {

using Bytes = std::span<const std::byte>;

/// A whole file mapped read-only; the mapping lives as long as any shared owner. Throws ExportError naming the path.
class MappedFile {
 public:
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  Bytes bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }
  /// Tells the kernel that these bytes have been used, so that a large export does not push out other pages.
  void release_pages(Bytes range) const;

 private:
  MappedFile() = default;
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

/// The whole file as text. Throws ExportError naming the path; files above `limit` bytes are refused.
std::string read_text_file(const std::filesystem::path& path, size_t limit = size_t{1} << 30);

/// Sequential writer that knows its offset. Every failed write throws ExportError with the path and the cause.
class OutputFile {
 public:
  explicit OutputFile(const std::filesystem::path& path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(Bytes bytes);
  void write(std::string_view text);
  /// Writes zero bytes up to the next multiple of `alignment`.
  void align(size_t alignment);
  /// Overwrites bytes already written; the offset does not change.
  void write_at(uint64_t offset, Bytes bytes);
  uint64_t offset() const { return offset_; }
  const std::filesystem::path& path() const { return path_; }
  /// Flushes and closes; reports what a destructor could not.
  void close();

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  uint64_t offset_ = 0;
};

/// A directory written aside (`.<name>.partial-<pid>` in the same parent) and moved to its place by commit().
/// Without commit() nothing stays. An existing non-empty target is replaced only if it is an earlier export (holds export.json).
class StagedDirectory {
 public:
  explicit StagedDirectory(std::filesystem::path target);
  ~StagedDirectory();
  StagedDirectory(const StagedDirectory&) = delete;
  StagedDirectory& operator=(const StagedDirectory&) = delete;

  /// Where files are written until commit().
  const std::filesystem::path& path() const { return staging_; }
  const std::filesystem::path& target() const { return target_; }
  void commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path staging_;
  bool committed_ = false;
};

/// One file written aside and renamed by commit(); the same promises as StagedDirectory.
class StagedFile {
 public:
  explicit StagedFile(std::filesystem::path target);
  ~StagedFile();
  StagedFile(const StagedFile&) = delete;
  StagedFile& operator=(const StagedFile&) = delete;

  const std::filesystem::path& path() const { return staging_; }
  void commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path staging_;
  bool committed_ = false;
};

}  // namespace exformer
