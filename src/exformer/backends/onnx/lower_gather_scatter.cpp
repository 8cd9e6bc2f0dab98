// Writes at places along one dim: index_copy, index_add, scatter and its reductions, masked_scatter.
#include <algorithm>
#include <numeric>

#include "exformer/backends/onnx/lowering.h"
#include "exformer/base/error.h"

namespace exformer::onnx {
namespace {

ValueId scatter_rows(const LowerCall& call, ValueId data, ValueId places, ValueId updates, bool add) {
  OnnxGraph& graph = call.graph;
  Attributes attributes;
  if (add) attributes.emplace_back("reduction", "add");
  return graph.emit("ScatterND", {data, places, updates}, std::move(attributes), graph.dtype(data), graph.sizes(data));
}

Results index_rows(const LowerCall& call, bool add) {
  OnnxGraph& graph = call.graph;
  const int64_t dim = call.dim("dim");
  std::vector<int64_t> swap(static_cast<size_t>(call.meta("self").rank()));
  std::iota(swap.begin(), swap.end(), 0);
  if (swap.empty()) unsupported("rows of a 0-d tensor");
  std::swap(swap[0], swap[static_cast<size_t>(dim)]);
  ValueId source = call.promoted("source");
  if (add && call.args.scalar("alpha").to_double() != 1.0)
    source = graph.pointwise("Mul", {source, call.onnx.scalar(call.args.scalar("alpha"), call.out_dtype())});
  const ValueId places = call.onnx.unsqueeze(graph.cast(call.tensor("index"), DType::Int64), 1);
  const ValueId written = scatter_rows(call, call.onnx.transpose(call.tensor("self"), swap), places,
                                       call.onnx.transpose(source, swap), add);
  return {call.onnx.transpose(written, swap)};
}

ValueId scatter_elements(const LowerCall& call, ValueId data, ValueId source, std::string_view reduction) {
  OnnxGraph& graph = call.graph;
  if (graph.rank(data) == 0) unsupported("a write into a 0-d tensor");
  const Sizes& index_sizes = call.meta("index").sizes;
  const int64_t dim = call.dim("dim");
  for (size_t i = 0; i < index_sizes.size(); ++i) {  // only the part of the source that the index covers
    if (graph.sizes(source)[i] != index_sizes[i])
      source = call.onnx.slice(source, static_cast<int64_t>(i), 0, index_sizes[i], 1);
  }
  Attributes attributes{{"axis", dim}};
  if (!reduction.empty()) attributes.emplace_back("reduction", std::string(reduction));
  return graph.emit("ScatterElements", {data, graph.cast(call.tensor("index"), DType::Int64), source},
                    std::move(attributes), call.out_dtype(), call.out().sizes);
}

Results scatter(const LowerCall& call, ValueId source, std::string_view reduction) {
  return {scatter_elements(call, call.tensor("self"), source, reduction)};
}

Results scatter_value(const LowerCall& call) {
  const ValueId value = call.onnx.scalar(call.args.scalar("value"), call.out_dtype());
  return scatter(call, call.onnx.full(call.meta("index").sizes, value), "");
}

Results scatter_reduce(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const std::string& reduce = call.args.string("reduce");
  const bool is_mean = reduce == "mean", includes_self = call.args.boolean("include_self");
  const std::string_view reduction = reduce == "sum" || is_mean ? "add"
                                     : reduce == "prod"         ? "mul"
                                     : reduce == "amax"         ? "max"
                                     : reduce == "amin"         ? "min"
                                                                : "";
  if (reduction.empty()) unsupported("the reduction '{}'", reduce);
  const ValueId source = call.promoted("src");
  const auto all = [&](std::string_view name, double value) {
    return call.onnx.full(call.meta(name).sizes, graph.scalar(value, call.out_dtype()));
  };
  ValueId data = call.tensor("self");
  if (!includes_self) {
    // What is written to starts anew: from what changes nothing, of an extreme from one of its own sources.
    const bool is_extreme = reduce == "amax" || reduce == "amin";
    data = scatter_elements(call, data, is_extreme ? source : all("index", reduce == "prod" ? 1 : 0), "");
  }
  const ValueId reduced = scatter_elements(call, data, source, reduction);
  if (!is_mean) return {reduced};
  ValueId count = scatter_elements(call, all("self", includes_self ? 1 : 0), all("index", 1), "add");
  if (!includes_self) count = graph.pointwise("Max", {count, graph.scalar(1, call.out_dtype())});
  if (is_integer(call.out_dtype())) return {call.onnx.floor_divide(reduced, count)};
  return {graph.pointwise("Div", {reduced, count})};
}

/// The n-th true place of the mask takes the n-th element of the source.
Results masked_scatter(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const Sizes& sizes = call.out().sizes;
  const Sizes flat{element_count(sizes)};
  const ValueId mask = call.onnx.expand(call.tensor("mask"), sizes);
  const ValueId seen = graph.cast(call.onnx.reshape(mask, flat), DType::Int64);
  const ValueId count = graph.emit("CumSum", {seen, graph.constant_int(0)}, {}, DType::Int64, flat);
  const ValueId place =
      graph.pointwise("Max", {graph.pointwise("Sub", {count, graph.constant_int(1)}), graph.constant_int(0)});
  const SymInt available = element_count(call.meta("source").sizes);
  ValueId source = call.onnx.reshape(call.promoted("source"), {available});
  // Where nothing is taken the source may be empty, but every place is looked up.
  if (bounds(available).min < 1)
    source = call.onnx.concat({source, call.onnx.full({SymInt(1)}, graph.scalar(0, graph.dtype(source)))}, 0);
  const ValueId taken = graph.emit("Gather", {source, place}, {{"axis", int64_t{0}}}, graph.dtype(source), flat);
  return {call.onnx.where(mask, call.onnx.reshape(taken, sizes), call.tensor("self"))};
}

}  // namespace

void add_gather_scatter_lowerings(LoweringTable& table) {
  table.add("aten::index_copy", [](const LowerCall& call) { return index_rows(call, false); });
  table.add("aten::index_add", [](const LowerCall& call) { return index_rows(call, true); });
  table.add("aten::scatter.src", [](const LowerCall& call) { return scatter(call, call.promoted("src"), ""); });
  table.add("aten::scatter.value", scatter_value);
  table.add("aten::scatter_add", [](const LowerCall& call) { return scatter(call, call.promoted("src"), "add"); });
  table.add("aten::scatter_reduce.two", scatter_reduce);
  table.add("aten::masked_scatter", masked_scatter);
}

}  // namespace exformer::onnx
