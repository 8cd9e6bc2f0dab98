#include "exformer/exporters/auto_model.h"

#include "exformer/base/strings.h"
#include "exformer/checkpoint/checkpoint_check.h"
#include "exformer/checkpoint/hub.h"

namespace exformer {
namespace {

/// transformers' dtype="auto": the config's, else that of the first floating weight.
DType resolve_dtype(const Checkpoint& checkpoint, ConfigReader& config, const PretrainedOptions& options) {
  if (options.dtype) return *options.dtype;
  if (const auto name = config.dtype()) {
    const auto dtype = parse_dtype(*name);
    if (!dtype || !is_floating_point(*dtype)) fail("{}: dtype '{}' is not a floating dtype", config.source(), *name);
    return *dtype;
  }
  for (const auto& [name, file] : checkpoint.tensors()) {
    const DType dtype = checkpoint.entry(name).dtype;
    if (is_floating_point(dtype)) return dtype;
  }
  return DType::Float32;
}

const Architecture& resolve_architecture(const ModelFamily& family, const Json& config, std::optional<Task> task) {
  if (task) return find_architecture(family, *task);
  const auto listed = config.find("architectures");
  if (listed == config.end() || !listed->is_array() || listed->empty())
    return find_architecture(family, Task::FeatureExtraction);
  if (!listed->front().is_string()) fail("config.json: 'architectures' must be a list of class names");
  return find_architecture(family, listed->front().get<std::string>());
}

}  // namespace

ModelFacts PretrainedModel::facts() const {
  ConfigReader reader(checkpoint->config(), (checkpoint->directory() / "config.json").string());
  return family->facts(reader);
}

PretrainedModel load_pretrained(const std::string& path, const PretrainedOptions& options, std::optional<Task> task) {
  PretrainedModel model;
  model.options = options;
  const std::filesystem::path directory = resolve_checkpoint(path);
  check_checkpoint(directory, options.trust_remote_code);
  model.checkpoint = std::make_shared<const Checkpoint>(Checkpoint::open(directory));
  const Json& config = model.checkpoint->config();
  ConfigReader reader(config, (model.checkpoint->directory() / "config.json").string());
  const std::string model_type = reader.optional_string("model_type", "");
  if (model_type.empty()) fail("{}: there is no 'model_type'", reader.source());
  if (const auto code = own_code(config); !code.empty()) {
    unsupported(
        "{}: the model is defined by code of the checkpoint's own ({}, auto_map), which the native front end never "
        "runs; "
        "with --trust-remote-code, --frontend auto and transformers do",
        reader.source(), code.back().file);
  }
  model.family = &find_family(model_type);
  model.architecture = &resolve_architecture(*model.family, config, task);
  const ModelFacts facts = model.family->facts(reader);
  model.dtype = resolve_dtype(*model.checkpoint, reader, options);
  if (model.dtype != DType::Float32 && model.dtype != DType::Float16 && model.dtype != DType::BFloat16) {
    unsupported("dtype {} is not supported (float32, float16, bfloat16)", dtype_name(model.dtype));
  }
  model.flags.use_cache = facts.supports_cache && reader.optional_bool("use_cache", true);
  model.flags.output_hidden_states = reader.optional_bool("output_hidden_states", false);
  model.flags.output_attentions = reader.optional_bool("output_attentions", false);
  model.flags.return_dict = reader.optional_bool("return_dict", reader.optional_bool("use_return_dict", true));
  return model;
}

}  // namespace exformer
