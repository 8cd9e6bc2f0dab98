// A model family: one `model_type` of config.json, its architectures, and how its checkpoints are spelled.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exformer/base/json.h"
#include "exformer/checkpoint/config_reader.h"
#include "exformer/models/model.h"
#include "exformer/models/task.h"

namespace exformer {

/// What the exporter must know of a model before it is built.
struct ModelFacts {
  int64_t vocab_size = 0;  // text models: token ids are below it
  int64_t max_position_embeddings = 0;
  std::vector<int64_t> image_size;  // vision models: channels, height, width
  std::vector<int64_t> patch_size;  // height, width
  bool any_image_size = false;      // from one patch on: set for calls with interpolate_pos_encoding
  int64_t hidden_size = 0;
  int64_t num_key_value_heads = 0;
  int64_t head_dim = 0;
  std::vector<std::optional<int64_t>> layer_windows;  // decoders: the sliding window of each layer
  bool supports_cache = false;
  bool has_token_type_ids = false;
  bool has_absolute_positions = false;  // a table of position embeddings: sequences end with it
};

/// A parameter that shares another one's data.
struct TiedWeight {
  std::string name;
  std::string source;
};

/// One class that `architectures` may name.
struct Architecture {
  std::string name;  // "LlamaForCausalLM"
  Task task;
  /// Declares the parameters under `scope` and returns the model. The config has been read before without faults.
  std::function<std::unique_ptr<Model>(Scope scope, ConfigReader& config)> build;
  std::string base_model_prefix;  // "model": where a base-model checkpoint's keys go; empty for the base model itself
  std::vector<TiedWeight> tied_weights = {};  // when config.tie_word_embeddings
};

/// A checkpoint key rewritten before it is matched: std::regex (ECMAScript) and its replacement, applied in order.
struct KeyRename {
  std::string pattern;
  std::string replacement;
};

struct ModelFamily {
  std::string model_type;
  std::function<ModelFacts(ConfigReader& config)> facts;
  std::vector<Architecture> architectures;
  bool ties_word_embeddings_by_default = false;
  std::vector<KeyRename> key_renames = {};
  std::vector<std::string> ignorable_keys =
      {};  // regexes over checkpoint keys that another head or an old version left there
};

/// Every family of the zoo (families.inc).
const std::vector<ModelFamily>& model_families();
/// The family of a config; an unknown model_type throws ExportError (Unsupported) with the nearest names.
const ModelFamily& find_family(const std::string& model_type);
/// The architecture by its class name, or by task; throws ExportError (Unsupported) naming those that exist.
const Architecture& find_architecture(const ModelFamily& family, const std::string& class_name);
const Architecture& find_architecture(const ModelFamily& family, Task task);

}  // namespace exformer
