// Writes at integer places: index_put, index_copy, index_add, scatter and its reductions, masked_scatter.
#include <algorithm>
#include <numeric>

#include "exformer/backends/onnx/lowering.h"
#include "exformer/base/error.h"
#include "exformer/ops/shape_rules.h"

namespace exformer::onnx {
namespace {

/// ScatterND and ScatterElements with a reduction have no bool kernel.
DType scatter_dtype(DType dtype) { return dtype == DType::Bool ? DType::Int32 : dtype; }

ValueId scatter_rows(const LowerCall& call, ValueId data, ValueId places, ValueId updates, bool add) {
  OnnxGraph& graph = call.graph;
  const DType dtype = graph.dtype(data);
  Attributes attributes;
  if (add) attributes.emplace_back("reduction", "add");
  const DType inner = scatter_dtype(dtype);
  return graph.cast(graph.emit("ScatterND", {graph.cast(data, inner), places, graph.cast(updates, inner)},
                               std::move(attributes), inner, graph.sizes(data)),
                    dtype);
}

/// where(mask, value, self) for one value behind a boolean mask.
Results put_masked(const LowerCall& call, const Value* mask) {
  const TensorMeta& values = call.meta("values");
  if (!known_equal(element_count(values.sizes), 1)) unsupported("several values behind a boolean mask");
  ValueId condition = call.onnx.get(mask);
  for (int64_t i = mask->meta.rank(); i < call.meta("self").rank(); ++i) condition = call.onnx.unsqueeze(condition, i);
  const ValueId value = call.onnx.reshape(call.promoted("values"), {});
  return {call.onnx.where(condition, value, call.tensor("self"))};
}

/// The indexed dims first, the indices stacked on a last dim, then ScatterND.
Results index_put(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const std::vector<Value*>& given = call.args.tensors("indices");
  std::vector<const Value*> indices;
  std::vector<int64_t> permutation, dims;
  for (size_t i = 0; i < given.size(); ++i) {
    if (!given[i]) continue;
    if (given[i]->meta.dtype == DType::Bool) {
      if (given.size() == 1) return put_masked(call, given[i]);
      unsupported("a boolean mask beside other indices");
    }
    indices.push_back(given[i]);
    dims.push_back(static_cast<int64_t>(i));
  }
  if (!dims.empty() && dims.back() - dims.front() + 1 != static_cast<int64_t>(dims.size()))
    unsupported("indices with a whole dim between them");
  const TensorMeta& self = call.meta("self");
  permutation = dims;
  for (int64_t i = 0; i < self.rank(); ++i) {
    if (std::find(dims.begin(), dims.end(), i) == dims.end()) permutation.push_back(i);
  }
  Sizes common;
  for (const Value* index : indices) common = broadcast_sizes(common, index->meta.sizes, call.node.op());
  const auto common_rank = static_cast<int64_t>(common.size());
  std::vector<ValueId> columns;
  for (const Value* index : indices) {
    const ValueId full = call.onnx.expand(graph.cast(call.onnx.get(index), DType::Int64), common);
    columns.push_back(call.onnx.unsqueeze(full, common_rank));
  }
  // The values have the sizes of x[indices]: the indexed dims replaced by the common ones, where they stood.
  Sizes updates;
  for (int64_t i = 0; i < dims.front(); ++i) updates.push_back(self.sizes[static_cast<size_t>(i)]);
  updates.insert(updates.end(), common.begin(), common.end());
  for (int64_t i = dims.back() + 1; i < self.rank(); ++i) updates.push_back(self.sizes[static_cast<size_t>(i)]);
  ValueId values = call.onnx.expand(call.promoted("values"), updates);
  std::vector<int64_t> front(static_cast<size_t>(common_rank));
  std::iota(front.begin(), front.end(), dims.front());
  for (int64_t i = 0; i < static_cast<int64_t>(updates.size()); ++i) {
    if (i < dims.front() || i >= dims.front() + common_rank) front.push_back(i);
  }
  values = call.onnx.transpose(values, front);
  const ValueId written = scatter_rows(call, call.onnx.transpose(call.tensor("self"), permutation),
                                       call.onnx.concat(columns, common_rank), values, call.args.boolean("accumulate"));
  std::vector<int64_t> back(permutation.size());
  for (size_t i = 0; i < permutation.size(); ++i) back[static_cast<size_t>(permutation[i])] = static_cast<int64_t>(i);
  return {call.onnx.transpose(written, back)};
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

Results scatter(const LowerCall& call, ValueId source, const std::string& reduction) {
  OnnxGraph& graph = call.graph;
  const Sizes& index_sizes = call.meta("index").sizes;
  const int64_t dim = call.dim("dim");
  for (size_t i = 0; i < index_sizes.size(); ++i) {  // only the part of the source that the index covers
    if (graph.sizes(source)[i] != index_sizes[i])
      source = call.onnx.slice(source, static_cast<int64_t>(i), 0, index_sizes[i], 1);
  }
  Attributes attributes{{"axis", dim}};
  if (!reduction.empty()) attributes.emplace_back("reduction", reduction);
  const DType dtype = reduction.empty() ? call.out_dtype() : scatter_dtype(call.out_dtype());
  const ValueId result = graph.emit("ScatterElements",
                                    {graph.cast(call.tensor("self"), dtype),
                                     graph.cast(call.tensor("index"), DType::Int64), graph.cast(source, dtype)},
                                    std::move(attributes), dtype, call.out().sizes);
  return {graph.cast(result, call.out_dtype())};
}

Results scatter_value(const LowerCall& call) {
  const ValueId value = call.onnx.scalar(call.args.scalar("value"), call.out_dtype());
  return scatter(call, call.onnx.full(call.meta("index").sizes, value), "");
}

Results scatter_reduce(const LowerCall& call) {
  if (!call.args.boolean("include_self")) unsupported("include_self = False");
  const std::string& reduce = call.args.string("reduce");
  const std::string name = reduce == "sum"    ? "add"
                           : reduce == "prod" ? "mul"
                           : reduce == "amax" ? "max"
                           : reduce == "amin" ? "min"
                                              : "";
  if (name.empty()) unsupported("the reduction '{}'", reduce);
  return scatter(call, call.promoted("src"), name);
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
  const ValueId source = call.onnx.reshape(call.promoted("source"), {element_count(call.meta("source").sizes)});
  const ValueId taken = graph.emit("Gather", {source, place}, {{"axis", int64_t{0}}}, graph.dtype(source), flat);
  return {call.onnx.where(mask, call.onnx.reshape(taken, sizes), call.tensor("self"))};
}

}  // namespace

void add_gather_scatter_lowerings(LoweringTable& table) {
  table.add("aten::index_put", index_put);
  table.add("aten::index_copy", [](const LowerCall& call) { return index_rows(call, false); });
  table.add("aten::index_add", [](const LowerCall& call) { return index_rows(call, true); });
  table.add("aten::scatter.src", [](const LowerCall& call) { return scatter(call, call.promoted("src"), ""); });
  table.add("aten::scatter.value", scatter_value);
  table.add("aten::scatter_add", [](const LowerCall& call) { return scatter(call, call.promoted("src"), "add"); });
  table.add("aten::scatter_reduce.two", scatter_reduce);
  table.add("aten::masked_scatter", masked_scatter);
}

}  // namespace exformer::onnx
