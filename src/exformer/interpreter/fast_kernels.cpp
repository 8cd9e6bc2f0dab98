#include "exformer/interpreter/fast_kernels.h"

#include <utility>

namespace exformer {

FastKernel find_fast_kernel(std::string_view op) {
  static constexpr std::pair<std::string_view, FastKernel> kKernels[] = {
      {"aten::linear", fast_linear},
      {"aten::matmul", fast_matmul},
      {"aten::mm", fast_mm},
      {"aten::bmm", fast_mm},
      {"aten::addmm", fast_addmm},
      {"aten::scaled_dot_product_attention", fast_attention},
      {"aten::convolution", fast_convolution},
      {"aten::conv1d", fast_convolution},
      {"aten::conv2d", fast_convolution},
      {"aten::conv3d", fast_convolution},
  };
  for (const auto& [name, kernel] : kKernels) {
    if (name == op) return kernel;
  }
  return nullptr;
}

}  // namespace exformer
