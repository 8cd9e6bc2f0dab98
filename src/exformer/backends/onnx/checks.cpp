#include "exformer/backends/onnx/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "exformer/base/error.h"
#include "exformer/symbolic/assumptions.h"

namespace exformer::onnx {
namespace {

/// A node's name; ONNX Runtime wants each once.
std::string free_name(const OnnxGraph& graph, const std::string& message) {
  std::string name = message;
  const auto has_name = [&](const OnnxNode& node) { return node.name == name; };
  for (int number = 2; std::any_of(graph.nodes().begin(), graph.nodes().end(), has_name); ++number)
    name = fmt::format("{} [{}]", message, number);
  return name;
}

/// The tensor, in a run whose `axis` has as many elements as the one-element vector `size` says.
ValueId require_size(OnnxGraph& graph, ValueId tensor, int64_t axis, ValueId size, const std::string& message) {
  const ValueId checked =
      graph.emit("Split", {tensor, size}, {{"axis", axis}}, graph.dtype(tensor), graph.sizes(tensor));
  std::prev(graph.cursor())->name = free_name(graph, message);
  return checked;
}

/// The tensor, in a run for which the margin is not negative; `whole` is its first size.
ValueId require_margin(OnnxGraph& graph, ValueId tensor, ValueId whole, ValueId margin, const std::string& message) {
  // Not as an expression: by the bounds of its symbols it always holds.
  const ValueId missing = graph.emit("Min", {margin, graph.constant_ints({0})}, {}, DType::Int64, {SymInt(1)});
  return require_size(graph, tensor, 0, graph.emit("Add", {whole, missing}, {}, DType::Int64, {SymInt(1)}), message);
}

/// How many elements a tensor has in the sample call.
int64_t sample_elements(const OnnxGraph& graph, ValueId value, const SymContext& symbols) {
  SymInt count = 1;
  for (const SymInt& size : graph.sizes(value)) count = count * size;
  return value_at_hints(symbols, count).value_or(std::numeric_limits<int64_t>::max());
}

/// Sizes that no input tells: nothing in the graph can use them, so nothing rests on the condition.
template <class Check>
void if_sizes_are_known(Check&& check) {
  try {
    check();
  } catch (const ExportError& error) {
    if (error.kind() != ErrorKind::Unsupported) throw;
  }
}

/// Caches of several layers meet one attention mask, which fails by itself when their lengths differ.
bool fails_by_itself(const Condition& condition) {
  return condition.number.is_constant() || condition.path.find('.') != std::string::npos;
}

}  // namespace

void check_inputs(OnnxGraph& graph, ShapeArithmetic& shapes, const ExportedProgram& program,
                  std::vector<BoundInput>& inputs) {
  const auto is_read = [](const BoundInput& input) { return !input.spec->value->users().empty(); };
  BoundInput* smallest = nullptr;
  int64_t fewest = 0;
  for (BoundInput& input : inputs) {
    if (!is_read(input) || graph.rank(input.value) == 0) continue;
    const int64_t elements = sample_elements(graph, input.value, program.graph->symbols());
    if (smallest && elements >= fewest) continue;
    smallest = &input;
    fewest = elements;
  }
  for (const Condition& condition : program.conditions) {
    if (condition.input) {
      const auto found = std::find_if(inputs.begin(), inputs.end(),
                                      [&](const BoundInput& input) { return input.spec->value == condition.input; });
      if (found == inputs.end() || !is_read(*found) || fails_by_itself(condition)) continue;
      if_sizes_are_known([&] {
        found->value =
            require_size(graph, found->value, condition.axis, shapes.computed(condition.number), condition.text());
      });
    } else if (smallest) {
      if_sizes_are_known([&] {
        const ValueId whole = shapes.one(graph.sizes(smallest->value)[0]);
        smallest->value = require_margin(graph, smallest->value, whole, shapes.one(condition.number), condition.text());
      });
    }
  }
}

void check_results(OnnxGraph& graph, ShapeArithmetic& shapes, const SymContext& symbols,
                   const std::vector<DataCheck>& checks, std::vector<ValueId>& results) {
  if (checks.empty() || results.empty()) return;
  const auto smallest = std::min_element(results.begin(), results.end(), [&](ValueId a, ValueId b) {
    return sample_elements(graph, a, symbols) < sample_elements(graph, b, symbols);
  });
  const Sizes sizes = graph.sizes(*smallest);
  if (sizes.empty())
    *smallest = graph.emit("Reshape", {*smallest, graph.constant_ints({1})}, {}, graph.dtype(*smallest), {SymInt(1)});
  const ValueId whole = shapes.one(graph.sizes(*smallest)[0]);
  for (const DataCheck& check : checks)
    *smallest = require_margin(graph, *smallest, whole, check.margin, check.message);
  if (sizes.empty())
    *smallest = graph.emit("Reshape", {*smallest, graph.constant_ints({})}, {}, graph.dtype(*smallest), {});
}

}  // namespace exformer::onnx
