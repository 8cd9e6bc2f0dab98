// A Hugging Face checkpoint directory: its configs and its weights, mapped from one safetensors file or from shards.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "exformer/base/json.h"
#include "exformer/checkpoint/safetensors.h"

namespace exformer {

class Checkpoint {
 public:
  /// Opens and validates all of it. Faults (no config.json, a shard that is missing, outside the directory or without a tensor that the
  /// index names, only pickled weights) throw ExportError.
  static Checkpoint open(const std::filesystem::path& directory);

  const std::filesystem::path& directory() const { return directory_; }
  const Json& config() const { return config_; }
  /// The text of a file beside the weights, when it is there ("generation_config.json").
  std::optional<std::string> text_file(const std::string& name) const;

  /// Where each tensor lies.
  const std::map<std::string, std::shared_ptr<const SafetensorsFile>>& tensors() const { return tensors_; }
  HostTensor tensor(const std::string& name) const;
  const SafetensorsEntry& entry(const std::string& name) const;

 private:
  std::filesystem::path directory_;
  Json config_;
  std::map<std::string, std::shared_ptr<const SafetensorsFile>> tensors_;
};

}  // namespace exformer
