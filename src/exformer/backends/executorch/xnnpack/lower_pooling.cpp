// Windows over images, which lie as [batch, height, width, channels] here.
#include "exformer/backends/executorch/xnnpack/lowering.h"

namespace exformer::executorch::xnnpack {
namespace {

void max_pool(const LowerCall& call) {
  Lowering& xnn = call.xnn;
  if (call.meta("self").rank() != 4) refuse("a pooling of an image without a batch");
  if (call.args.boolean("ceil_mode")) refuse("a pooling that rounds up");
  const auto pair = [&](std::string_view name) -> std::array<uint32_t, 2> {
    const std::vector<SymInt>& given = call.args.syms(name);
    return {constant_size(given.front(), name), constant_size(given.back(), name)};
  };
  ConvolutionShape shape{.kernel = pair("kernel_size"), .dilation = pair("dilation")};
  shape.stride = call.args.syms("stride").empty() ? shape.kernel : pair("stride");
  const std::array<uint32_t, 2> padding = pair("padding");
  shape.padding = {padding[0], padding[1], padding[0], padding[1]};
  if (shape.kernel[0] * shape.kernel[1] == 1) refuse("a pooling of single elements");
  const Placed input = xnn.require(call.tensor_along("self", {0, 1, 2, 3}), {{0, 0}, {1, 3}, {2, 1}, {3, 2}});
  Placed result{.id = xnn.payload.add_value(input.dtype, kAxes), .dtype = input.dtype, .axes = {0, 3, 1, 2}};
  for (size_t dim = 0; dim < 4; ++dim) {
    const SymInt& size = call.out().sizes[dim];
    result.sizes[static_cast<size_t>(result.axes[dim])] = size;
    if (is_one(size)) result.axes[dim] = -1;
  }
  xnn.payload.pooling(NodeKind::MaxPool, input.id, result.id, shape);
  call.set(std::move(result));
}

}  // namespace

void add_pooling_lowerings(LoweringTable& table) { table.add("aten::max_pool2d", max_pool); }

}  // namespace exformer::executorch::xnnpack
