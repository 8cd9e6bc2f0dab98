#include "exformer/ops/builder.h"

#include <fmt/format.h>

#include "exformer/base/strings.h"

namespace exformer {
namespace {

bool is_list(ArgType type) {
  return type == ArgType::SymIntList || type == ArgType::IntList || type == ArgType::FloatList || type == ArgType::BoolList ||
         type == ArgType::TensorList || type == ArgType::OptionalTensorList || type == ArgType::ScalarList;
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
      if (integer) return A(std::vector<SymInt>(static_cast<size_t>(std::max<int64_t>(schema.fixed_length, 1)), *integer));
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
    case ArgType::Scalar: return integer || flag || argument.template is<double>() ? std::optional(argument) : std::nullopt;
    case ArgType::ScalarList: return integers || argument.template is<std::vector<double>>() ? std::optional(argument) : std::nullopt;
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

}  // namespace

template <class T>
std::vector<BasicArgument<T>> bind_arguments(const OpSchema& schema, std::vector<BasicArgument<T>> positional,
                                             std::vector<std::pair<std::string_view, BasicArgument<T>>> named) {
  const size_t count = schema.arguments.size();
  std::vector<std::optional<BasicArgument<T>>> given(count);
  if (positional.size() > count) fail("{} takes {} arguments, got {}", schema.name, count, positional.size());
  for (size_t i = 0; i < positional.size(); ++i) {
    if (schema.arguments[i].keyword_only) fail("{}: argument '{}' must be given by name", schema.name, schema.arguments[i].name);
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
      bound.push_back(argument.has_default && !is_list(argument.type)
                          ? default_of<T>(argument)
                          : coerce<T>(argument, default_of<T>(argument)).value_or(BasicArgument<T>()));
      continue;
    }
    auto value = coerce<T>(argument, std::move(*given[i]));
    if (!value) fail("{}: argument '{}' has the wrong type", schema.name, argument.name);
    bound.push_back(std::move(*value));
  }
  return bound;
}

template std::vector<Argument> bind_arguments(const OpSchema&, std::vector<Argument>, std::vector<std::pair<std::string_view, Argument>>);
template std::vector<BasicArgument<HostTensor>> bind_arguments(const OpSchema&, std::vector<BasicArgument<HostTensor>>,
                                                               std::vector<std::pair<std::string_view, BasicArgument<HostTensor>>>);

std::vector<OutputMeta> infer(const Op& op, const std::vector<Argument>& arguments) {
  std::vector<BasicArgument<const TensorMeta*>> metas;
  metas.reserve(arguments.size());
  for (const Argument& argument : arguments) {
    metas.push_back(map_tensors<const TensorMeta*>(argument, [](Value* value) -> const TensorMeta* { return value ? &value->meta : nullptr; }));
  }
  return op.infer(MetaArgs(op.schema, metas));
}

std::vector<HostTensor> run_kernel(const Op& op, const std::vector<BasicArgument<HostTensor>>& arguments) {
  if (!op.kernel) unsupported("{} has no kernel", op.schema.name);
  return op.kernel(KernelArgs(op.schema, arguments));
}

Node* GraphBuilder::append(const Op& op, std::vector<Argument> arguments) {
  try {
    std::vector<OutputMeta> outputs = infer(op, arguments);
    Node* node = graph_->create_node(op.schema, std::move(arguments), std::move(outputs), before_);
    node->module_path = module_path_;
    return node;
  } catch (const ExportError& error) {
    if (module_path_.empty()) throw;
    throw ExportError(error.kind(), fmt::format("{} > {}", module_path_, error.what()));
  }
}

std::vector<Value*> GraphBuilder::call_all(std::string_view name, std::vector<Argument> positional, std::vector<NamedArgument> named) {
  const Op& op = ops_->get(name);
  std::vector<std::pair<std::string_view, Argument>> by_name;
  by_name.reserve(named.size());
  for (NamedArgument& argument : named) by_name.emplace_back(argument.name, std::move(argument.value));
  return append(op, bind_arguments<Value*>(op.schema, std::move(positional), std::move(by_name)))->outputs();
}

Value* GraphBuilder::call(std::string_view name, std::vector<Argument> positional, std::vector<NamedArgument> named) {
  const std::vector<Value*> outputs = call_all(name, std::move(positional), std::move(named));
  EXFORMER_ASSERT(outputs.size() == 1);
  return outputs.front();
}

bool decompose_node(Node* node, const OpRegistry& ops) {
  const Op& op = ops.get(*node);
  if (!op.decompose) return false;
  Graph& graph = node->graph();
  GraphBuilder builder(graph, node, ops);
  builder.set_module_path(node->module_path);
  const std::vector<Value*> results = op.decompose(builder, ValueArgs(op.schema, node->arguments()));
  EXFORMER_ASSERT(results.size() == node->outputs().size());
  for (size_t i = 0; i < results.size(); ++i) graph.replace_all_uses(node->output(i), results[i]);
  graph.erase_node(node);
  return true;
}

}  // namespace exformer
