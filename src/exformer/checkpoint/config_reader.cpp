#include "exformer/checkpoint/config_reader.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "exformer/base/error.h"
#include "exformer/base/strings.h"

namespace exformer {

const Json* ConfigReader::find(const std::string& name) {
  read_.insert(name);
  const auto found = object_->find(name);
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

void ConfigReader::missing(const std::string& name) const { fail("{}: there is no '{}'", source_, name); }

void ConfigReader::wrong(const std::string& name, const std::string& allowed) const {
  std::string received = dump_json(object_->at(name));
  if (received.size() > 80) received = received.substr(0, 77) + "...";
  fail("{}: '{}' is {}, allowed is {}", source_, name, received, allowed);
}

bool ConfigReader::has(const std::string& name) { return find(name) != nullptr; }
bool ConfigReader::is_null(const std::string& name) {
  read_.insert(name);
  const auto found = object_->find(name);
  return found != object_->end() && found->is_null();
}

int64_t ConfigReader::int_of(const Json& value, const std::string& name, IntRange range,
                             std::string_view prefix) const {
  const auto refuse = [&]() { wrong(name, fmt::format("{}an integer in [{}, {}]", prefix, range.min, range.max)); };
  int64_t integer = 0;
  if (value.is_number_unsigned()) {
    if (value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) refuse();
    integer = value.get<int64_t>();
  } else if (value.is_number_integer()) {
    integer = value.get<int64_t>();
  } else if (value.is_number_float() && std::floor(value.get<double>()) == value.get<double>() &&
             std::abs(value.get<double>()) < 1e15) {
    integer = static_cast<int64_t>(value.get<double>());
  } else {
    refuse();
  }
  if (integer < range.min || integer > range.max) refuse();
  return integer;
}

int64_t ConfigReader::required_int(const std::string& name, IntRange range) {
  const Json* value = find(name);
  if (!value) missing(name);
  return int_of(*value, name, range);
}

int64_t ConfigReader::optional_int(const std::string& name, int64_t otherwise, IntRange range) {
  const Json* value = find(name);
  return value ? int_of(*value, name, range) : otherwise;
}

double ConfigReader::required_real(const std::string& name) {
  if (!find(name)) missing(name);
  return optional_real(name, 0.0);
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
  if (value->is_number_integer() && (value->get<int64_t>() == 0 || value->get<int64_t>() == 1))
    return value->get<int64_t>() == 1;
  if (!value->is_boolean()) wrong(name, "true or false");
  return value->get<bool>();
}

std::string ConfigReader::required_string(const std::string& name) {
  if (!find(name)) missing(name);
  return optional_string(name, "");
}

std::string ConfigReader::optional_string(const std::string& name, const std::string& otherwise) {
  const Json* value = find(name);
  if (!value) return otherwise;
  if (!value->is_string()) wrong(name, "a string");
  return value->get<std::string>();
}

std::string ConfigReader::optional_choice(const std::string& name, const std::string& otherwise,
                                          const std::vector<std::string>& allowed) {
  std::string value = optional_string(name, otherwise);
  if (std::find(allowed.begin(), allowed.end(), value) == allowed.end()) {
    unsupported("{}: '{}' is '{}', which is not supported{}; supported: {}", source_, name, value,
                nearest_hint(value, allowed), join(allowed, ", "));
  }
  return value;
}

std::vector<std::string> ConfigReader::optional_strings(const std::string& name) {
  const Json* value = find(name);
  if (!value) return {};
  if (!value->is_array() ||
      !std::all_of(value->begin(), value->end(), [](const Json& item) { return item.is_string(); }))
    wrong(name, "a list of strings");
  return value->get<std::vector<std::string>>();
}

std::vector<double> ConfigReader::optional_reals(const std::string& name) {
  const Json* value = find(name);
  if (!value) return {};
  if (!value->is_array() ||
      !std::all_of(value->begin(), value->end(), [](const Json& item) { return item.is_number(); }))
    wrong(name, "a list of numbers");
  return value->get<std::vector<double>>();
}

std::vector<int64_t> ConfigReader::optional_ints(const std::string& name, IntRange range) {
  const Json* value = find(name);
  if (!value) return {};
  constexpr std::string_view kPrefix = "a list, each element ";
  if (!value->is_array()) wrong(name, fmt::format("{}an integer in [{}, {}]", kPrefix, range.min, range.max));
  std::vector<int64_t> integers;
  for (const Json& item : *value) integers.push_back(int_of(item, name, range, kPrefix));
  return integers;
}

std::pair<int64_t, int64_t> ConfigReader::optional_int_pair(const std::string& name,
                                                            std::pair<int64_t, int64_t> otherwise) {
  const Json* value = find(name);
  if (!value) return otherwise;
  constexpr IntRange kRange{.min = 1, .max = 1 << 24};
  constexpr std::string_view kPrefix = "one or a list of two, each ";
  if (!value->is_array()) {
    const int64_t both = int_of(*value, name, kRange, kPrefix);
    return {both, both};
  }
  if (value->size() != 2) wrong(name, fmt::format("{}an integer in [{}, {}]", kPrefix, kRange.min, kRange.max));
  return {int_of((*value)[0], name, kRange, kPrefix), int_of((*value)[1], name, kRange, kPrefix)};
}

int64_t ConfigReader::num_labels() {
  const Json* labels = find("id2label");
  if (labels && !labels->is_object()) wrong("id2label", "an object");
  // Both given: num_labels wins, as the last attribute that PreTrainedConfig.__post_init__ sets.
  return optional_int("num_labels", labels ? static_cast<int64_t>(labels->size()) : 2, {.min = 0});
}

std::optional<std::string> ConfigReader::dtype() {
  for (const char* name : {"dtype", "torch_dtype"}) {
    const std::string text = optional_string(name, "auto");
    if (text != "auto") return text;
  }
  return std::nullopt;
}

std::vector<std::string> ConfigReader::layer_types() {
  // _LEGACY_LAYER_TYPE_REMAP of transformers' configuration_utils.py
  static const std::map<std::string, std::string> kRenamed = {{"mamba", "linear_attention"},
                                                              {"attention", "full_attention"},
                                                              {"deepseek_sparse_attention", "indexed_attention"},
                                                              {"qwen_sparse_attention", "indexed_attention"}};
  std::vector<std::string> types = optional_strings("layer_types");
  for (std::string& type : types) {
    if (const auto renamed = kRenamed.find(type); renamed != kRenamed.end()) type = renamed->second;
  }
  return types;
}

std::vector<std::string> ConfigReader::unread_keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object_->items()) {
    if (!read_.contains(key)) keys.push_back(key);
  }
  return keys;
}

}  // namespace exformer
