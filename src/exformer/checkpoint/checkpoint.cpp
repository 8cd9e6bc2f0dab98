#include "exformer/checkpoint/checkpoint.h"

#include <set>

#include "exformer/base/error.h"

namespace exformer {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSingleFile = "model.safetensors";
constexpr const char* kIndexFile = "model.safetensors.index.json";

/// A shard's name as the index gives it must be a file of the directory itself.
void check_shard_name(const std::string& name, const fs::path& index) {
  const fs::path path(name);
  if (name.empty() || path.is_absolute() || path.has_parent_path() || name == "." || name == "..") {
    fail("{}: the shard '{}' lies outside the checkpoint directory", index.string(), name);
  }
}

std::map<std::string, std::shared_ptr<const SafetensorsFile>> open_shards(const fs::path& directory) {
  const fs::path index_path = directory / kIndexFile;
  const Json index = parse_json(read_text_file(index_path), index_path.string());
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object()) {
    fail("{}: there is no object 'weight_map'", index_path.string());
  }
  std::map<std::string, std::shared_ptr<const SafetensorsFile>> files, tensors;
  for (const auto& [name, shard] : index["weight_map"].items()) {
    if (!shard.is_string()) fail("{}: the shard of '{}' is not a file name", index_path.string(), name);
    const auto shard_name = shard.get<std::string>();
    auto& file = files[shard_name];
    if (!file) {
      check_shard_name(shard_name, index_path);
      if (!fs::exists(directory / shard_name)) fail("{}: the shard '{}' is missing", index_path.string(), shard_name);
      file = SafetensorsFile::open(directory / shard_name);
    }
    if (!file->entries().contains(name)) fail("{}: the shard '{}' has no tensor '{}'", index_path.string(), shard_name, name);
    tensors.emplace(name, file);
  }
  return tensors;
}

[[noreturn]] void fail_without_weights(const fs::path& directory) {
  for (const char* pickled : {"pytorch_model.bin", "pytorch_model.bin.index.json", "model.ckpt", "tf_model.h5", "flax_model.msgpack"}) {
    if (fs::exists(directory / pickled)) {
      unsupported("'{}' has only '{}': pickled and foreign weights are never read; save it as safetensors first (save_pretrained of transformers does)",
                  directory.string(), pickled);
    }
  }
  fail("'{}' has no weights: neither {} nor {} is there", directory.string(), kSingleFile, kIndexFile);
}

}  // namespace

Checkpoint Checkpoint::open(const fs::path& directory) {
  if (!fs::is_directory(directory)) fail("'{}' is not a directory", directory.string());
  Checkpoint checkpoint;
  checkpoint.directory_ = directory;
  const fs::path config_path = directory / "config.json";
  if (!fs::exists(config_path)) fail("'{}' has no config.json", directory.string());
  checkpoint.config_ = parse_json(read_text_file(config_path, size_t{64} << 20), config_path.string());
  if (!checkpoint.config_.is_object()) fail("{}: not a JSON object", config_path.string());
  if (fs::exists(directory / kSingleFile)) {
    const auto file = SafetensorsFile::open(directory / kSingleFile);
    for (const auto& [name, entry] : file->entries()) checkpoint.tensors_.emplace(name, file);
  } else if (fs::exists(directory / kIndexFile)) {
    checkpoint.tensors_ = open_shards(directory);
  } else {
    fail_without_weights(directory);
  }
  return checkpoint;
}

std::optional<std::string> Checkpoint::text_file(const std::string& name) const {
  if (!fs::exists(directory_ / name)) return std::nullopt;
  return read_text_file(directory_ / name, size_t{64} << 20);
}

HostTensor Checkpoint::tensor(const std::string& name) const { return tensors_.at(name)->tensor(name); }
const SafetensorsEntry& Checkpoint::entry(const std::string& name) const { return tensors_.at(name)->entries().at(name); }

}  // namespace exformer
