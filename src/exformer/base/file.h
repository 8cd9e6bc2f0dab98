// Files: read-only memory maps, sequential output with alignment, and directories that appear whole or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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
  /// Maps the pages of these bytes in one system call instead of one fault for each few of them. Only a hint: kernels
  /// before 5.14 refuse it.
  void populate_pages(Bytes range) const;
  /// Takes the pages of these bytes out of this process, so that a large export stays small; they are read again when
  /// touched. Whole huge pages (2 MiB) only: the rest goes with the bytes that follow.
  void release_pages(Bytes range) const;

 private:
  MappedFile() = default;
  void advise(Bytes range, int advice, uintptr_t page) const;
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

/// The whole file (or pipe) as text. Throws ExportError naming the path; more than `limit` bytes are refused.
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

/// A file or directory `.<name>.partial-<pid>-<count>` beside its target, removed unless it has been moved away. Its
/// process holds a lock on it, so that later exports to the same target can tell and remove what a killed process left.
/// Used by the two below.
class Staging {
 public:
  enum class Kind { File, Directory };
  Staging(const std::filesystem::path& target, Kind kind);
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Absolute, symbolic links resolved.
  const std::filesystem::path& target() const { return target_; }
  /// Keeps the parent directories that were created for it.
  void set_committed() { committed_ = true; }

 private:
  std::filesystem::path target_;
  std::filesystem::path path_;
  std::vector<std::filesystem::path> created_parents_;
  int lock_ = -1;
  bool committed_ = false;
};

/// A directory written aside and moved to its place by commit(). Without commit() nothing stays. An existing non-empty
/// target is replaced, in one step, only if it is an earlier export (holds export.json). Of concurrent exports to one
/// target each is whole, and one of them stays. Parent directories are created.
class StagedDirectory {
 public:
  explicit StagedDirectory(const std::filesystem::path& target);

  /// Where files are written until commit().
  const std::filesystem::path& path() const { return staging_.path(); }
  const std::filesystem::path& target() const { return staging_.target(); }
  void commit();

 private:
  Staging staging_;
};

/// One file written aside and renamed by commit(); the same promises as StagedDirectory. Only regular files are
/// replaced.
class StagedFile {
 public:
  explicit StagedFile(const std::filesystem::path& target);

  const std::filesystem::path& path() const { return staging_.path(); }
  void commit();

 private:
  Staging staging_;
};

}  // namespace exformer
