// Writes a zip archive of stored entries whose data start at multiples of 64 bytes, as torch's PyTorchStreamWriter lays
// them out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "exformer/base/file.h"
#include "exformer/tensor/lazy_tensor.h"

namespace exformer::pt2 {

/// Entries appear in the order of the calls, with a fixed date: the same calls give the same bytes. Mapped weights go
/// from their mapping straight into the file; no entry is held in memory. Zip64 fields appear only where sizes or
/// offsets need them.
class ZipWriter {
 public:
  /// Entry names are put below the folder `root`. Throws ExportError when the file cannot be made.
  ZipWriter(const std::filesystem::path& path, std::string root);

  void add(std::string_view name, std::string_view text);
  void add(std::string_view name, const LazyTensor& tensor);
  /// Writes the directory and closes the file; without it the archive is not readable.
  void finish();

 private:
  struct Entry {
    std::string name;
    uint64_t offset = 0;
    uint64_t size = 0;
    uint32_t crc = 0;
  };
  Entry& begin(std::string_view name, uint64_t size);
  void end(const Entry& entry);

  OutputFile file_;
  std::string root_;
  std::vector<Entry> entries_;
};

}  // namespace exformer::pt2
