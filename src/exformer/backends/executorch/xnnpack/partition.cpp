#include "exformer/backends/executorch/xnnpack/partition.h"

#include <algorithm>

namespace exformer::executorch::xnnpack {
namespace {

/// The nodes that a node comes after: those that make its inputs, and those whose data define sizes that it speaks of.
class Order {
 public:
  explicit Order(const Graph& graph) {
    for (const Symbol& symbol : graph.symbols().symbols()) {
      if (symbol.unbacked) definers_.emplace(symbol.name, nullptr);
    }
    if (definers_.empty()) return;
    for (const auto& node : graph.nodes()) {
      for (const std::string& name : symbols_of(*node)) {
        const auto found = definers_.find(name);
        if (found != definers_.end() && !found->second) found->second = node.get();
      }
    }
  }

  std::vector<const Node*> before(const Node& node) const {
    std::vector<const Node*> found;
    for (const Value* input : node.inputs()) {
      if (input->producer()) found.push_back(input->producer());
    }
    if (definers_.empty()) return found;
    for (const std::string& name : symbols_of(node)) {
      const auto definer = definers_.find(name);
      if (definer != definers_.end() && definer->second != &node) found.push_back(definer->second);
    }
    return found;
  }

 private:
  static std::vector<std::string> symbols_of(const Node& node) {
    std::vector<std::string> names;
    const auto add = [&](const SymInt& value) {
      for (std::string& name : free_symbols(value)) names.push_back(std::move(name));
    };
    for (const Argument& argument : node.arguments()) {
      if (const auto* value = argument.get_if<SymInt>()) add(*value);
      if (const auto* values = argument.get_if<std::vector<SymInt>>())
        std::for_each(values->begin(), values->end(), add);
    }
    for (const Value* output : node.outputs()) {
      add(output->sym);
      std::for_each(output->meta.sizes.begin(), output->meta.sizes.end(), add);
    }
    return names;
  }

  std::unordered_map<std::string, const Node*> definers_;  // of sizes that data define: the first node that has them
};

}  // namespace

Partition cut(const Graph& graph, const Refusals& refused) {
  // A refused node that reads a part comes after it; whatever reads that node is of the next part.
  std::unordered_map<const Node*, size_t> stages;
  const Order order(graph);
  size_t last_stage = 0;
  for (const auto& node : graph.nodes()) {
    size_t stage = 0;
    for (const Node* earlier : order.before(*node)) {
      const size_t before = stages.at(earlier);
      const bool leaves_part = !refused.contains(earlier) && refused.contains(node.get());
      stage = std::max(stage, before + (leaves_part ? 1 : 0));
    }
    stages.emplace(node.get(), stage);
    last_stage = std::max(last_stage, stage);
  }
  Partition result;
  for (size_t stage = 0; stage <= last_stage; ++stage) {
    std::vector<Node*> part;
    for (const auto& node : graph.nodes()) {
      if (stages.at(node.get()) != stage) continue;
      if (refused.contains(node.get())) {
        result.order.push_back(node.get());
      } else {
        part.push_back(node.get());
      }
    }
    result.order.insert(result.order.end(), part.begin(), part.end());
    if (!part.empty()) result.parts.push_back(std::move(part));
  }
  return result;
}

}  // namespace exformer::executorch::xnnpack
