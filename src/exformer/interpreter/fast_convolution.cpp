// Convolutions by oneDNN, in float32; 16-bit floats are widened first.
#include <vector>

#include "exformer/interpreter/fast_kernels.h"
#include "exformer/interpreter/onednn.h"

namespace exformer {
namespace {

std::vector<int64_t> per_dim(const KernelArgs& args, std::string_view name, size_t count) {
  std::vector<int64_t> values = args.integers(name);
  if (values.size() == 1) values.resize(count, values[0]);
  return values;
}

}  // namespace

std::optional<std::vector<HostTensor>> fast_convolution(const KernelArgs& args, OneDnn& onednn) {
  const HostTensor& given = args.tensor("input");
  const HostTensor& weight = args.tensor("weight");
  const bool floating =
      given.dtype() == DType::Float32 || given.dtype() == DType::BFloat16 || given.dtype() == DType::Float16;
  const bool is_core = args.schema().name == "aten::convolution";
  if (!floating || given.rank() != weight.rank() || given.element_count() == 0 ||
      (is_core && args.boolean("transposed")))
    return std::nullopt;
  const auto spatial = static_cast<size_t>(weight.rank() - 2);
  const ConvolutionGeometry geometry{per_dim(args, "stride", spatial), per_dim(args, "padding", spatial),
                                     per_dim(args, "dilation", spatial), args.integer("groups")};
  std::vector<int64_t> sizes{given.size(0), weight.size(0)};
  for (size_t i = 0; i < spatial; ++i) {
    const int64_t room =
        given.sizes()[i + 2] + 2 * geometry.padding[i] - geometry.dilation[i] * (weight.sizes()[i + 2] - 1) - 1;
    if (room < 0) return std::nullopt;
    sizes.push_back(room / geometry.stride[i] + 1);
  }
  const HostTensor input = given.to(DType::Float32).contiguous(), filters = weight.to(DType::Float32).contiguous();
  const HostTensor* given_bias = args.optional_tensor("bias");
  const HostTensor bias = given_bias ? given_bias->to(DType::Float32).contiguous() : HostTensor();
  HostTensor result = HostTensor::empty(DType::Float32, sizes);
  if (!onednn.convolve(input, filters, given_bias ? &bias : nullptr, geometry, result)) return std::nullopt;
  return {{result.to(given.dtype())}};
}

}  // namespace exformer
