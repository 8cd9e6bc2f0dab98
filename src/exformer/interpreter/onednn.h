// oneDNN behind a plain interface: works with its 2.6 and 3.x C++ API. Primitives are made once per geometry and kept.
#pragma once

#include <memory>
#include <vector>

#include "exformer/tensor/host_tensor.h"

namespace exformer {

/// One matrix in row-major memory.
struct MatrixView {
  const float* data = nullptr;
  int64_t row_stride = 0;
  bool transposed = false;  // stored as its transpose: row_stride steps between its columns
};

struct ConvolutionGeometry {
  std::vector<int64_t> stride, padding, dilation;
  int64_t groups = 1;
};

/// Safe to use from several runs at once.
class OneDnn {
 public:
  OneDnn();
  ~OneDnn();
  OneDnn(const OneDnn&) = delete;
  OneDnn& operator=(const OneDnn&) = delete;

  /// result[m, n] = a[m, k] b[k, n] (+ bias[n]) for float32 or bfloat16; any strides with a unit step in one of the
  /// last two dims; the result is contiguous. False when oneDNN has no optimised code for this case on this machine.
  bool matmul(const HostTensor& a, const HostTensor& b, const HostTensor* bias, HostTensor& result);

  /// c[m, n] (row-major, row stride c_stride) = alpha a[m, k] b[k, n]. Inside a parallel region it runs on the calling
  /// thread alone.
  static void multiply(int64_t m, int64_t n, int64_t k, float alpha, MatrixView a, MatrixView b, float* c,
                       int64_t c_stride);

  /// Contiguous float32 input [batch, in, spatial...], weight, optional bias; writes a contiguous result. False as for
  /// matmul.
  bool convolve(const HostTensor& input, const HostTensor& weight, const HostTensor* bias,
                const ConvolutionGeometry& geometry, HostTensor& result);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace exformer
