#include "exformer/checkpoint/config_reader.h"

#include <algorithm>
#include <cmath>

#include "exformer/base/error.h"
#include "exformer/base/strings.h"

namespace exformer {

const Json* ConfigReader::find(const std::string& name) {
  read_.insert(name);
  const auto found = object_->find(name);
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

void ConfigReader::wrong(const std::string& name, const std::string& allowed) {
  std::string received = object_->at(name).dump();
  if (received.size() > 80) received = received.substr(0, 77) + "...";
  fail("{}: '{}' is {}, allowed is {}", source_, name, received, allowed);
}

bool ConfigReader::has(const std::string& name) { return find(name) != nullptr; }
bool ConfigReader::is_null(const std::string& name) {
  read_.insert(name);
  const auto found = object_->find(name);
  return found != object_->end() && found->is_null();
}

int64_t ConfigReader::optional_int(const std::string& name, int64_t otherwise, IntRange range) {
  const Json* value = find(name);
  if (!value) return otherwise;
  const std::string allowed = fmt::format("an integer in [{}, {}]", range.min, range.max);
  int64_t integer = 0;
  if (value->is_number_unsigned() && value->get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) wrong(name, allowed);
  if (value->is_number_integer()) {
    integer = value->get<int64_t>();
  } else if (value->is_number_float() && std::floor(value->get<double>()) == value->get<double>() && std::abs(value->get<double>()) < 1e15) {
    integer = static_cast<int64_t>(value->get<double>());
  } else {
    wrong(name, allowed);
  }
  if (integer < range.min || integer > range.max) wrong(name, allowed);
  return integer;
}

double ConfigReader::optional_real(const std::string& name, double otherwise) {
  const Json* value = find(name);
  if (!value) return otherwise;
  if (!value->is_number() || !std::isfinite(value->get<double>())) wrong(name, "a number");
  return value->get<double>();
}

bool ConfigReader::optional_bool(const std::string& name, bool otherwise) {
  const Json* value = find(name);
  if (!value) return otherwise;
  if (value->is_number_integer() && (value->get<int64_t>() == 0 || value->get<int64_t>() == 1)) return value->get<int64_t>() == 1;
  if (!value->is_boolean()) wrong(name, "true or false");
  return value->get<bool>();
}

std::string ConfigReader::optional_string(const std::string& name, const std::string& otherwise) {
  const Json* value = find(name);
  if (!value) return otherwise;
  if (!value->is_string()) wrong(name, "a string");
  return value->get<std::string>();
}

std::vector<std::string> ConfigReader::optional_strings(const std::string& name) {
  const Json* value = find(name);
  if (!value) return {};
  if (!value->is_array() || !std::all_of(value->begin(), value->end(), [](const Json& item) { return item.is_string(); })) wrong(name, "a list of strings");
  return value->get<std::vector<std::string>>();
}

std::vector<double> ConfigReader::optional_reals(const std::string& name) {
  const Json* value = find(name);
  if (!value) return {};
  if (!value->is_array() || !std::all_of(value->begin(), value->end(), [](const Json& item) { return item.is_number(); })) wrong(name, "a list of numbers");
  return value->get<std::vector<double>>();
}

std::pair<int64_t, int64_t> ConfigReader::optional_int_pair(const std::string& name, std::pair<int64_t, int64_t> otherwise) {
  const Json* value = find(name);
  if (!value) return otherwise;
  const auto is_size = [](const Json& item) { return item.is_number_integer() && item.get<int64_t>() >= 1 && item.get<int64_t>() <= (1 << 24); };
  if (is_size(*value)) return {value->get<int64_t>(), value->get<int64_t>()};
  if (!value->is_array() || value->size() != 2 || !is_size((*value)[0]) || !is_size((*value)[1])) wrong(name, "a positive integer or two of them");
  return {(*value)[0].get<int64_t>(), (*value)[1].get<int64_t>()};
}

int64_t ConfigReader::num_labels() {
  if (const Json* labels = find("id2label"); labels && labels->is_object() && !labels->empty()) {
    read_.insert("num_labels");
    return static_cast<int64_t>(labels->size());
  }
  return optional_int("num_labels", 2, {.min = 0});
}

std::optional<std::string> ConfigReader::dtype() {
  for (const char* name : {"dtype", "torch_dtype"}) {
    const std::string text = optional_string(name, "auto");
    if (text != "auto") return text;
  }
  return std::nullopt;
}

RopeParameters ConfigReader::rope_parameters() {
  const Json* parameters = find("rope_parameters");
  const Json* scaling = find("rope_scaling");
  const std::string name = parameters ? "rope_parameters" : "rope_scaling";
  const Json* object = parameters ? parameters : scaling;
  RopeParameters rope;
  rope.rope_theta = optional_real("rope_theta", rope.rope_theta);
  rope.partial_rotary_factor = optional_real("partial_rotary_factor", rope.partial_rotary_factor);
  if (has("original_max_position_embeddings")) rope.original_max_position_embeddings = optional_int("original_max_position_embeddings", 0, {.min = 1});
  if (object) {
    if (!object->is_object()) wrong(name, "an object");
    ConfigReader reader(*object, source_ + ": " + name);
    rope.rope_type = reader.optional_string("rope_type", reader.optional_string("type", "default"));
    rope.rope_theta = reader.optional_real("rope_theta", rope.rope_theta);
    rope.partial_rotary_factor = reader.optional_real("partial_rotary_factor", rope.partial_rotary_factor);
    if (reader.has("original_max_position_embeddings")) {
      rope.original_max_position_embeddings = reader.optional_int("original_max_position_embeddings", 0, {.min = 1});
    }
    const auto real = [&](const char* field) { return reader.has(field) ? std::optional(reader.optional_real(field, 0.0)) : std::nullopt; };
    rope.factor = real("factor");
    rope.attention_factor = real("attention_factor");
    rope.beta_fast = real("beta_fast");
    rope.beta_slow = real("beta_slow");
    rope.mscale = real("mscale");
    rope.mscale_all_dim = real("mscale_all_dim");
    rope.low_freq_factor = real("low_freq_factor");
    rope.high_freq_factor = real("high_freq_factor");
    rope.truncate = reader.optional_bool("truncate", true);
    rope.short_factor = reader.optional_reals("short_factor");
    rope.long_factor = reader.optional_reals("long_factor");
  }
  const std::vector<std::string> types = {"default", "linear", "dynamic", "yarn", "longrope", "llama3"};
  if (rope.rope_type == "su") rope.rope_type = "longrope";  // its name before transformers 4.43
  if (std::find(types.begin(), types.end(), rope.rope_type) == types.end()) {
    unsupported("{}: rope_type '{}' is not supported{}; supported: {}", source_, rope.rope_type, nearest_hint(rope.rope_type, types), join(types, ", "));
  }
  const auto need = [&](bool present, std::string_view field) {
    if (!present) fail("{}: rope_type '{}' needs '{}' in {}", source_, rope.rope_type, field, name);
  };
  if (rope.rope_theta <= 0.0) fail("{}: rope_theta is {}, allowed is a positive number", source_, rope.rope_theta);
  if (rope.partial_rotary_factor <= 0.0 || rope.partial_rotary_factor > 1.0) {
    fail("{}: partial_rotary_factor is {}, allowed is (0, 1]", source_, rope.partial_rotary_factor);
  }
  if (rope.factor && *rope.factor <= 0.0) fail("{}: the rope factor is {}, allowed is a positive number", source_, *rope.factor);
  if (rope.rope_type == "linear" || rope.rope_type == "dynamic" || rope.rope_type == "llama3") need(rope.factor.has_value(), "factor");
  if (rope.rope_type == "longrope") {
    need(!rope.short_factor.empty(), "short_factor");
    need(!rope.long_factor.empty(), "long_factor");
  }
  if (rope.rope_type == "llama3") {
    need(rope.low_freq_factor.has_value(), "low_freq_factor");
    need(rope.high_freq_factor.has_value(), "high_freq_factor");
    if (*rope.high_freq_factor <= *rope.low_freq_factor) fail("{}: high_freq_factor must be above low_freq_factor", source_);
  }
  return rope;
}

std::vector<std::string> ConfigReader::unread_keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object_->items()) {
    if (!read_.contains(key)) keys.push_back(key);
  }
  return keys;
}

}  // namespace exformer
