// Masks of attention as numbers, made before the graph is cut into parts.
#pragma once

#include "exformer/ir/graph.h"

namespace exformer::executorch::xnnpack {

/// Boolean masks of scaled_dot_product_attention become addends, each made once for all that read it. A row that may
/// see nothing gives zeros, as torch's kernel does. Causal attention gets its mask spelled out.
void spell_out_attention_masks(Graph& graph);

}  // namespace exformer::executorch::xnnpack
