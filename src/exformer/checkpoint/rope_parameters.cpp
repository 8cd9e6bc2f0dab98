// The parameters of rotary embeddings in every spelling that config.json has had; matches transformers'
// modeling_rope_utils.py.
#include <algorithm>

#include "exformer/base/error.h"
#include "exformer/base/strings.h"
#include "exformer/checkpoint/config_reader.h"

namespace exformer {
namespace {

void read_fields(ConfigReader& reader, RopeParameters& rope) {
  const auto real = [&](const char* name) {
    return reader.has(name) ? std::optional(reader.optional_real(name, 0.0)) : std::nullopt;
  };
  // Python's `value or default`: 0 counts as absent.
  const auto nonzero = [&](const char* name) {
    const auto value = real(name);
    return value && *value != 0.0 ? value : std::nullopt;
  };
  rope.rope_type = reader.optional_string("rope_type", reader.optional_string("type", "default"));
  rope.rope_theta = reader.optional_real("rope_theta", rope.rope_theta);
  rope.partial_rotary_factor = reader.optional_real("partial_rotary_factor", rope.partial_rotary_factor);
  rope.factor = real("factor");
  rope.attention_factor = real("attention_factor");
  rope.beta_fast = nonzero("beta_fast");
  rope.beta_slow = nonzero("beta_slow");
  rope.mscale = nonzero("mscale");
  rope.mscale_all_dim = nonzero("mscale_all_dim");
  rope.low_freq_factor = real("low_freq_factor");
  rope.high_freq_factor = real("high_freq_factor");
  rope.truncate = reader.optional_bool("truncate", true);
  rope.short_factor = reader.optional_reals("short_factor");
  rope.long_factor = reader.optional_reals("long_factor");
  if (reader.has("original_max_position_embeddings")) {
    rope.original_max_position_embeddings = reader.optional_int("original_max_position_embeddings", 0, {.min = 1});
  }
}

/// The keys that each type needs, and figures that no arithmetic survives.
void check(const RopeParameters& rope, const Json* object, const std::string& source) {
  const auto need = [&](std::string_view field, bool null_allowed = false) {
    const auto found = object ? object->find(field) : Json::const_iterator();
    if (!object || found == object->end() || (found->is_null() && !null_allowed)) {
      fail("{}: rope_type '{}' needs '{}'", source, rope.rope_type, field);
    }
  };
  if (rope.rope_type == "linear" || rope.rope_type == "dynamic" || rope.rope_type == "llama3") need("factor");
  if (rope.rope_type == "yarn") need("factor", true);  // null: the ratio of the two lengths
  if (rope.rope_type == "longrope") {
    need("short_factor");
    need("long_factor");
  }
  if (rope.rope_type == "llama3") {
    need("low_freq_factor");
    need("high_freq_factor");
    if (*rope.low_freq_factor <= 0.0 || *rope.high_freq_factor <= *rope.low_freq_factor) {
      fail("{}: low_freq_factor is {} and high_freq_factor {}, allowed is 0 < low < high", source,
           *rope.low_freq_factor, *rope.high_freq_factor);
    }
  }
  if (rope.rope_theta <= 0.0) fail("{}: rope_theta is {}, allowed is a positive number", source, rope.rope_theta);
  if (rope.partial_rotary_factor <= 0.0 || rope.partial_rotary_factor > 1.0) {
    fail("{}: partial_rotary_factor is {}, allowed is (0, 1]", source, rope.partial_rotary_factor);
  }
  if (rope.factor && *rope.factor <= 0.0)
    fail("{}: the rope factor is {}, allowed is a positive number", source, *rope.factor);
}

}  // namespace

std::pair<const Json*, std::string> ConfigReader::rope_object(const std::string& layer_type) {
  // A non-empty rope_scaling wins, as in RotaryEmbeddingConfigMixin.convert_rope_params_to_dict.
  const Json* scaling = find("rope_scaling");
  const Json* parameters = find("rope_parameters");
  if (scaling && !scaling->is_object()) wrong("rope_scaling", "an object");
  if (parameters && !parameters->is_object()) wrong("rope_parameters", "an object");
  const bool is_scaling = scaling && !scaling->empty();
  const std::string name = is_scaling ? "rope_scaling" : "rope_parameters";
  const Json* object = is_scaling ? scaling : parameters;
  if (!object) return {nullptr, name};

  std::vector<std::string> nested;
  const std::vector<std::string> types = layer_types();
  for (const auto& [key, value] : object->get_ref<const Json::object_t&>()) {
    if (std::find(types.begin(), types.end(), key) != types.end() && (value.is_object() || value.is_null()))
      nested.push_back(key);
  }
  if (nested.empty()) return {object, name};
  if (!layer_type.empty()) {
    const auto found = object->find(layer_type);
    if (found == object->end())
      fail("{}: {} has nothing for the layer type '{}'{}", source_, name, layer_type, nearest_hint(layer_type, nested));
    return {found->is_null() ? nullptr : &*found, name + "." + layer_type};
  }
  for (const std::string& key : nested) {
    if (object->at(key) != object->at(nested.front())) {
      unsupported("{}: {} differs by layer type ({}), which this family does not support", source_, name,
                  join(nested, ", "));
    }
  }
  const Json& common = object->at(nested.front());
  return {common.is_null() ? nullptr : &common, name + "." + nested.front()};
}

RopeParameters ConfigReader::rope_parameters(const RopeRequest& request) {
  const auto [object, name] = rope_object(request.layer_type);
  RopeParameters rope;
  rope.rope_theta = optional_real("rope_theta", request.default_theta);
  rope.partial_rotary_factor = optional_real("partial_rotary_factor", rope.partial_rotary_factor);
  if (object) {
    if (!object->is_object()) wrong(split(name, '.').front(), "an object");
    ConfigReader reader(*object, source_ + ": " + name);
    read_fields(reader, rope);
  }
  static const std::vector<std::string> kTypes = {"default", "linear", "dynamic", "yarn", "longrope", "llama3"};
  if (rope.rope_type == "su") rope.rope_type = "longrope";  // its name before transformers 4.43
  if (std::find(kTypes.begin(), kTypes.end(), rope.rope_type) == kTypes.end()) {
    unsupported("{}: rope_type '{}' is not supported{}; supported: {}", source_, rope.rope_type,
                nearest_hint(rope.rope_type, kTypes), join(kTypes, ", "));
  }
  // Phi3 keeps the pretrained length beside the parameters; there it wins for the types that use it.
  if (has("original_max_position_embeddings") && rope.rope_type != "default" && rope.rope_type != "linear" &&
      rope.rope_type != "dynamic") {
    rope.original_max_position_embeddings = optional_int("original_max_position_embeddings", 0, {.min = 1});
  }
  check(rope, object, source_ + ": " + name);
  return rope;
}

}  // namespace exformer
