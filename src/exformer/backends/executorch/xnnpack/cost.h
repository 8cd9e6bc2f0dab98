// Multiply-adds of an op at the sizes of the sample.
#pragma once

#include "exformer/ir/graph.h"

namespace exformer::executorch::xnnpack {

/// 0 for an op without products.
double multiply_adds(const Node& node);

}  // namespace exformer::executorch::xnnpack
