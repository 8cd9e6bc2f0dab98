// Ops that the runtime has no kernel for and that are no composite in torch: how they are spelled with others.
#pragma once

#include "exformer/ops/registry.h"

namespace exformer::executorch {

/// Replaces the node where its op is one of them and its arguments are covered.
bool spell_out(Node* node);

}  // namespace exformer::executorch
