// Orders and counts: sort, topk, places in a sorted row, histograms.
#include "exformer/backends/onnx/lowering.h"
#include "exformer/base/error.h"

namespace exformer::onnx {
namespace {

/// TopK has kernels for float32, float64, int32 and int64.
DType sortable(DType dtype) {
  if (dtype == DType::Float32 || dtype == DType::Float64 || dtype == DType::Int64 || dtype == DType::Int32)
    return dtype;
  return is_floating_point(dtype) ? DType::Float32 : DType::Int64;
}

/// Values and places of the first `count`; equal ones keep their order.
Results take_first(const LowerCall& call, const SymInt& count, bool largest) {
  OnnxGraph& graph = call.graph;
  const TensorMeta& self = call.meta("self");
  if (self.rank() == 0) return {call.tensor("self"), graph.constant_int(0)};
  const int64_t dim = call.dim("dim");
  const DType dtype = sortable(graph.dtype(call.tensor("self")));
  Sizes sizes = self.sizes;
  sizes[static_cast<size_t>(dim)] = count;
  const auto results = graph.emit_many("TopK", {graph.cast(call.tensor("self"), dtype), call.onnx.shapes.one(count)},
                                       {{"axis", dim}, {"largest", int64_t{largest}}, {"sorted", int64_t{1}}},
                                       {{dtype, sizes}, {DType::Int64, sizes}});
  return {graph.cast(results[0], carried(self.dtype)), results[1]};
}

Results topk(const LowerCall& call) { return take_first(call, call.args.sym("k"), call.args.boolean("largest")); }

Results sort(const LowerCall& call) {
  const TensorMeta& self = call.meta("self");
  const SymInt count = self.rank() == 0 ? SymInt(1) : self.sizes[static_cast<size_t>(call.dim("dim"))];
  return take_first(call, count, call.args.boolean("descending"));
}

Results argsort(const LowerCall& call) { return {sort(call)[1]}; }

/// How many of the sorted row are below each value (or not above it).
Results search(const LowerCall& call, std::string_view row, std::string_view values) {
  OnnxGraph& graph = call.graph;
  if (call.args.schema().name == "aten::searchsorted.Tensor" && (call.args.has("side") || call.args.has("sorter")))
    unsupported("searchsorted with a side or a sorter");
  const DType dtype = call.common_dtype({row, values});
  const ValueId wanted = call.onnx.unsqueeze(graph.cast(call.tensor(values), dtype), call.meta(values).rank());
  ValueId sorted = graph.cast(call.tensor(row), dtype);
  if (call.meta(row).rank() > 1) sorted = call.onnx.unsqueeze(sorted, call.meta(row).rank() - 1);
  const char* compare = call.args.boolean("right") ? "LessOrEqual" : "Less";
  const ValueId below = graph.cast(graph.pointwise_as(DType::Bool, compare, {sorted, wanted}), DType::Int64);
  const ValueId counts = call.onnx.reduce("ReduceSum", below, {graph.rank(below) - 1}, false);
  return {graph.cast(counts, call.out_dtype())};
}

/// The ends that are given; where they are equal, those of the values, a bin apart if these are equal too.
std::pair<ValueId, ValueId> histogram_range(const LowerCall& call, ValueId flat) {
  OnnxGraph& graph = call.graph;
  const auto number = [&](double value) { return graph.scalar(value, DType::Float32); };
  const double low = call.args.real("min"), high = call.args.real("max");
  if (low != high) return {number(low), number(high)};
  const ValueId least = call.onnx.reduce("ReduceMin", flat, {}, false);
  const ValueId most = call.onnx.reduce("ReduceMax", flat, {}, false);
  const ValueId margin = graph.cast(graph.pointwise_as(DType::Bool, "Equal", {least, most}), DType::Float32);
  return {graph.pointwise("Sub", {least, margin}), graph.pointwise("Add", {most, margin})};
}

/// One count per bin: each value's bin compared with all of them.
Results histogram(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const int64_t bins = call.args.integer("bins");
  const ValueId flat =
      call.onnx.reshape(graph.cast(call.tensor("self"), DType::Float32), {element_count(call.meta("self").sizes)});
  const auto [low, high] = histogram_range(call, flat);
  const ValueId shifted = graph.pointwise("Sub", {flat, low});
  const ValueId bins_per_unit = graph.pointwise(
      "Div", {graph.scalar(static_cast<double>(bins), DType::Float32), graph.pointwise("Sub", {high, low})});
  const ValueId bin = graph.pointwise("Floor", {graph.pointwise("Mul", {shifted, bins_per_unit})});
  // The upper end belongs to the last bin; what lies outside equals no bin.
  const ValueId is_end = graph.pointwise_as(DType::Bool, "Equal", {flat, high});
  const ValueId place = call.onnx.where(is_end, graph.scalar(static_cast<double>(bins - 1), DType::Float32), bin);
  std::vector<float> numbers;
  for (int64_t i = 0; i < bins; ++i) numbers.push_back(static_cast<float>(i));
  const ValueId all = graph.constant(HostTensor::from(DType::Float32, {bins, 1}, numbers));
  const ValueId hits =
      graph.cast(graph.pointwise_as(DType::Bool, "Equal", {all, call.onnx.unsqueeze(place, 0)}), DType::Float32);
  return {graph.cast(call.onnx.reduce("ReduceSum", hits, {1}, false), call.out_dtype())};
}

}  // namespace

void add_sorting_lowerings(LoweringTable& table) {
  table.add("aten::topk", topk);
  table.add("aten::sort", sort);
  table.add("aten::sort.stable", sort);
  table.add("aten::argsort", argsort);
  table.add("aten::argsort.stable", argsort);
  table.add("aten::searchsorted.Tensor", [](const LowerCall& call) { return search(call, "sorted_sequence", "self"); });
  table.add("aten::bucketize.Tensor", [](const LowerCall& call) { return search(call, "boundaries", "self"); });
  table.add("aten::histc", histogram);
}

}  // namespace exformer::onnx
