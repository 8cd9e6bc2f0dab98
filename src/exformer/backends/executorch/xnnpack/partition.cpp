#include "exformer/backends/executorch/xnnpack/partition.h"

#include <algorithm>

namespace exformer::executorch::xnnpack {

Partition cut(const Graph& graph, const Refusals& refused) {
  // A refused node that reads a part comes after it; whatever reads that node is of the next part.
  std::unordered_map<const Node*, size_t> stages;
  size_t last_stage = 0;
  for (const auto& node : graph.nodes()) {
    size_t stage = 0;
    for (const Value* input : node->inputs()) {
      if (!input->producer()) continue;
      const size_t before = stages.at(input->producer());
      const bool leaves_part = !refused.contains(input->producer()) && refused.contains(node.get());
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
