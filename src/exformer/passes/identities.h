// Removes calls that change nothing.
#pragma once

#include "exformer/ir/graph.h"

namespace exformer {

/// Casts to the dtype a tensor has, dropout out of training, alias, detach, lift_fresh: their readers read the input.
/// Only where sizes, strides and dtype of both agree. True when something was removed.
bool remove_identities(Graph& graph);

}  // namespace exformer
