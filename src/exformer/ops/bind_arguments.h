// Brings the arguments of a call into the order and types of an op's schema.
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "exformer/base/error.h"
#include "exformer/ir/schema.h"

namespace exformer {
namespace detail {

inline bool is_list(ArgType type) {
  return type == ArgType::SymIntList || type == ArgType::IntList || type == ArgType::FloatList ||
         type == ArgType::BoolList || type == ArgType::TensorList || type == ArgType::OptionalTensorList ||
         type == ArgType::ScalarList;
}

/// The argument as the schema's type wants it, or nothing when it cannot be.
template <class T>
std::optional<BasicArgument<T>> coerce(const SchemaArgument& schema, BasicArgument<T> argument) {
  using A = BasicArgument<T>;
  if (argument.is_none()) {
    if (schema.optional || schema.type == ArgType::Generator) return argument;
    switch (schema.type) {  // "{}" in a call reads as an empty list
      case ArgType::SymIntList:
      case ArgType::IntList: return A(std::vector<SymInt>());
      case ArgType::TensorList:
      case ArgType::OptionalTensorList: return A(std::vector<T>());
      case ArgType::FloatList: return A(std::vector<double>());
      case ArgType::BoolList: return A(std::vector<bool>());
      default: return std::nullopt;
    }
  }
  const auto* integer = argument.template get_if<SymInt>();
  const auto* integers = argument.template get_if<std::vector<SymInt>>();
  const auto* flag = argument.template get_if<bool>();
  switch (schema.type) {
    case ArgType::Tensor: return argument.template is<T>() ? std::optional(argument) : std::nullopt;
    case ArgType::TensorList:
    case ArgType::OptionalTensorList:
      if (argument.template is<T>()) return A(std::vector<T>{argument.template as<T>()});
      if (integers && integers->empty()) return A(std::vector<T>());
      return argument.template is<std::vector<T>>() ? std::optional(argument) : std::nullopt;
    case ArgType::SymInt:
    case ArgType::Int:
      if (flag) return A(SymInt(*flag ? 1 : 0));
      return integer ? std::optional(argument) : std::nullopt;
    case ArgType::SymIntList:
    case ArgType::IntList:
      if (integer)
        return A(std::vector<SymInt>(static_cast<size_t>(std::max<int64_t>(schema.fixed_length, 1)), *integer));
      if (integers && integers->size() == 1 && schema.fixed_length > 1) {
        return A(std::vector<SymInt>(static_cast<size_t>(schema.fixed_length), integers->front()));
      }
      return integers ? std::optional(argument) : std::nullopt;
    case ArgType::Float:
      if (flag) return A(*flag ? 1.0 : 0.0);
      if (integer && integer->is_constant()) return A(static_cast<double>(integer->value()));
      return argument.template is<double>() || integer ? std::optional(argument) : std::nullopt;
    case ArgType::FloatList: {
      if (!integers) return argument.template is<std::vector<double>>() ? std::optional(argument) : std::nullopt;
      std::vector<double> values;
      for (const SymInt& value : *integers) {
        if (!value.is_constant()) return std::nullopt;
        values.push_back(static_cast<double>(value.value()));
      }
      return A(std::move(values));
    }
    case ArgType::Bool:
      if (integer && integer->is_constant()) return A(integer->value() != 0);
      return flag ? std::optional(argument) : std::nullopt;
    case ArgType::BoolList: {
      if (!integers) return argument.template is<std::vector<bool>>() ? std::optional(argument) : std::nullopt;
      std::vector<bool> values;
      for (const SymInt& value : *integers) values.push_back(value.is_constant() && value.value() != 0);
      return A(std::move(values));
    }
    case ArgType::Scalar:
      return integer || flag || argument.template is<double>() ? std::optional(argument) : std::nullopt;
    case ArgType::ScalarList:
      return integers || argument.template is<std::vector<double>>() ? std::optional(argument) : std::nullopt;
    case ArgType::String: return argument.template is<std::string>() ? std::optional(argument) : std::nullopt;
    case ArgType::DType: return argument.template is<DType>() ? std::optional(argument) : std::nullopt;
    case ArgType::Layout: return argument.template is<Layout>() ? std::optional(argument) : std::nullopt;
    case ArgType::Device: return argument.template is<Device>() ? std::optional(argument) : std::nullopt;
    case ArgType::MemoryFormat: return argument.template is<MemoryFormat>() ? std::optional(argument) : std::nullopt;
    case ArgType::Generator: return std::nullopt;
  }
  return std::nullopt;
}

template <class T>
BasicArgument<T> default_of(const SchemaArgument& schema) {
  return map_tensors<T>(schema.default_value, [](std::nullptr_t) { return T(); });
}

}  // namespace detail

/// Arguments in the schema's order, defaults filled in: an integer for a float parameter becomes a float, one for an
/// `int[2]` is repeated, None for a missing optional. Throws ExportError.
template <class T>
std::vector<BasicArgument<T>> bind_arguments(const OpSchema& schema, std::vector<BasicArgument<T>> positional,
                                             std::vector<std::pair<std::string_view, BasicArgument<T>>> named) {
  const size_t count = schema.arguments.size();
  std::vector<std::optional<BasicArgument<T>>> given(count);
  if (positional.size() > count) fail("{} takes {} arguments, got {}", schema.name, count, positional.size());
  for (size_t i = 0; i < positional.size(); ++i) {
    if (schema.arguments[i].keyword_only)
      fail("{}: argument '{}' must be given by name", schema.name, schema.arguments[i].name);
    given[i] = std::move(positional[i]);
  }
  for (auto& [name, value] : named) {
    const size_t i = schema.position(name);
    if (given[i]) fail("{}: argument '{}' is given twice", schema.name, name);
    given[i] = std::move(value);
  }
  std::vector<BasicArgument<T>> bound;
  bound.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const SchemaArgument& argument = schema.arguments[i];
    if (!given[i]) {
      if (!argument.has_default && !argument.optional && argument.type != ArgType::Generator) {
        fail("{}: argument '{}' is missing", schema.name, argument.name);
      }
      bound.push_back(argument.has_default && !detail::is_list(argument.type)
                          ? detail::default_of<T>(argument)
                          : detail::coerce<T>(argument, detail::default_of<T>(argument)).value_or(BasicArgument<T>()));
      continue;
    }
    auto value = detail::coerce<T>(argument, std::move(*given[i]));
    if (!value) fail("{}: argument '{}' has the wrong type", schema.name, argument.name);
    bound.push_back(std::move(*value));
  }
  return bound;
}

}  // namespace exformer
