// Picking elements by integer indices: index.Tensor, index_select, gather.
#include "exformer/backends/onnx/lowering.h"
#include "exformer/base/error.h"
#include "exformer/ops/shape_rules.h"

namespace exformer::onnx {
namespace {

Results lower_index_select(const LowerCall& call) {
  return {call.graph.emit("Gather", {call.tensor("self"), call.tensor("index")}, {{"axis", call.dim("dim")}},
                          call.out_dtype(), call.out().sizes)};
}

Results lower_gather(const LowerCall& call) {
  return {call.graph.emit("GatherElements", {call.tensor("self"), call.tensor("index")}, {{"axis", call.dim("dim")}},
                          call.out_dtype(), call.out().sizes)};
}

/// x[i] is a Gather on i's dim; x[i, j, ...] on the leading dims a GatherND over the indices stacked on a last dim.
Results lower_index(const LowerCall& call) {
  const std::vector<Value*>& given = call.args.tensors("indices");
  std::vector<const Value*> indices;
  int64_t last_axis = 0;
  for (size_t i = 0; i < given.size(); ++i) {
    if (!given[i]) continue;
    if (given[i]->meta.dtype == DType::Bool) unsupported("a boolean mask as index: the result's size depends on data");
    indices.push_back(given[i]);
    last_axis = static_cast<int64_t>(i);
  }
  if (indices.size() == 1) {
    return {call.graph.emit("Gather", {call.tensor("self"), call.onnx.get(indices[0])}, {{"axis", last_axis}},
                            call.out_dtype(), call.out().sizes)};
  }
  if (indices.size() != static_cast<size_t>(last_axis) + 1)
    unsupported("several indices that do not start at the first dim");
  Sizes common;
  for (const Value* index : indices) common = broadcast_sizes(common, index->meta.sizes, call.node.op());
  std::vector<ValueId> columns;
  for (const Value* index : indices) {
    const ValueId full = call.onnx.expand(call.graph.cast(call.onnx.get(index), DType::Int64), common);
    columns.push_back(call.onnx.unsqueeze(full, static_cast<int64_t>(common.size())));
  }
  const ValueId stacked = call.onnx.concat(columns, static_cast<int64_t>(common.size()));
  return {call.graph.emit("GatherND", {call.tensor("self"), stacked}, {}, call.out_dtype(), call.out().sizes)};
}

}  // namespace

void add_indexing_lowerings(LoweringTable& table) {
  table.add("aten::index.Tensor", lower_index);
  table.add("aten::index_select", lower_index_select);
  table.add("aten::gather", lower_gather);
}

}  // namespace exformer::onnx
