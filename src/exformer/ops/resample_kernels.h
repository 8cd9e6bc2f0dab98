// Resampling along one dim at a time: every output index is a weighted sum of a few input indices.
#pragma once

#include <optional>
#include <vector>

#include "exformer/tensor/host_tensor.h"

namespace exformer {

enum class Filter { Nearest, NearestExact, Linear, Cubic };

struct ResampleOptions {
  Filter filter = Filter::Nearest;
  bool align_corners = false;
  bool antialias = false;
};

/// The inputs and weights of each output index; indices are within the input (edges are repeated).
struct Taps {
  struct Tap {
    int64_t index;
    float weight;
  };
  std::vector<std::vector<Tap>> of_output;
};

/// Positions and weights as ATen/native/UpSample.h computes them; `scale` is the user's factor, if it counts.
Taps make_taps(int64_t input, int64_t output, const ResampleOptions& options, std::optional<double> scale);

/// `tensor` (contiguous, floating compute dtype) resampled along `dim`.
HostTensor resample_dim(const HostTensor& tensor, int64_t dim, const Taps& taps);

}  // namespace exformer
