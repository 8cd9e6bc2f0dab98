#include "exformer/checkpoint/checkpoint_check.h"

#include <algorithm>

#include "exformer/base/error.h"
#include "exformer/base/file.h"
#include "exformer/base/strings.h"

namespace exformer {
namespace {

namespace fs = std::filesystem;

constexpr size_t kTextLimit = size_t{64} << 20;
constexpr const char* kAdapterFile = "adapter_config.json";

std::vector<std::string> file_names(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error))
    names.push_back(entry->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string text_field(const Json& object, const char* name, const char* otherwise) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() && found->is_string() ? found->get<std::string>() : otherwise;
}

/// from_pretrained of transformers would add the adapter to the base; the base alone is another model.
[[noreturn]] void refuse_adapter(const fs::path& directory, bool has_base) {
  const fs::path path = directory / kAdapterFile;
  const Json config = Json::parse(read_text_file(path, kTextLimit), nullptr, /*allow_exceptions=*/false);
  const std::string kind = text_field(config, "peft_type", "PEFT");
  const std::string base = text_field(config, "base_model_name_or_path", "a base that it does not name");
  unsupported(
      "'{}' holds {} adapter ({}: {}) for '{}'. Adapters are not applied here: merge it into its base once, with "
      "peft's "
      "PeftModel.from_pretrained(base, adapter).merge_and_unload().save_pretrained(...), and export the result{}",
      directory.string(), has_base ? "a model and an" : "only an", kAdapterFile, kind, base,
      has_base ? fmt::format("; for the model without it, take {} out of the directory", kAdapterFile) : "");
}

/// "fp16" of "model.fp16.safetensors" and "model.safetensors.index.fp16.json"; empty for anything else.
std::string variant_of(const std::string& file) {
  for (const auto& [begin, end] :
       {std::pair{"model.safetensors.index.", ".json"}, std::pair{"model.", ".safetensors"}}) {
    const size_t affixes = std::string_view(begin).size() + std::string_view(end).size();
    if (file.starts_with(begin) && file.ends_with(end) && file.size() > affixes)
      return file.substr(std::string_view(begin).size(), file.size() - affixes);
  }
  return {};
}

/// Weights as PyTorch, TensorFlow and Flax pickle or pack them; a trainer's state is none.
bool is_foreign(const std::string& file) {
  if (file.starts_with("pytorch_model") || file.ends_with(".h5") || file.ends_with(".msgpack")) return true;
  const bool is_state = file.starts_with("training_args") || file.starts_with("optimizer") ||
                        file.starts_with("scheduler") || file.starts_with("rng_state");
  const auto ends_so = [&](const char* end) { return file.ends_with(end); };
  return !is_state && (ends_so(".bin") || ends_so(".pt") || ends_so(".pth") || ends_so(".ckpt"));
}

void check_quantization(const Json& config, const std::string& source) {
  const auto found = config.find("quantization_config");
  if (found == config.end() || found->is_null()) return;
  std::string method = text_field(*found, "quant_method", "");
  if (method.empty() && found->is_object() && (found->contains("load_in_4bit") || found->contains("load_in_8bit")))
    method = "bitsandbytes";
  if (method.empty()) method = "a method that it does not name";
  unsupported(
      "{}: the weights are quantized by {} (quantization_config), which is not supported: export the unquantized "
      "checkpoint that they were made from",
      source, method);
}

void check_own_code(const Json& config, const std::string& source) {
  std::vector<std::string> files;
  for (const OwnCode& code : own_code(config)) {
    std::string file = code.repository.empty() ? code.file : code.file + " of " + code.repository;
    if (!contains(files, file)) files.push_back(std::move(file));
  }
  if (files.empty()) return;
  unsupported(
      "{}: the model is defined by code of the checkpoint's own ({}, auto_map). Read it, and let it run with "
      "--trust-remote-code (trust_remote_code in the library): while the config has auto_map, no other model stands in "
      "for it",
      source, join(files, ", "));
}

}  // namespace

std::vector<OwnCode> own_code(const Json& config) {
  std::vector<OwnCode> entries;
  const auto found = config.is_object() ? config.find("auto_map") : config.end();
  if (!config.is_object() || found == config.end() || !found->is_object()) return entries;
  for (const auto& [auto_class, value] : found->items()) {
    if (auto_class != "AutoConfig" && !auto_class.starts_with("AutoModel")) continue;
    if (!value.is_string()) continue;
    OwnCode code{.auto_class = auto_class, .reference = value.get<std::string>()};
    std::string name = code.reference;
    if (const size_t dashes = name.find("--"); dashes != std::string::npos) {
      code.repository = name.substr(0, dashes);
      name.erase(0, dashes + 2);
    }
    code.file = name.substr(0, name.rfind('.')) + ".py";
    entries.push_back(std::move(code));
  }
  return entries;
}

void refuse_without_weights(const std::string& place, const std::vector<std::string>& files) {
  constexpr const char* kUsual = "neither model.safetensors nor model.safetensors.index.json is there";
  std::vector<std::string> tensors, gguf, foreign;
  for (const std::string& file : files) {
    if (const std::string variant = variant_of(file); !variant.empty() && variant.find("-of-") == std::string::npos) {
      const std::string usual = file.ends_with(".json") ? "model.safetensors.index.json" : "model.safetensors";
      unsupported("{} has its weights only in the variant '{}' ('{}'), which is not read: rename the file to '{}'",
                  place, variant, file, usual);
    }
    if (file.ends_with(".safetensors")) tensors.push_back(file);
    if (file.ends_with(".gguf")) gguf.push_back(file);
    if (is_foreign(file)) foreign.push_back(file);
  }
  if (!tensors.empty()) {
    unsupported(
        "{} has safetensors under other names ('{}'{}), but {}: transformers' save_pretrained writes them under these",
        place, tensors.front(), tensors.size() > 1 ? ", ..." : "", kUsual);
  }
  if (!gguf.empty()) {
    unsupported(
        "{} has its weights only as GGUF ('{}'), which is not read: take the checkpoint with safetensors that it was "
        "made from, or convert it once with transformers: "
        "AutoModelForCausalLM.from_pretrained(..., gguf_file='{}').save_pretrained(...)",
        place, gguf.front(), gguf.front());
  }
  if (!foreign.empty()) {
    unsupported(
        "{} has its weights only as '{}'. Pickled and foreign weights are never read, as loading a pickle runs code; "
        "convert them once, where you trust them: AutoModel.from_pretrained(...).save_pretrained(...) of transformers "
        "writes model.safetensors",
        place, foreign.front());
  }
  fail("{} has no weights: {}", place, kUsual);
}

void refuse_without_weights(const fs::path& directory) {
  refuse_without_weights(fmt::format("'{}'", directory.string()), file_names(directory));
}

std::string quantized_tensor(const std::vector<std::string>& names) {
  constexpr std::string_view kEnds[] = {
      ".qweight",       ".qzeros", ".weight_packed", ".weight_scale", ".weight_scale_inv",
      ".weight.absmax", ".SCB",    "_proj_blocks",   "_proj_scales",  ".weight.quant_state"};
  const auto is_mark = [&](const std::string& name) {
    return std::any_of(std::begin(kEnds), std::end(kEnds), [&](std::string_view end) { return name.ends_with(end); });
  };
  const auto found = std::find_if(names.begin(), names.end(), is_mark);
  return found == names.end() ? std::string() : *found;
}

void check_directory(const fs::path& directory) {
  const std::vector<std::string> names = file_names(directory);
  if (contains(names, kAdapterFile)) refuse_adapter(directory, contains(names, "config.json"));
  if (contains(names, "config.json")) return;
  const auto is_gguf = [](const std::string& name) { return name.ends_with(".gguf"); };
  if (std::any_of(names.begin(), names.end(), is_gguf)) refuse_without_weights(directory);
  fail("'{}' has no config.json", directory.string());
}

void check_checkpoint(const fs::path& directory, bool trust_remote_code) {
  check_directory(directory);
  const fs::path path = directory / "config.json";
  const Json config = parse_json(read_text_file(path, kTextLimit), path.string());
  if (!config.is_object()) fail("{}: not a JSON object", path.string());
  if (!trust_remote_code) check_own_code(config, path.string());
  check_quantization(config, path.string());
  std::error_code error;
  if (!fs::exists(directory / "model.safetensors", error) &&
      !fs::exists(directory / "model.safetensors.index.json", error))
    refuse_without_weights(directory);
}

}  // namespace exformer
