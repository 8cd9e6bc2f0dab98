#include "exformer/ir/verifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

bool fits(const SchemaArgument& schema, const Argument& argument) {
  if (argument.is_none()) return schema.optional || schema.type == ArgType::Generator;
  switch (schema.type) {
    case ArgType::Tensor: return argument.is<Value*>();
    case ArgType::TensorList:
    case ArgType::OptionalTensorList: return argument.is<std::vector<Value*>>();
    case ArgType::SymInt:
    case ArgType::Int: return argument.is<SymInt>();
    case ArgType::SymIntList:
    case ArgType::IntList: return argument.is<std::vector<SymInt>>();
    case ArgType::Float: return argument.is<double>() || argument.is<SymInt>();
    case ArgType::FloatList: return argument.is<std::vector<double>>();
    case ArgType::Bool: return argument.is<bool>();
    case ArgType::BoolList: return argument.is<std::vector<bool>>();
    case ArgType::Scalar:
      return argument.is<SymInt>() || argument.is<double>() || argument.is<bool>() || argument.is<Value*>();
    case ArgType::ScalarList: return argument.is<std::vector<SymInt>>() || argument.is<std::vector<double>>();
    case ArgType::String: return argument.is<std::string>();
    case ArgType::DType: return argument.is<DType>();
    case ArgType::Layout: return argument.is<Layout>();
    case ArgType::Device: return argument.is<Device>();
    case ArgType::MemoryFormat: return argument.is<MemoryFormat>();
    case ArgType::Generator: return false;
  }
  return false;
}

class Check {
 public:
  explicit Check(const Graph& graph) : graph_(graph) {}

  std::vector<std::string> run() {
    for (const Value* input : graph_.inputs()) define(input, "input");
    for (const auto& node : graph_.nodes()) check_node(*node);
    for (const Argument& output : graph_.outputs()) {
      if (const auto* value = output.get_if<Value*>(); value && !defined_.contains(*value)) {
        fault("graph output %{} is not defined", (*value)->name);
      }
    }
    for (const auto& [value, count] : uses_) {
      if (value->users().size() != count)
        fault("%{} lists {} users, {} read it", value->name, value->users().size(), count);
    }
    return std::move(faults_);
  }

 private:
  template <class... Args>
  void fault(fmt::format_string<Args...> format, Args&&... args) {
    faults_.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  void define(const Value* value, std::string_view where) {
    if (!names_.insert(value->name).second) fault("the name %{} is used twice", value->name);
    defined_.insert(value);
    uses_.try_emplace(value, 0);
    if (value->kind != ValueKind::Tensor) return;
    if (value->meta.sizes.size() != value->meta.strides.size()) {
      fault("{} %{} has {} sizes and {} strides", where, value->name, value->meta.sizes.size(),
            value->meta.strides.size());
    }
    for (const SymInt& size : value->meta.sizes) {
      for (const std::string& symbol : free_symbols(size)) {
        if (!graph_.symbols().find(symbol)) fault("%{} has a size with the undeclared symbol {}", value->name, symbol);
      }
    }
  }

  void check_node(const Node& node) {
    for (const Value* input : node.inputs()) {
      if (!defined_.contains(input)) fault("{} reads %{} before it is defined", node.op(), input->name);
      ++uses_[input];
    }
    const auto& arguments = node.schema().arguments;
    for (size_t i = 0; i < arguments.size(); ++i) {
      if (!fits(arguments[i], node.arguments()[i])) {
        fault("{} (%{}): argument '{}' has the wrong type", node.op(),
              node.outputs().empty() ? "" : node.output()->name, arguments[i].name);
      }
    }
    for (const Value* output : node.outputs()) define(output, node.op());
  }

  const Graph& graph_;
  std::vector<std::string> faults_;
  std::unordered_set<std::string> names_;
  std::unordered_set<const Value*> defined_;
  std::unordered_map<const Value*, size_t> uses_;
};

bool agrees(const TensorMeta& meta, const LazyTensor& data) {
  return meta.dtype == data.dtype() &&
         std::equal(meta.sizes.begin(), meta.sizes.end(), data.sizes().begin(), data.sizes().end(),
                    [](const SymInt& a, int64_t b) { return a == SymInt(b); });
}

}  // namespace

std::vector<std::string> verify(const Graph& graph) { return Check(graph).run(); }

std::vector<std::string> verify(const ExportedProgram& program) {
  std::vector<std::string> faults = verify(*program.graph);
  const auto& values = program.graph->inputs();
  if (program.inputs.size() != values.size()) {
    faults.push_back(fmt::format("{} input specs for {} graph inputs", program.inputs.size(), values.size()));
    return faults;
  }
  size_t user_inputs = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const InputSpec& spec = program.inputs[i];
    if (spec.value != values[i]) faults.push_back(fmt::format("input spec {} is not for %{}", i, values[i]->name));
    if (spec.kind == InputSpec::Kind::UserInput) {
      ++user_inputs;
      continue;
    }
    const LazyTensor* data = program.data(spec);
    if (!data) {
      faults.push_back(fmt::format("'{}' has no data", spec.target));
    } else if (!agrees(values[i]->meta, *data)) {
      faults.push_back(fmt::format("'{}' differs from its data in dtype or sizes", spec.target));
    }
  }
  if (program.outputs.size() != program.graph->outputs().size()) {
    faults.push_back(
        fmt::format("{} output specs for {} graph outputs", program.outputs.size(), program.graph->outputs().size()));
  }
  const auto user_outputs =
      static_cast<size_t>(std::count_if(program.outputs.begin(), program.outputs.end(), [](const OutputSpec& spec) {
        return spec.kind == OutputSpec::Kind::UserOutput;
      }));
  if (program.in_spec.leaf_count() != user_inputs) {
    faults.push_back(
        fmt::format("in_spec has {} leaves for {} user inputs", program.in_spec.leaf_count(), user_inputs));
  }
  if (program.out_spec.leaf_count() != user_outputs) {
    faults.push_back(
        fmt::format("out_spec has {} leaves for {} user outputs", program.out_spec.leaf_count(), user_outputs));
  }
  return faults;
}

}  // namespace exformer
