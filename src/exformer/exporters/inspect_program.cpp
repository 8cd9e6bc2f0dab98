// Facts about a graph: what goes in and out, which sizes vary, which ops it calls, what its weights weigh.
#include <algorithm>
#include <map>
#include <set>

#include "exformer/exporters/inspect.h"
#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

Json describe_sizes(const std::vector<SymInt>& sizes) {
  Json list = Json::array();
  for (const SymInt& size : sizes) {
    if (size.is_constant()) {
      list.push_back(size.value());
    } else {
      list.push_back(to_string(size));
    }
  }
  return list;
}

Json describe_value(const std::string& name, const Value& value) {
  if (value.kind == ValueKind::SymInt) return {{"name", name}, {"value", to_string(value.sym)}};
  if (value.kind != ValueKind::Tensor) return {{"name", name}};
  return {{"name", name}, {"dtype", dtype_name(value.meta.dtype)}, {"shape", describe_sizes(value.meta.sizes)}};
}

Json describe_inputs(const ExportedProgram& program) {
  Json inputs = Json::array();
  for (const InputSpec* input : program.user_inputs()) {
    Json entry = describe_value(input->target, *input->value);
    if (input->value->users().empty() && !program.graph->is_output(input->value)) entry["read"] = false;
    inputs.push_back(std::move(entry));
  }
  return inputs;
}

Json describe_outputs(const ExportedProgram& program) {
  Json outputs = Json::array();
  for (size_t i = 0; i < program.outputs.size(); ++i) {
    const OutputSpec& spec = program.outputs[i];
    const auto* value = program.graph->outputs()[i].get_if<Value*>();
    Json entry = value ? describe_value(spec.target, **value) : Json{{"name", spec.target}};
    if (spec.kind == OutputSpec::Kind::BufferMutation) entry["writes"] = "buffer";
    if (spec.kind == OutputSpec::Kind::UserInputMutation) entry["writes"] = "input";
    outputs.push_back(std::move(entry));
  }
  return outputs;
}

Json describe_symbols(const Graph& graph) {
  Json symbols = Json::array();
  for (const Symbol& symbol : graph.symbols().symbols()) {
    Json entry = {{"name", symbol.name},
                  {"min", symbol.min},
                  {"max", symbol.max == kUnbounded ? Json(nullptr) : Json(symbol.max)}};
    if (symbol.divisor != 1) entry["divisor"] = symbol.divisor;
    if (symbol.hint) entry["example"] = *symbol.hint;
    if (symbol.unbacked) entry["from_data"] = true;
    symbols.push_back(std::move(entry));
  }
  return symbols;
}

/// Most frequent first.
Json count_ops(const Graph& graph) {
  std::map<std::string, int64_t> counts;
  for (const auto& node : graph.nodes()) ++counts[node->op()];
  std::vector<std::pair<std::string, int64_t>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  Json ops = Json::object();
  for (const auto& [op, count] : sorted) ops[op] = count;
  return ops;
}

Json describe_weights(const ExportedProgram& program) {
  std::set<std::string> seen;
  uint64_t tensors = 0, bytes = 0;
  for (const auto* table : {&program.state_dict, &program.constants}) {
    for (const auto& [name, tensor] : *table) {
      ++tensors;
      if (seen.insert(tensor.storage_key()).second) bytes += tensor.byte_size();
    }
  }
  return {{"tensors", tensors}, {"bytes", bytes}};
}

}  // namespace

Json describe_program(const ExportedProgram& program) {
  const Graph& graph = *program.graph;
  return {{"inputs", describe_inputs(program)},
          {"outputs", describe_outputs(program)},
          {"symbols", describe_symbols(graph)},
          {"nodes", graph.node_count()},
          {"ops", count_ops(graph)},
          {"weights", describe_weights(program)}};
}

}  // namespace exformer
