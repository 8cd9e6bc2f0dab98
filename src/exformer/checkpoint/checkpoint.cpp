#include "exformer/checkpoint/checkpoint.h"

#include "exformer/base/error.h"
#include "exformer/checkpoint/checkpoint_check.h"

namespace exformer {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSingleFile = "model.safetensors";
constexpr const char* kIndexFile = "model.safetensors.index.json";
constexpr size_t kTextLimit = size_t{64} << 20;
constexpr size_t kIndexLimit = size_t{256} << 20;

bool is_there(const fs::path& path) {
  std::error_code error;
  const bool exists = fs::exists(path, error);
  if (error) fail("cannot read '{}': {}", path.string(), error.message());
  return exists;
}

using TensorMap = std::map<std::string, std::shared_ptr<const SafetensorsFile>>;

void add_tensors(const std::shared_ptr<const SafetensorsFile>& file, TensorMap& tensors) {
  for (const auto& [name, entry] : file->entries()) {
    const auto [position, inserted] = tensors.emplace(name, file);
    if (!inserted) {
      fail("the tensor '{}' is in two shards: '{}' and '{}'", name, position->second->path().string(),
           file->path().string());
    }
  }
}

TensorMap open_shards(const fs::path& directory) {
  const fs::path index_path = directory / kIndexFile;
  const std::string source = index_path.string();
  const Json index = parse_json(read_text_file(index_path, kIndexLimit), source);
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object()) {
    fail("{}: there is no object 'weight_map'", source);
  }
  TensorMap tensors;
  std::map<std::string, std::shared_ptr<const SafetensorsFile>> shards;
  for (const auto& [name, value] : index["weight_map"].items()) {
    if (!value.is_string()) fail("{}: the shard of '{}' is not a file name", source, name);
    const auto shard = value.get<std::string>();
    auto& file = shards[shard];
    if (!file) {
      if (!is_plain_file_name(shard))
        fail("{}: the shard {} lies outside the checkpoint directory", source, dump_json(shard));
      if (!is_there(directory / shard)) fail("{}: the shard '{}' is missing", source, shard);
      file = SafetensorsFile::open(directory / shard);
      add_tensors(file, tensors);
    }
    if (!file->entries().contains(name)) fail("{}: the shard '{}' has no tensor '{}'", source, shard, name);
  }
  return tensors;
}

}  // namespace

bool is_plain_file_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

Checkpoint Checkpoint::open(const fs::path& directory) {
  std::error_code error;
  if (!fs::is_directory(directory, error)) {
    if (is_there(directory)) fail("'{}' is not a directory", directory.string());
    fail("'{}' does not exist", directory.string());
  }
  Checkpoint checkpoint;
  checkpoint.directory_ = directory;
  check_directory(directory);
  const fs::path config_path = directory / "config.json";
  checkpoint.config_ = parse_json(read_text_file(config_path, kTextLimit), config_path.string());
  if (!checkpoint.config_.is_object()) fail("{}: not a JSON object", config_path.string());
  const auto model_type = checkpoint.config_.find("model_type");
  if (model_type == checkpoint.config_.end() || !model_type->is_string()) {
    fail("{}: 'model_type' is {}, allowed is the name of a model family", config_path.string(),
         model_type == checkpoint.config_.end() ? "absent" : dump_json(*model_type));
  }
  if (is_there(directory / kSingleFile)) {
    add_tensors(SafetensorsFile::open(directory / kSingleFile), checkpoint.tensors_);
  } else if (is_there(directory / kIndexFile)) {
    checkpoint.tensors_ = open_shards(directory);
  } else {
    refuse_without_weights(directory);
  }
  return checkpoint;
}

std::optional<std::string> Checkpoint::text_file(const std::string& name) const {
  if (!is_there(directory_ / name)) return std::nullopt;
  return read_text_file(directory_ / name, kTextLimit);
}

std::optional<Json> Checkpoint::generation_config() const {
  const auto text = text_file("generation_config.json");
  if (!text) return std::nullopt;
  const std::string source = (directory_ / "generation_config.json").string();
  Json config = parse_json(*text, source);
  if (!config.is_object()) fail("{}: not a JSON object", source);
  return config;
}

HostTensor Checkpoint::tensor(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) fail("'{}' has no tensor '{}'", directory_.string(), name);
  return found->second->tensor(name);
}

const SafetensorsEntry& Checkpoint::entry(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) fail("'{}' has no tensor '{}'", directory_.string(), name);
  return found->second->entries().at(name);
}

}  // namespace exformer
