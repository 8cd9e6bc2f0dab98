// safetensors files: a mapped reader that trusts nothing, and a writer with the layout of the reference implementation.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "exformer/base/file.h"
#include "exformer/tensor/host_tensor.h"

namespace exformer {

/// A tensor of a safetensors file: a window on the mapping.
struct SafetensorsEntry {
  DType dtype = DType::Float32;
  std::vector<int64_t> sizes;
  uint64_t file_offset = 0;  // from the start of the file
  uint64_t byte_size = 0;
};

/// Validated as the reference reader does: header length and JSON, known dtypes, sizes that fit their bytes, a buffer
/// covered without holes or overlap. Every fault is an ExportError that names the file.
class SafetensorsFile {
 public:
  static std::shared_ptr<const SafetensorsFile> open(const std::filesystem::path& path);
  /// The same over bytes in memory (fuzzing, tests); `owner` keeps them alive.
  static std::shared_ptr<const SafetensorsFile> parse(Bytes bytes, std::shared_ptr<const void> owner,
                                                      const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const std::map<std::string, SafetensorsEntry>& entries() const { return entries_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  /// A view of the mapping, never a copy. Files whose header is not padded put tensors at odd addresses: LazyTensor
  /// streams and materialises such views correctly; whoever reads elements directly calls aligned() first.
  HostTensor tensor(const std::string& name) const;

 private:
  static std::shared_ptr<SafetensorsFile> read(Bytes bytes, const std::filesystem::path& path);

  std::filesystem::path path_;
  Bytes bytes_;
  std::shared_ptr<const void> owner_;
  std::shared_ptr<const MappedFile> mapping_;  // when the bytes are those of a file
  std::map<std::string, SafetensorsEntry> entries_;
  std::map<std::string, std::string> metadata_;
};

/// All tensors of a file, aligned, in their intended order: that of `__metadata__["order"]` when there is one, else by
/// name.
std::vector<std::pair<std::string, HostTensor>> read_safetensors(const std::filesystem::path& path);

struct SafetensorsOptions {
  std::map<std::string, std::string> metadata;
  /// Puts the tensors' order into the metadata, so that read_safetensors gives them back in it.
  bool keep_order = true;
};

/// Writes tensors sorted by dtype (widest first) and name into a padded header, byte for byte as the reference does.
void write_safetensors(const std::filesystem::path& path,
                       const std::vector<std::pair<std::string, HostTensor>>& tensors,
                       const SafetensorsOptions& options = {});

}  // namespace exformer
