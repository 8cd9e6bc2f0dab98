#include "exformer/backends/onnx/cleanup.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "exformer/base/error.h"

namespace exformer::onnx {
namespace {

bool is_random(const OnnxNode& node) {
  return node.op_type.starts_with("Random") || node.op_type == "Bernoulli" || node.op_type == "Multinomial" ||
         node.op_type == "Dropout";
}

std::string attribute_key(const Attribute& attribute) {
  return std::visit(
      [](const auto& value) -> std::string {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, HostTensor>) {
          std::string key = fmt::format("{}[{}]", static_cast<int>(value.dtype()), fmt::join(value.sizes(), ","));
          key.append(reinterpret_cast<const char*>(value.raw()), value.byte_size());
          return key;
        } else if constexpr (std::is_same_v<T, std::vector<int64_t>> || std::is_same_v<T, std::vector<double>>) {
          return fmt::format("{}", fmt::join(value, ","));
        } else {
          return fmt::format("{}", value);
        }
      },
      attribute);
}

std::string node_key(const OnnxNode& node) {
  std::string key =
      fmt::format("{}:{}({}):{}", node.domain, node.op_type, fmt::join(node.inputs, ","), node.outputs.size());
  for (const auto& [name, value] : node.attributes)
    key += fmt::format(";{}={}/{}", name, value.index(), attribute_key(value));
  return key;
}

}  // namespace

bool eliminate_dead_nodes(OnnxGraph& graph) {
  std::vector<bool> needed(graph.value_count());
  for (const ValueId output : graph.outputs) needed[static_cast<size_t>(output)] = true;
  bool changed = false;
  for (auto at = graph.nodes().end(); at != graph.nodes().begin();) {
    --at;
    const bool is_needed = std::any_of(at->outputs.begin(), at->outputs.end(),
                                       [&](ValueId id) { return id != kAbsent && needed[static_cast<size_t>(id)]; });
    if (!is_needed) {
      at = graph.nodes().erase(at);
      changed = true;
      continue;
    }
    for (const ValueId input : at->inputs) {
      if (input != kAbsent) needed[static_cast<size_t>(input)] = true;
    }
  }
  graph.reset_cursor();
  std::vector<ValueId> unread;
  for (const auto& [id, contents] : graph.initializers()) {
    if (!needed[static_cast<size_t>(id)]) unread.push_back(id);
  }
  for (const ValueId id : unread) graph.remove_initializer(id);
  return changed || !unread.empty();
}

bool merge_equal_nodes(OnnxGraph& graph) {
  const std::unordered_set<ValueId> outputs(graph.outputs.begin(), graph.outputs.end());
  std::unordered_map<std::string, const OnnxNode*> seen;
  std::unordered_map<ValueId, ValueId> replaced;
  bool changed = false;
  for (auto at = graph.nodes().begin(); at != graph.nodes().end();) {
    for (ValueId& input : at->inputs) {
      if (const auto found = replaced.find(input); found != replaced.end()) input = found->second;
    }
    const bool is_output =
        std::any_of(at->outputs.begin(), at->outputs.end(), [&](ValueId id) { return outputs.contains(id); });
    if (is_random(*at)) {
      ++at;
      continue;
    }
    const auto [position, is_new] = seen.try_emplace(node_key(*at), &*at);
    if (is_new || is_output) {
      ++at;
      continue;
    }
    for (size_t i = 0; i < at->outputs.size(); ++i) replaced.emplace(at->outputs[i], position->second->outputs[i]);
    at = graph.nodes().erase(at);
    changed = true;
  }
  graph.reset_cursor();
  return changed;
}

void order_nodes(OnnxGraph& graph) {
  const Uses uses(graph);
  std::vector<const OnnxNode*> wanted, open;
  for (const OnnxNode& node : graph.nodes()) wanted.push_back(&node);
  std::unordered_set<const OnnxNode*> placed, waiting;
  NodeList ordered;
  for (const OnnxNode* node : wanted) {
    open.push_back(node);
    while (!open.empty()) {
      const OnnxNode* next = open.back();
      const size_t before = open.size();
      waiting.insert(next);
      for (const ValueId input : next->inputs) {
        const OnnxNode* maker = uses.producer(input);
        if (!maker || placed.contains(maker)) continue;
        if (waiting.contains(maker)) fail("the ONNX passes made a circle through '{}'", graph.value(input).name);
        open.push_back(maker);
      }
      if (open.size() > before) continue;
      open.pop_back();
      if (placed.insert(next).second) ordered.splice(ordered.end(), graph.nodes(), uses.position(next));
      waiting.erase(next);
    }
  }
  graph.nodes() = std::move(ordered);
  graph.reset_cursor();
}

void check_order(const OnnxGraph& graph) {
  std::vector<bool> made(graph.value_count());
  for (const ValueId input : graph.inputs) made[static_cast<size_t>(input)] = true;
  for (const auto& [id, contents] : graph.initializers()) made[static_cast<size_t>(id)] = true;
  for (const OnnxNode& node : graph.nodes()) {
    for (const ValueId input : node.inputs) {
      if (input != kAbsent && !made[static_cast<size_t>(input)])
        fail("the ONNX passes let {} read '{}' before it is made", node.op_type, graph.value(input).name);
    }
    for (const ValueId output : node.outputs) {
      if (output == kAbsent) continue;
      if (made[static_cast<size_t>(output)]) fail("the ONNX passes make '{}' twice", graph.value(output).name);
      made[static_cast<size_t>(output)] = true;
    }
  }
  for (const ValueId output : graph.outputs) {
    if (!made[static_cast<size_t>(output)]) fail("the ONNX passes lost '{}'", graph.value(output).name);
  }
}

}  // namespace exformer::onnx
