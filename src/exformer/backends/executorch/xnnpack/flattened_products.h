// Products over rows that were flattened for their sake.
#pragma once

#include "exformer/ir/graph.h"

namespace exformer::executorch::xnnpack {

/// view(addmm(bias, view(x, [rows, k]), w), [.., n]) -> matmul(x, w) + bias, as transformers' Conv1D has it: a delegate
/// cannot flatten two dynamic dims, and a product needs them no flatter. The same for mm and for linear.
void unflatten_products(Graph& graph);

}  // namespace exformer::executorch::xnnpack
