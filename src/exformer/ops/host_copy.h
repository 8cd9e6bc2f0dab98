// Copying elements between two strided windows of the same sizes and dtype.
#pragma once

#include "exformer/tensor/host_tensor.h"

namespace exformer {

/// Copies every element of `source` to `target`; both have the same sizes and dtype, and do not overlap.
void copy_elements(const HostTensor& source, HostTensor target);

}  // namespace exformer
