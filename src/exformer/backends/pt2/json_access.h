// Checked access to parsed JSON of untrusted files: each fault is an ExportError that says which field is wrong.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "exformer/base/error.h"
#include "exformer/base/json.h"

namespace exformer::pt2 {

/// A member of an object.
inline const Json& member(const Json& object, std::string_view name) {
  if (object.is_object()) {
    const auto found = object.find(std::string(name));
    if (found != object.end()) return *found;
  }
  fail(".pt2: field '{}' is missing", name);
}

/// A member that may be absent or null.
inline const Json* optional_member(const Json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(std::string(name));
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

inline const Json& list_member(const Json& object, std::string_view name) {
  const Json& value = member(object, name);
  if (!value.is_array()) fail(".pt2: field '{}' must be a list", name);
  return value;
}

inline const Json& object_member(const Json& object, std::string_view name) {
  const Json& value = member(object, name);
  if (!value.is_object()) fail(".pt2: field '{}' must be an object", name);
  return value;
}

inline const std::string& text_of(const Json& value, std::string_view name) {
  if (!value.is_string()) fail(".pt2: field '{}' must be a text", name);
  return value.get_ref<const std::string&>();
}
inline const std::string& text_member(const Json& object, std::string_view name) {
  return text_of(member(object, name), name);
}

inline int64_t integer_of(const Json& value, std::string_view name) {
  if (!value.is_number_integer() ||
      (value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX))) {
    fail(".pt2: field '{}' must be an integer", name);
  }
  return value.get<int64_t>();
}
inline int64_t integer_member(const Json& object, std::string_view name) {
  return integer_of(member(object, name), name);
}

inline bool bool_of(const Json& value, std::string_view name) {
  if (!value.is_boolean()) fail(".pt2: field '{}' must be true or false", name);
  return value.get<bool>();
}

/// torch writes infinities and NaN as texts.
inline double float_of(const Json& value, std::string_view name) {
  if (value.is_number()) return value.get<double>();
  if (value == "Infinity") return std::numeric_limits<double>::infinity();
  if (value == "-Infinity") return -std::numeric_limits<double>::infinity();
  if (value == "NaN") return std::numeric_limits<double>::quiet_NaN();
  fail(".pt2: field '{}' must be a number", name);
}

/// A schema union: an object with one member, {kind: value}.
inline std::pair<const std::string&, const Json&> union_of(const Json& value, std::string_view name) {
  if (!value.is_object() || value.size() != 1) fail(".pt2: field '{}' must be an object with one member", name);
  const auto first = value.begin();
  return {first.key(), first.value()};
}

}  // namespace exformer::pt2
