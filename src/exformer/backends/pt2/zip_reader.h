// Reads zip archives from mapped bytes without trusting them: every offset and size is checked against the file before
// it is used.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "exformer/base/file.h"

namespace exformer::pt2 {

/// Stored entries are windows on the mapping; a deflated one may only be read as a text of bounded size.
class ZipReader {
 public:
  /// Throws ExportError for a file that cannot be read or is not a well-formed zip archive.
  static ZipReader open(const std::filesystem::path& path);
  /// Reads an archive in memory; `owner` keeps the bytes alive and `source` names them in errors.
  ZipReader(Bytes archive, std::string source, std::shared_ptr<const void> owner);

  /// Names of all entries, in the order of the directory.
  const std::vector<std::string>& names() const { return names_; }
  bool contains(std::string_view name) const;
  /// The contents of a stored entry; no copy. Throws ExportError when absent or compressed.
  Bytes stored(std::string_view name) const;
  /// The contents as text, inflated if need be, with its CRC checked. Throws ExportError above `limit` bytes.
  std::string text(std::string_view name, uint64_t limit = uint64_t{1} << 30) const;

  const std::shared_ptr<const void>& owner() const { return owner_; }
  const std::string& source() const { return source_; }

 private:
  struct Entry {
    uint16_t method = 0;
    uint32_t crc = 0;
    uint64_t stored_size = 0;
    uint64_t size = 0;
    uint64_t header = 0;
  };
  void read_directory(uint64_t offset, uint64_t size, uint64_t count);
  const Entry& entry(std::string_view name) const;
  Bytes raw(std::string_view name, const Entry& entry) const;
  Bytes window(uint64_t offset, uint64_t size, std::string_view what) const;

  Bytes archive_;
  std::string source_;
  std::shared_ptr<const void> owner_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace exformer::pt2
