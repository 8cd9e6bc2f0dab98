// Running sums and extremes.
#include "exformer/backends/onnx/lowering.h"

namespace exformer::onnx {
namespace {

Results running_sum(const LowerCall& call) {
  return {call.graph.emit("CumSum", {call.promoted("self"), call.graph.constant_int(call.dim("dim"))}, {},
                          call.out_dtype(), call.out().sizes)};
}

/// In steps of 1, 2, 4, ... each place takes in what the place that far before it has; from those nearer to the start,
/// what the first place has, which changes nothing. The later of two equal ones wins, and once a NaN, always a NaN.
template <bool Largest>
Results running_extreme(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const Sizes& sizes = call.out().sizes;
  if (sizes.empty()) return {call.tensor("self"), graph.constant_int(0)};
  const int64_t dim = call.dim("dim");
  const SymInt& length = sizes[static_cast<size_t>(dim)];
  const DType dtype = call.out_dtype(), compared = dtype == DType::Bool ? DType::Int64 : dtype;
  const ValueId range = call.onnx.range(length);
  Sizes along(sizes.size() - static_cast<size_t>(dim), SymInt(1));
  along[0] = length;
  ValueId values = graph.cast(call.tensor("self"), compared);
  ValueId places = call.onnx.expand(call.onnx.reshape(range, along), sizes);
  const auto is_nan = [&](ValueId value) { return graph.pointwise_as(DType::Bool, "IsNaN", {value}); };
  const int64_t longest = bounds(length).max;
  for (int64_t step = 1; step < longest && step < int64_t{1} << 31; step *= 2) {
    const ValueId before =
        graph.pointwise("Max", {graph.pointwise("Sub", {range, graph.constant_int(step)}), graph.constant_int(0)});
    const auto earlier = [&](ValueId of) {
      return graph.emit("Gather", {of, before}, {{"axis", dim}}, graph.dtype(of), sizes);
    };
    const ValueId old_values = earlier(values);
    ValueId wins = graph.pointwise_as(DType::Bool, Largest ? "Greater" : "Less", {old_values, values});
    if (is_floating_point(compared)) {
      const ValueId became_nan = graph.pointwise_as(
          DType::Bool, "And", {is_nan(old_values), graph.pointwise_as(DType::Bool, "Not", {is_nan(values)})});
      wins = graph.pointwise_as(DType::Bool, "Or", {wins, became_nan});
    }
    places = call.onnx.where(wins, earlier(places), places);
    values = call.onnx.where(wins, old_values, values);
  }
  return {graph.cast(values, dtype), places};
}

}  // namespace

void add_scan_lowerings(LoweringTable& table) {
  table.add("aten::cumsum", running_sum);
  table.add("aten::cummax", running_extreme<true>);
  table.add("aten::cummin", running_extreme<false>);
}

}  // namespace exformer::onnx
