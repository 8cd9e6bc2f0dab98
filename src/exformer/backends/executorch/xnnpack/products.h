// The product of two tensors of a delegate, shared by linalg and attention.
#pragma once

#include "exformer/backends/executorch/xnnpack/lowering.h"

namespace exformer::executorch::xnnpack {

/// [.., m, k] x [.., k, n] -> [.., m, n] with broadcast batch dims; a transposed second operand costs nothing.
Placed matrix_product(Lowering& xnn, const Placed& a, const Placed& b);

}  // namespace exformer::executorch::xnnpack
