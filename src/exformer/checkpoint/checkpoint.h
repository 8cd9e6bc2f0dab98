// A Hugging Face checkpoint directory: its configs and its weights, mapped from one safetensors file or from shards.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "exformer/base/json.h"
#include "exformer/checkpoint/safetensors.h"

namespace exformer {

class Checkpoint {
 public:
  /// Opens and validates all of it. Faults throw ExportError: no config.json or none with a model_type, a shard that is
  /// missing, outside the directory or without a tensor that the index names, a tensor in two shards; what
  /// check_directory refuses, no weights. Shards may be symbolic links, as in the Hub cache.
  static Checkpoint open(const std::filesystem::path& directory);

  const std::filesystem::path& directory() const { return directory_; }
  const Json& config() const { return config_; }
  /// generation_config.json, when it is there.
  std::optional<Json> generation_config() const;
  /// The text of a file beside the weights, when it is there ("generation_config.json").
  std::optional<std::string> text_file(const std::string& name) const;

  /// Where each tensor lies: all those of every shard, whether the index names them or not, as transformers loads them.
  const std::map<std::string, std::shared_ptr<const SafetensorsFile>>& tensors() const { return tensors_; }
  /// A view of the mapped file; see SafetensorsFile::tensor.
  HostTensor tensor(const std::string& name) const;
  const SafetensorsEntry& entry(const std::string& name) const;

 private:
  std::filesystem::path directory_;
  Json config_;
  std::map<std::string, std::shared_ptr<const SafetensorsFile>> tensors_;
};

/// True for the name of a file in the directory itself: no "..", no '/' or '\', not absolute, not empty.
bool is_plain_file_name(std::string_view name);

}  // namespace exformer
