// Reductions over dims.
#include <algorithm>
#include <cmath>
#include <limits>

#include "exformer/backends/onnx/lowering.h"
#include "exformer/base/error.h"

namespace exformer::onnx {
namespace {

bool has_argument(const LowerCall& call, std::string_view name) {
  const auto& arguments = call.args.schema().arguments;
  return std::any_of(arguments.begin(), arguments.end(),
                     [&](const SchemaArgument& argument) { return argument.name == name; });
}

bool keep_dims(const LowerCall& call) { return has_argument(call, "keepdim") && call.args.boolean("keepdim"); }

/// The dims to reduce; all of them where none are named.
std::vector<int64_t> dims_of(const LowerCall& call) {
  if (has_argument(call, "dim") && call.args.has("dim")) return call.dims("dim", true);
  std::vector<int64_t> all;
  for (int64_t i = 0; i < call.meta("self").rank(); ++i) all.push_back(i);
  return all;
}

SymInt reduced_count(const LowerCall& call) {
  SymInt count(1);
  for (const int64_t dim : dims_of(call)) count = count * call.meta("self").sizes[static_cast<size_t>(dim)];
  return count;
}

constexpr char kSum[] = "ReduceSum", kMean[] = "ReduceMean", kProduct[] = "ReduceProd", kMax[] = "ReduceMax",
               kMin[] = "ReduceMin";

template <const char* Operator>
Results reduce(const LowerCall& call) {
  return {call.onnx.reduce(Operator, call.promoted("self"), dims_of(call), keep_dims(call))};
}

/// ONNX Runtime adds int64 elements up in float64, which rounds what is beyond 2^51. Counts never get there, products
/// may (hashes): these are added up in two halves.
Results sum(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const Node* producer = call.args.tensor("self")->producer();
  if (call.out_dtype() != DType::Int64 || !producer || !producer->op().starts_with("aten::mul"))
    return reduce<kSum>(call);
  const ValueId self = call.promoted("self"), half = graph.constant_int(int64_t{1} << 32);
  const ValueId low = graph.pointwise("Mod", {self, half});
  const ValueId high = call.onnx.floor_divide(self, half);
  const auto total = [&](ValueId part) { return call.onnx.reduce(kSum, part, dims_of(call), keep_dims(call)); };
  return {graph.pointwise("Add", {graph.pointwise("Mul", {total(high), half}), total(low)})};
}

/// Smallest and largest: ReduceMax and ReduceMin take bool from opset 20 on; before, integers do it.
template <const char* Operator>
Results extremum(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const ValueId self = call.tensor("self");
  const DType dtype = graph.dtype(self), wide = dtype == DType::Bool ? DType::Int32 : dtype;
  return {graph.cast(call.onnx.reduce(Operator, graph.cast(self, wide), dims_of(call), keep_dims(call)), dtype)};
}

template <bool All>
Results any_or_all(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const ValueId flags = graph.cast(graph.cast(call.tensor("self"), DType::Bool), DType::Int32);
  const ValueId reduced = call.onnx.reduce(All ? "ReduceMin" : "ReduceMax", flags, dims_of(call), keep_dims(call));
  return {graph.cast(reduced, call.out_dtype())};
}

Results count_nonzero(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const ValueId flags = graph.cast(graph.cast(call.tensor("self"), DType::Bool), DType::Int64);
  return {call.onnx.reduce("ReduceSum", flags, dims_of(call), false)};
}

/// Values and positions along one dim.
Results with_index(const LowerCall& call, std::string_view values_op, std::string_view index_op) {
  OnnxGraph& graph = call.graph;
  const ValueId self = call.tensor("self");
  if (graph.rank(self) == 0) return {self, graph.constant_int(0)};
  const int64_t dim = call.dim("dim");
  const bool keep = call.args.boolean("keepdim");
  const ValueId numbers = graph.cast(self, graph.dtype(self) == DType::Bool ? DType::Int32 : graph.dtype(self));
  const ValueId values = graph.cast(call.onnx.reduce(values_op, numbers, {dim}, keep), graph.dtype(self));
  const ValueId index =
      graph.emit(index_op, {numbers}, {{"axis", dim}, {"keepdims", int64_t{keep}}}, DType::Int64, graph.sizes(values));
  return {values, index};
}

Results arg_extremum(const LowerCall& call, std::string_view op) {
  OnnxGraph& graph = call.graph;
  ValueId self = call.tensor("self");
  if (graph.dtype(self) == DType::Bool) self = graph.cast(self, DType::Int32);
  if (graph.rank(self) == 0) return {graph.constant_int(0)};
  if (call.args.has("dim")) {
    return {graph.emit(op, {self}, {{"axis", call.dim("dim")}, {"keepdims", int64_t{call.args.boolean("keepdim")}}},
                       DType::Int64, call.out().sizes)};
  }
  const ValueId flat = call.onnx.reshape(self, {element_count(graph.sizes(self))});
  const ValueId index = graph.emit(op, {flat}, {{"axis", int64_t{0}}, {"keepdims", int64_t{0}}}, DType::Int64, {});
  return {call.onnx.reshape(index, call.out().sizes)};
}

struct Moments {
  ValueId variance, mean;
};

/// mean((x - mean)^2) * count / max(count - correction, 0)
Moments moments(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const ValueId self = call.promoted("self");
  const DType dtype = graph.dtype(self);
  const std::vector<int64_t> dims = dims_of(call);
  const bool keep = keep_dims(call);
  double correction = 1.0;
  if (has_argument(call, "unbiased")) correction = call.args.boolean("unbiased") ? 1.0 : 0.0;
  if (has_argument(call, "correction")) correction = call.args.optional_real("correction").value_or(1.0);
  const ValueId mean = call.onnx.reduce("ReduceMean", self, dims, true);
  const ValueId difference = graph.pointwise("Sub", {self, mean});
  ValueId variance = call.onnx.reduce("ReduceMean", graph.pointwise("Mul", {difference, difference}), dims, keep);
  if (correction != 0.0) {
    const ValueId count = call.onnx.scalar({Scalar::Kind::Int, reduced_count(call), 0.0}, dtype);
    const ValueId degrees = graph.pointwise(
        "Max", {graph.pointwise("Sub", {count, graph.scalar(correction, dtype)}), graph.scalar(0, dtype)});
    variance = graph.pointwise("Mul", {variance, graph.pointwise("Div", {count, degrees})});
  }
  return {variance, keep ? mean : call.onnx.reshape(mean, graph.sizes(variance))};
}

/// (sum |x|^p)^(1/p), and its limits.
Results vector_norm(const LowerCall& call, std::string_view order) {
  OnnxGraph& graph = call.graph;
  const ValueId self = call.promoted("self");
  const DType dtype = graph.dtype(self);
  const std::vector<int64_t> dims = dims_of(call);
  const bool keep = keep_dims(call);
  const double p = call.args.optional_real(order).value_or(2.0);
  if (p == 2.0) return {call.onnx.reduce("ReduceL2", self, dims, keep)};
  if (p == 1.0) return {call.onnx.reduce("ReduceL1", self, dims, keep)};
  const ValueId magnitude = graph.pointwise("Abs", {self});
  if (std::isinf(p)) return {call.onnx.reduce(p > 0 ? "ReduceMax" : "ReduceMin", magnitude, dims, keep)};
  if (p == 0.0) return {call.onnx.reduce("ReduceSum", graph.cast(graph.cast(self, DType::Bool), dtype), dims, keep)};
  const ValueId sum =
      call.onnx.reduce("ReduceSum", graph.pointwise("Pow", {magnitude, graph.scalar(p, dtype)}), dims, keep);
  return {graph.pointwise("Pow", {sum, graph.scalar(1.0 / p, dtype)})};
}

/// max + log(sum(exp(x - max))), where an infinite maximum counts as 0.
Results logsumexp(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const ValueId self = call.promoted("self");
  const DType dtype = graph.dtype(self);
  const std::vector<int64_t> dims = dims_of(call);
  const ValueId largest = call.onnx.reduce("ReduceMax", self, dims, true);
  const ValueId infinity = graph.scalar(std::numeric_limits<double>::infinity(), dtype);
  const ValueId is_infinite = graph.pointwise_as(DType::Bool, "Equal", {graph.pointwise("Abs", {largest}), infinity});
  const ValueId shift = call.onnx.where(is_infinite, graph.scalar(0, dtype), largest);
  const ValueId sum =
      call.onnx.reduce("ReduceSum", graph.pointwise("Exp", {graph.pointwise("Sub", {self, shift})}), dims, true);
  const ValueId result = graph.pointwise("Add", {graph.pointwise("Log", {sum}), shift});
  return {call.onnx.reshape(result, call.out().sizes)};
}

}  // namespace

void add_reduction_lowerings(LoweringTable& table) {
  for (const char* op : {"aten::sum", "aten::sum.dim_IntList"}) table.add(op, sum);
  for (const char* op : {"aten::mean", "aten::mean.dim"}) table.add(op, reduce<kMean>);
  for (const char* op : {"aten::prod", "aten::prod.dim_int"}) table.add(op, reduce<kProduct>);
  for (const char* op : {"aten::amax", "aten::max"}) table.add(op, extremum<kMax>);
  for (const char* op : {"aten::amin", "aten::min"}) table.add(op, extremum<kMin>);
  for (const char* op : {"aten::any", "aten::any.dim", "aten::any.dims"}) table.add(op, any_or_all<false>);
  for (const char* op : {"aten::all", "aten::all.dim", "aten::all.dims"}) table.add(op, any_or_all<true>);
  table.add("aten::count_nonzero", count_nonzero);
  table.add("aten::count_nonzero.dim_IntList", count_nonzero);
  table.add("aten::max.dim", [](const LowerCall& call) { return with_index(call, "ReduceMax", "ArgMax"); });
  table.add("aten::min.dim", [](const LowerCall& call) { return with_index(call, "ReduceMin", "ArgMin"); });
  table.add("aten::argmax", [](const LowerCall& call) { return arg_extremum(call, "ArgMax"); });
  table.add("aten::argmin", [](const LowerCall& call) { return arg_extremum(call, "ArgMin"); });
  for (const char* op : {"aten::var", "aten::var.dim", "aten::var.correction"}) {
    table.add(op, [](const LowerCall& call) -> Results { return {moments(call).variance}; });
  }
  for (const char* op : {"aten::std", "aten::std.dim", "aten::std.correction"}) {
    table.add(
        op, [](const LowerCall& call) -> Results { return {call.graph.pointwise("Sqrt", {moments(call).variance})}; });
  }
  for (const char* op : {"aten::var_mean", "aten::var_mean.dim", "aten::var_mean.correction"}) {
    table.add(op, [](const LowerCall& call) -> Results {
      const Moments result = moments(call);
      return {result.variance, result.mean};
    });
  }
  table.add("aten::linalg_vector_norm", [](const LowerCall& call) { return vector_norm(call, "ord"); });
  for (const char* op : {"aten::norm.Scalar", "aten::norm.ScalarOpt_dim", "aten::norm.ScalarOpt_dim_dtype",
                         "aten::norm.ScalarOpt_dtype"}) {
    table.add(op, [](const LowerCall& call) { return vector_norm(call, "p"); });
  }
  table.add("aten::logsumexp", logsumexp);
}

}  // namespace exformer::onnx
