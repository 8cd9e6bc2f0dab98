// Removes nodes whose results nothing reads.
#pragma once

#include "exformer/ir/graph.h"

namespace exformer {

/// True when something was removed. Inputs stay, read or not. Keeps: the graph's outputs and every value they depend
/// on.
bool eliminate_dead_nodes(Graph& graph);

}  // namespace exformer
