// Tensors of one number: one element that stands for all.
#include "exformer/backends/executorch/xnnpack/lowering.h"

namespace exformer::executorch::xnnpack {
namespace {

void fill(const LowerCall& call, double value) {
  Placed placed = call.xnn.scalar(value, call.out().dtype);
  placed.axes.assign(call.out().sizes.size(), -1);
  call.set(std::move(placed));
}

}  // namespace

void add_creation_lowerings(LoweringTable& table) {
  table.add("aten::full", [](const LowerCall& call) { fill(call, call.number("fill_value")); });
  table.add("aten::full_like", [](const LowerCall& call) { fill(call, call.number("fill_value")); });
  table.add("aten::scalar_tensor", [](const LowerCall& call) { fill(call, call.number("s")); });
  for (const std::string_view op : {"aten::zeros", "aten::zeros_like"}) {
    table.add(op, [](const LowerCall& call) { fill(call, 0.0); });
  }
  for (const std::string_view op : {"aten::ones", "aten::ones_like"}) {
    table.add(op, [](const LowerCall& call) { fill(call, 1.0); });
  }
}

}  // namespace exformer::executorch::xnnpack
