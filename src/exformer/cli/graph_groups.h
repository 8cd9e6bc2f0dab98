// Nodes of a graph grouped by the module that makes them.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "exformer/ir/graph.h"

namespace exformer::cli {

/// Above this many groups, runs of layers that call the same ops become one group each.
inline constexpr size_t kFoldAbove = 48;

/// Nodes that stand in one box.
struct Group {
  std::string path, last_path;  // they differ where layers are folded
  std::vector<const Node*> nodes;
  size_t layers = 1;
};

struct Grouping {
  std::vector<Group> groups;  // in the order of the graph
  std::unordered_map<const Node*, size_t> group_of;
};

/// By module path up to its first number ("model.layers.3.self_attn" is in "model.layers.3"), else by its first two
/// parts; nodes without a path stand alone. No group depends on itself through others: a module that runs before and
/// after another has two groups.
Grouping group_nodes(const Graph& graph);

}  // namespace exformer::cli
