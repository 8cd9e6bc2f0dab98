// Sums and means over one dim, as products with a constant row: the runtime's node set has no reductions.
#include "exformer/backends/executorch/xnnpack/lowering.h"

namespace exformer::executorch::xnnpack {
namespace {

/// The tensor with `dim` counted last.
Placed with_dim_last(const Placed& x, int dim) {
  Placed result = x;
  result.axes.erase(result.axes.begin() + dim);
  result.axes.push_back(x.axis(dim));
  return result;
}

void reduce(const LowerCall& call, bool is_mean) {
  if (call.args.dtype("dtype") && *call.args.dtype("dtype") != call.meta("self").dtype)
    refuse("a sum in another dtype");
  const std::vector<int> dims = call.dims("dim");
  if (dims.size() != 1) refuse(fmt::format("a reduction of {} dims at once", dims.empty() ? "all" : "several"));
  const uint32_t count = constant_size(call.meta("self").sizes[static_cast<size_t>(dims[0])], "a reduced dim");
  Placed sum = call.xnn.weighted_sum_last(with_dim_last(call.tensor("self"), dims[0]), is_mean ? 1.0 / count : 1.0);
  sum.axes.pop_back();
  if (call.args.boolean("keepdim")) sum.axes.insert(sum.axes.begin() + dims[0], -1);
  call.set(std::move(sum));
}

}  // namespace

void add_reduction_lowerings(LoweringTable& table) {
  table.add("aten::mean.dim", [](const LowerCall& call) { reduce(call, true); });
  table.add("aten::sum.dim_IntList", [](const LowerCall& call) { reduce(call, false); });
}

}  // namespace exformer::executorch::xnnpack
