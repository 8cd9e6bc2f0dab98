// Reference convolutions over one to three spatial dims: columns gathered per image, then matrix products.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "exformer/tensor/host_tensor.h"

namespace exformer {

struct ConvolutionShape {
  std::vector<int64_t> stride, padding, dilation;  // one per spatial dim
  bool transposed = false;
  std::vector<int64_t> output_padding;
  int64_t groups = 1;
};

/// input [batch, in, spatial...], weight [out, in / groups, kernel...] ([in, out / groups, kernel...] when transposed),
/// bias [out] or undefined; one floating compute dtype. `sizes` are the result's. The result is contiguous.
HostTensor convolve_reference(const HostTensor& input, const HostTensor& weight, const HostTensor& bias,
                              const ConvolutionShape& shape, const std::vector<int64_t>& sizes);

}  // namespace exformer
