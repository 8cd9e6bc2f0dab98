#include "exformer/passes/dead_code.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace exformer {
namespace {

void collect_symbols(const SymInt& value, std::unordered_set<std::string>& symbols) {
  for (std::string& name : free_symbols(value)) symbols.insert(std::move(name));
}

void collect_symbols(const Argument& argument, std::unordered_set<std::string>& symbols) {
  if (const auto* value = argument.get_if<SymInt>()) collect_symbols(*value, symbols);
  if (const auto* values = argument.get_if<std::vector<SymInt>>()) {
    for (const SymInt& value : *values) collect_symbols(value, symbols);
  }
}

/// The sizes that a node's data define: symbols whose first appearance is in its results.
std::unordered_map<const Node*, std::vector<std::string>> data_sizes(const Graph& graph) {
  std::unordered_set<std::string> unknown;
  for (const Symbol& symbol : graph.symbols().symbols()) {
    if (symbol.unbacked) unknown.insert(symbol.name);
  }
  std::unordered_map<const Node*, std::vector<std::string>> defined;
  for (auto node = graph.nodes().begin(); node != graph.nodes().end() && !unknown.empty(); ++node) {
    std::unordered_set<std::string> found;
    for (const Value* output : (*node)->outputs()) {
      collect_symbols(output->sym, found);
      for (const SymInt& size : output->meta.sizes) collect_symbols(size, found);
    }
    for (const std::string& name : found) {
      if (unknown.erase(name) > 0) defined[node->get()].push_back(name);
    }
  }
  return defined;
}

}  // namespace

bool eliminate_dead_nodes(Graph& graph) {
  std::unordered_set<const Value*> outputs;
  for (const Argument& output : graph.outputs()) {
    if (const auto* value = output.get_if<Value*>()) outputs.insert(*value);
  }
  std::unordered_set<std::string> needed;
  for (const Argument& output : graph.outputs()) collect_symbols(output, needed);
  const auto defined = data_sizes(graph);
  const auto defines_needed = [&](const Node* node) {
    const auto found = defined.find(node);
    return found != defined.end() && std::any_of(found->second.begin(), found->second.end(),
                                                 [&](const std::string& name) { return needed.contains(name); });
  };
  bool changed = false;
  for (auto position = graph.nodes().end(); position != graph.nodes().begin();) {
    Node* node = std::prev(position)->get();
    const bool is_read = std::any_of(node->outputs().begin(), node->outputs().end(), [&](const Value* value) {
      return !value->users().empty() || outputs.contains(value);
    });
    // Without results: an assertion.
    if (is_read || node->outputs().empty() || defines_needed(node)) {
      if (!defined.empty()) {
        for (const Argument& argument : node->arguments()) collect_symbols(argument, needed);
      }
      --position;
      continue;
    }
    graph.erase_node(node);  // `position` stays valid: it is the node's successor
    changed = true;
  }
  return changed;
}

}  // namespace exformer
