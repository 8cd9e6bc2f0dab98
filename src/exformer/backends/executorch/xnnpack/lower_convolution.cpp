// Convolutions over images, which lie as [batch, height, width, channels] here.
#include <algorithm>
#include <vector>

#include "exformer/backends/executorch/xnnpack/lowering.h"

namespace exformer::executorch::xnnpack {
namespace {

/// [out, in, height, width] -> [out, height, width, in], one output channel in memory at a time
void channels_last(const LazyTensor& weight, const std::function<void(Bytes)>& sink) {
  const std::vector<int64_t>& sizes = weight.sizes();
  const auto channels = static_cast<size_t>(sizes[1]), pixels = static_cast<size_t>(sizes[2] * sizes[3]),
             item = item_size(weight.dtype());
  const size_t filter_bytes = channels * pixels * item;
  std::vector<std::byte> filter, turned(filter_bytes);
  weight.stream([&](Bytes block) {
    filter.insert(filter.end(), block.begin(), block.end());
    size_t read = 0;
    for (; filter.size() - read >= filter_bytes; read += filter_bytes) {
      for (size_t c = 0; c < channels; ++c) {
        for (size_t p = 0; p < pixels; ++p) {
          const std::byte* from = filter.data() + read + (c * pixels + p) * item;
          std::copy(from, from + item, turned.data() + (p * channels + c) * item);
        }
      }
      sink(Bytes(turned.data(), filter_bytes));
    }
    filter.erase(filter.begin(), filter.begin() + static_cast<ptrdiff_t>(read));
  });
}

/// [channels, 1, height, width] -> [height, width, channels]; filters of depthwise convolutions are small
void channels_innermost(const LazyTensor& weight, const std::function<void(Bytes)>& sink) {
  const HostTensor filters = weight.materialize();
  const HostTensor turned =
      filters
          .as_strided({filters.size(2) * filters.size(3), filters.size(0)}, {1, filters.size(2) * filters.size(3)}, 0)
          .contiguous();
  sink(turned.bytes());
}

/// Filters and biases are float32, whatever the image is: the runtime takes no others.
void convolution(const LowerCall& call) {
  Lowering& xnn = call.xnn;
  const Value *weight = call.value("weight"), *bias = call.optional("bias");
  if (!xnn.weight(weight) || (bias && !xnn.weight(bias))) refuse("a convolution whose weight is computed");
  if (weight->meta.rank() != 4) refuse("a convolution that is not over two dims");
  if (call.node.is("aten::convolution") && call.args.boolean("transposed")) refuse("a transposed convolution");
  const auto pair = [&](std::string_view name) -> std::array<uint32_t, 2> {
    const std::vector<SymInt>& given = call.args.syms(name);
    return {constant_size(given.front(), name), constant_size(given.back(), name)};
  };
  std::array<uint32_t, 4> filter;
  for (size_t i = 0; i < 4; ++i) filter[i] = constant_size(weight->meta.sizes[i], "a filter's size");
  const std::array<uint32_t, 2> padding = pair("padding");
  ConvolutionShape shape{.kernel = {filter[2], filter[3]},
                         .stride = pair("stride"),
                         .dilation = pair("dilation"),
                         .padding = {padding[0], padding[1], padding[0], padding[1]},
                         .groups = constant_size(call.args.sym("groups"), "groups"),
                         .group_input_channels = filter[1]};
  shape.group_output_channels = filter[0] / shape.groups;
  const bool is_depthwise = shape.groups > 1 && filter[1] == 1;
  const Placed input = xnn.require(call.tensor_along("input", {0, 1, 2, 3}), {{0, 0}, {1, 3}, {2, 1}, {3, 2}});
  const bool is_pointwise = filter[2] == 1 && filter[3] == 1;
  const Dims dims =
      is_depthwise ? Dims{1, filter[2], filter[3], filter[0]} : Dims{filter[0], filter[2], filter[3], filter[1]};
  const ValueId turned = is_pointwise && !is_depthwise
                             ? xnn.weight_in(weight, DType::Float32, dims)
                             : xnn.rearranged_weight(weight, "filter", DType::Float32, dims,
                                                     is_depthwise ? channels_innermost : channels_last);
  const ValueId addend = bias ? xnn.weight_in(bias, DType::Float32, {filter[0]}) : kAbsent;
  Placed result{.id = xnn.payload.add_value(input.dtype, kAxes), .dtype = input.dtype, .axes = {0, 3, 1, 2}};
  for (size_t dim = 0; dim < 4; ++dim) {
    const SymInt& size = call.out().sizes[dim];
    result.sizes[static_cast<size_t>(result.axes[dim])] = size;
    if (is_one(size)) result.axes[dim] = -1;
  }
  xnn.payload.convolution(input.id, turned, addend, result.id, shape);
  call.set(std::move(result));
}

}  // namespace

void add_convolution_lowerings(LoweringTable& table) {
  table.add("aten::conv2d", convolution);
  table.add("aten::convolution", convolution);
}

}  // namespace exformer::executorch::xnnpack
