// The table of kernels that replace the reference ones when a program is run: matrix products, convolutions and
// attention by oneDNN.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "exformer/ops/args.h"

namespace exformer {

class OneDnn;

/// Results, or nothing when this call is not one that the kernel takes (the reference kernel runs then).
using FastKernel = std::optional<std::vector<HostTensor>> (*)(const KernelArgs& args, OneDnn& onednn);

/// Null when the reference kernel is all there is.
FastKernel find_fast_kernel(std::string_view op);

std::optional<std::vector<HostTensor>> fast_linear(const KernelArgs& args, OneDnn& onednn);
std::optional<std::vector<HostTensor>> fast_matmul(const KernelArgs& args, OneDnn& onednn);
std::optional<std::vector<HostTensor>> fast_mm(const KernelArgs& args, OneDnn& onednn);
std::optional<std::vector<HostTensor>> fast_addmm(const KernelArgs& args, OneDnn& onednn);
std::optional<std::vector<HostTensor>> fast_attention(const KernelArgs& args, OneDnn& onednn);
std::optional<std::vector<HostTensor>> fast_convolution(const KernelArgs& args, OneDnn& onednn);

}  // namespace exformer
