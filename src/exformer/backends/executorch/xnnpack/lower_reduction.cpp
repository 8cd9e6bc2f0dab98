// Sums and means, as products with a constant row: the runtime's node set has no reductions. They add up in float32.
#include <algorithm>

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

/// One dim after the other; each becomes a dim of one element.
Placed reduced(const LowerCall& call, const std::vector<int>& dims, bool is_mean) {
  const Placed given = call.xnn.cast(call.tensor_along("self", dims), call.out().dtype);
  Placed result = call.xnn.cast(given, DType::Float32);
  for (const int dim : dims) {
    const uint32_t count = constant_size(call.meta("self").sizes[static_cast<size_t>(dim)], "a reduced dim");
    result = call.xnn.weighted_sum_last(with_dim_last(result, dim), is_mean ? 1.0 / count : 1.0);
    result.axes.pop_back();
    result.axes.insert(result.axes.begin() + dim, -1);
  }
  return result;
}

void reduce(const LowerCall& call, bool is_mean) {
  std::vector<int> dims = call.dims("dim");
  if (dims.empty()) refuse("a reduction of all dims");
  Placed result = reduced(call, dims, is_mean);
  if (!call.args.boolean("keepdim")) {
    std::sort(dims.rbegin(), dims.rend());
    for (const int dim : dims) result.axes.erase(result.axes.begin() + dim);
  }
  call.set(std::move(result));
}

void adaptive_mean(const LowerCall& call) {
  for (const int64_t size : call.args.integers("output_size")) {
    if (size != 1) refuse("an adaptive pooling to more than one element");
  }
  const int rank = static_cast<int>(call.meta("self").rank());
  call.set(reduced(call, {rank - 2, rank - 1}, true));
}

}  // namespace

void add_reduction_lowerings(LoweringTable& table) {
  table.add("aten::mean.dim", [](const LowerCall& call) { reduce(call, true); });
  table.add("aten::adaptive_avg_pool2d", adaptive_mean);
  table.add("aten::_adaptive_avg_pool2d", adaptive_mean);
  table.add("aten::sum.dim_IntList", [](const LowerCall& call) { reduce(call, false); });
}

}  // namespace exformer::executorch::xnnpack
