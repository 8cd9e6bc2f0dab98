#include "exformer/passes/dead_code.h"

#include <algorithm>
#include <unordered_set>

namespace exformer {

bool eliminate_dead_nodes(Graph& graph) {
  std::unordered_set<const Value*> outputs;
  for (const Argument& output : graph.outputs()) {
    if (const auto* value = output.get_if<Value*>()) outputs.insert(*value);
  }
  bool changed = false;
  for (auto position = graph.nodes().end(); position != graph.nodes().begin();) {
    Node* node = std::prev(position)->get();
    const bool is_read = std::any_of(node->outputs().begin(), node->outputs().end(), [&](const Value* value) {
      return !value->users().empty() || outputs.contains(value);
    });
    if (is_read) {
      --position;
      continue;
    }
    graph.erase_node(node);  // `position` stays valid: it is the node's successor
    changed = true;
  }
  return changed;
}

}  // namespace exformer
