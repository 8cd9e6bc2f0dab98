// Cuts a graph into parts that can each be one call.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "exformer/ir/graph.h"

namespace exformer::executorch::xnnpack {

/// Why a node is in no part; empty for one that may be.
using Refusals = std::unordered_map<const Node*, std::string>;

struct Partition {
  /// Parts in order; each holds its nodes in order. A part may read what stands before it only.
  std::vector<std::vector<Node*>> parts;
  /// All nodes in an order in which each part's nodes are neighbours.
  std::vector<Node*> order;
};

/// As few parts as the refused nodes allow: a node's part is the number of refused stretches before it.
Partition cut(const Graph& graph, const Refusals& refused);

}  // namespace exformer::executorch::xnnpack
