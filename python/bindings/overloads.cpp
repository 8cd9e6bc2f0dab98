#include "overloads.h"

#include <algorithm>

#include "exformer/base/error.h"
#include "exformer/base/strings.h"

namespace exformer::python {
namespace {

/// How far an argument may be from what the schema says.
enum class Effort { Exact, Numbers, Tensors };

std::string kind_name(const TensorArgument& argument) {
  if (argument.is_none()) return "None";
  if (argument.is_tensor()) return "Tensor";
  if (argument.is<std::vector<Tensor>>()) return "Tensor[]";
  if (argument.is<SymInt>()) return "int";
  if (argument.is<std::vector<SymInt>>()) return "int[]";
  if (argument.is<double>()) return "float";
  if (argument.is<bool>()) return "bool";
  if (argument.is<std::string>()) return "str";
  if (argument.is<DType>()) return "dtype";
  return "a list or an option";
}

bool is_number(const TensorArgument& a) { return a.is<SymInt>() || a.is<double>() || a.is<bool>(); }

bool is_empty_list(const TensorArgument& a) {
  const auto* list = a.get_if<std::vector<SymInt>>();
  return list && list->empty();
}

bool fits(const SchemaArgument& wanted, const TensorArgument& given) {
  if (given.is_none()) return wanted.optional || wanted.type == ArgType::Generator;
  switch (wanted.type) {
    case ArgType::Tensor: return given.is_tensor();
    case ArgType::TensorList:
    case ArgType::OptionalTensorList: return given.is<std::vector<Tensor>>() || is_empty_list(given);
    case ArgType::SymInt:
    case ArgType::Int: return given.is<SymInt>();
    case ArgType::SymIntList:
    case ArgType::IntList:
      return given.is<std::vector<SymInt>>() || (given.is<SymInt>() && (wanted.fixed_length > 0 || wanted.optional));
    case ArgType::Float: return given.is<double>() || given.is<SymInt>();
    case ArgType::FloatList: return given.is<std::vector<double>>() || given.is<std::vector<SymInt>>();
    case ArgType::Bool: return given.is<bool>();
    case ArgType::BoolList: return given.is<std::vector<bool>>();
    case ArgType::Scalar: return is_number(given);
    case ArgType::ScalarList: return given.is<std::vector<SymInt>>() || given.is<std::vector<double>>();
    case ArgType::String: return given.is<std::string>();
    case ArgType::DType: return given.is<DType>();
    case ArgType::Layout: return given.is<Layout>();
    case ArgType::Device: return given.is<Device>();
    case ArgType::MemoryFormat: return given.is<MemoryFormat>();
    case ArgType::Generator: return false;
  }
  return false;
}

bool wants_number(ArgType type) {
  return type == ArgType::SymInt || type == ArgType::Int || type == ArgType::Float || type == ArgType::Bool ||
         type == ArgType::Scalar;
}

/// torch's other spellings of an argument's name.
std::string_view canonical_name(const OpSchema& schema, std::string_view name) {
  const auto knows = [&](std::string_view candidate) {
    return std::any_of(schema.arguments.begin(), schema.arguments.end(),
                       [&](const SchemaArgument& argument) { return argument.name == candidate; });
  };
  if (knows(name)) return name;
  if (name == "input" && !schema.arguments.empty()) return schema.arguments.front().name;
  if (name == "axis") return "dim";
  if (name == "keepdims") return "keepdim";
  if (name == "p" && knows("dropout_p")) return "dropout_p";
  return name;
}

/// Options that say nothing about the values: they may be given to an op that does not have them.
bool is_ignorable(std::string_view name, const TensorArgument& value) {
  constexpr std::string_view kAlways[] = {"requires_grad", "device", "layout",       "pin_memory",
                                          "generator",     "out",    "non_blocking", "memory_format"};
  return std::find(std::begin(kAlways), std::end(kAlways), name) != std::end(kAlways) ||
         (name == "dtype" && value.is_none());
}

}  // namespace

Overloads::Overloads(const OpRegistry& ops, ReadNumber read_number, MakeTensor make_tensor)
    : read_number_(std::move(read_number)), make_tensor_(std::move(make_tensor)) {
  for (const auto& op : ops.ops()) by_name_[op->schema.base_name()].push_back(op.get());
}

std::vector<std::string> Overloads::names() const {
  std::vector<std::string> names;
  for (const auto& [name, ops] : by_name_) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

namespace {

/// `x.view(2, 3)` as `x.view([2, 3])`: the trailing integers as one list.
std::optional<CallArguments> packed(const CallArguments& arguments) {
  CallArguments result{.named = arguments.named};
  std::vector<SymInt> sizes;
  for (const TensorArgument& argument : arguments.positional) {
    const auto* integer = argument.get_if<SymInt>();
    if (!integer && !sizes.empty()) return std::nullopt;
    if (integer) {
      sizes.push_back(*integer);
    } else {
      result.positional.push_back(argument);
    }
  }
  if (sizes.size() < 2) return std::nullopt;
  result.positional.emplace_back(std::move(sizes));
  return result;
}

}  // namespace

ResolvedCall Overloads::resolve(const std::string& name, const CallArguments& arguments) const {
  if (auto call = find(name, arguments)) return std::move(*call);
  if (const auto list = packed(arguments)) {
    if (auto call = find(name, *list)) return std::move(*call);
  }
  std::vector<std::string> given, schemas;
  for (const TensorArgument& argument : arguments.positional) given.push_back(kind_name(argument));
  for (const auto& [key, argument] : arguments.named) given.push_back(key + "=" + kind_name(argument));
  for (const Op* op : by_name_.at(name)) schemas.push_back(op->schema.name);
  unsupported("no form of 'aten::{}' takes ({}); there are {}", name, join(given, ", "), join(schemas, ", "));
}

std::optional<ResolvedCall> Overloads::find(const std::string& name, const CallArguments& arguments) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) {
    unsupported("op 'aten::{}' is not known{}", name, nearest_hint(name, names()));
  }
  const auto convert = [&](const SchemaArgument& wanted, const TensorArgument& given,
                           Effort effort) -> std::optional<TensorArgument> {
    if (fits(wanted, given)) return given;
    if (effort >= Effort::Numbers) {
      if (wanted.type == ArgType::Bool && given.is<SymInt>()) return given;
      if ((wanted.type == ArgType::Int || wanted.type == ArgType::SymInt) && given.is<bool>()) return given;
      if ((wanted.type == ArgType::IntList || wanted.type == ArgType::SymIntList) && given.is<SymInt>()) return given;
      if (wanted.type == ArgType::TensorList && given.is_tensor()) return given;
      if ((wanted.type == ArgType::Int || wanted.type == ArgType::SymInt) && given.is<double>() &&
          given.as<double>() == static_cast<double>(static_cast<int64_t>(given.as<double>()))) {
        return TensorArgument(static_cast<int64_t>(given.as<double>()));
      }
      if (given.is_tensor() && wants_number(wanted.type)) {
        TensorArgument number = read_number_(given.as<Tensor>());
        if (!number.is_none()) return number;
      }
      if (given.is<std::vector<Tensor>>() && (wanted.type == ArgType::IntList || wanted.type == ArgType::SymIntList)) {
        std::vector<SymInt> numbers;
        for (const Tensor& tensor : given.as<std::vector<Tensor>>()) {
          const TensorArgument number = tensor.defined() ? read_number_(tensor) : TensorArgument();
          if (!number.is<SymInt>()) return std::nullopt;
          numbers.push_back(number.as<SymInt>());
        }
        return TensorArgument(std::move(numbers));
      }
    }
    if (effort >= Effort::Tensors && wanted.type == ArgType::Tensor && is_number(given))
      return TensorArgument(make_tensor_(given));
    return std::nullopt;
  };
  for (const Effort effort : {Effort::Exact, Effort::Numbers, Effort::Tensors}) {
    for (const Op* op : found->second) {
      const OpSchema& schema = op->schema;
      if (arguments.positional.size() > schema.arguments.size()) continue;
      ResolvedCall call{.op = op};
      bool matches = true;
      std::vector<bool> filled(schema.arguments.size(), false);
      for (size_t i = 0; matches && i < arguments.positional.size(); ++i) {
        auto value = convert(schema.arguments[i], arguments.positional[i], effort);
        matches = value && !schema.arguments[i].keyword_only;
        filled[i] = true;
        if (matches) call.arguments.positional.push_back(std::move(*value));
      }
      for (size_t i = 0; matches && i < arguments.named.size(); ++i) {
        const auto& [given_name, given] = arguments.named[i];
        const std::string_view known = canonical_name(schema, given_name);
        const auto place = std::find_if(schema.arguments.begin(), schema.arguments.end(),
                                        [&](const SchemaArgument& argument) { return argument.name == known; });
        if (place == schema.arguments.end()) {
          matches = is_ignorable(given_name, given);
          continue;
        }
        const auto index = static_cast<size_t>(place - schema.arguments.begin());
        auto value = convert(*place, given, effort);
        matches = value && !filled[index];
        filled[index] = true;
        if (matches) call.arguments.named.emplace_back(place->name, std::move(*value));
      }
      for (size_t i = 0; matches && i < filled.size(); ++i) {
        const SchemaArgument& argument = schema.arguments[i];
        matches = filled[i] || argument.has_default || argument.optional || argument.type == ArgType::Generator;
      }
      if (matches) return call;
    }
  }
  return std::nullopt;
}

}  // namespace exformer::python
