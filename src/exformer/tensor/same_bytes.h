// Whether two tensors hold the same bytes: two copies of one weight in a checkpoint.
#pragma once

#include "exformer/tensor/host_tensor.h"

namespace exformer {

/// Same dtype, sizes and bytes; false for tensors that are not contiguous. Mapped ones are read block by block up to
/// the first difference, and their pages given back, so that memory does not grow.
bool has_same_bytes(const HostTensor& a, const HostTensor& b);

}  // namespace exformer
