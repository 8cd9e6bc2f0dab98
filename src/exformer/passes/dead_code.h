// Removes nodes whose results nothing reads, nor the sizes that their data define.
#pragma once

#include "exformer/ir/graph.h"

namespace exformer {

/// True when something was removed. Inputs stay, read or not. Keeps: the graph's outputs, assertions, and all they
/// depend on.
bool eliminate_dead_nodes(Graph& graph);

}  // namespace exformer
