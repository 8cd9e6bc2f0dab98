// Picking and writing elements by indices and masks.
#include <algorithm>
#include <optional>

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

bool is_mask(const Value* index) { return index->meta.dtype == DType::Bool || index->meta.dtype == DType::UInt8; }

/// Positions of what is true in a mask, one row per dim of the mask: [rank, count].
ValueId true_positions(const LowerCall& call, const Value* mask, const SymInt& count) {
  if (mask->meta.rank() == 0) unsupported("a 0-d mask");
  const ValueId flags = call.graph.cast(call.onnx.get(mask), DType::Bool);
  return call.graph.emit("NonZero", {flags}, {}, DType::Int64, {SymInt(mask->meta.rank()), count});
}

/// Index tensors for some dims of a tensor; masks as the positions that they stand for.
struct Indices {
  std::vector<ValueId> columns;
  std::vector<int64_t> dims;
  Sizes chosen;  // what all of them are broadcast to
};

Indices read_indices(const LowerCall& call, const SymInt& count) {
  Indices result;
  int64_t dim = 0;
  for (const Value* index : call.args.tensors("indices")) {
    if (index && is_mask(index)) {
      const ValueId rows = true_positions(call, index, count);
      for (int64_t row = 0; row < index->meta.rank(); ++row, ++dim) {
        result.columns.push_back(call.graph.emit("Gather", {rows, call.graph.constant_int(row)}, {{"axis", int64_t{0}}},
                                                 DType::Int64, {count}));
        result.dims.push_back(dim);
      }
      result.chosen = broadcast_sizes(result.chosen, {count}, call.node.op());
      continue;
    }
    if (index) {
      result.columns.push_back(call.graph.cast(call.onnx.get(index), DType::Int64));
      result.dims.push_back(dim);
      result.chosen = broadcast_sizes(result.chosen, index->meta.sizes, call.node.op());
    }
    ++dim;
  }
  return result;
}

/// The indices as one tensor [chosen..., number of indices].
ValueId stacked(const LowerCall& call, const Indices& indices) {
  std::vector<ValueId> columns;
  for (const ValueId column : indices.columns) {
    const ValueId full = call.graph.sizes(column) == indices.chosen ? column : call.onnx.expand(column, indices.chosen);
    columns.push_back(call.onnx.unsqueeze(full, static_cast<int64_t>(indices.chosen.size())));
  }
  return call.onnx.concat(columns, static_cast<int64_t>(indices.chosen.size()));
}

/// The order of dims that puts those with an index first.
std::vector<int64_t> indexed_first(const Indices& indices, int64_t rank) {
  std::vector<int64_t> order = indices.dims;
  for (int64_t dim = 0; dim < rank; ++dim) {
    if (std::find(indices.dims.begin(), indices.dims.end(), dim) == indices.dims.end()) order.push_back(dim);
  }
  return order;
}

bool is_adjacent(const Indices& indices) {
  return indices.dims.back() - indices.dims.front() + 1 == static_cast<int64_t>(indices.dims.size());
}

/// x[i] is a Gather on i's dim; x[i, j, ...] a GatherND over the stacked indices, with their dims brought to the front.
Results lower_index(const LowerCall& call) {
  // A mask's count is a size of the result: where the first index stands, or in front when they stand apart.
  SymInt count = 0;
  int64_t first = 0;
  for (const Value* index : call.args.tensors("indices")) {
    if (index) break;
    ++first;
  }
  count = call.out().sizes[static_cast<size_t>(first)];
  Indices indices = read_indices(call, count);
  if (!is_adjacent(indices)) {
    first = 0;
    count = call.out().sizes[0];
    indices = read_indices(call, count);
  }
  if (indices.columns.size() == 1) {
    return {call.graph.emit("Gather", {call.tensor("self"), indices.columns[0]}, {{"axis", indices.dims[0]}},
                            call.out_dtype(), call.out().sizes)};
  }
  const int64_t rank = call.meta("self").rank();
  const std::vector<int64_t> order = indexed_first(indices, rank);
  const ValueId self = call.onnx.transpose(call.tensor("self"), order);
  Sizes sizes = indices.chosen;
  for (size_t i = indices.dims.size(); i < order.size(); ++i)
    sizes.push_back(call.meta("self").sizes[static_cast<size_t>(order[i])]);
  const ValueId picked =
      call.graph.emit("GatherND", {self, stacked(call, indices)}, {}, call.out_dtype(), std::move(sizes));
  // [chosen..., outer..., inner...] -> [outer..., chosen..., inner...]
  const auto chosen = static_cast<int64_t>(indices.chosen.size());
  std::vector<int64_t> back;
  for (int64_t i = 0; i < first; ++i) back.push_back(chosen + i);
  for (int64_t i = 0; i < chosen; ++i) back.push_back(i);
  for (int64_t i = chosen + first; i < call.out().rank(); ++i) back.push_back(i);
  const ValueId result = call.onnx.transpose(picked, back);
  call.graph.set_sizes(result, call.out().sizes);
  return {result};
}

/// self[mask] = values, where the values are the same for every true element: a Where.
std::optional<ValueId> masked_write(const LowerCall& call, ValueId values) {
  const auto& given = call.args.tensors("indices");
  int64_t outer = 0;
  while (!given[static_cast<size_t>(outer)]) ++outer;
  const Value* mask = given[static_cast<size_t>(outer)];
  const int64_t inner = call.meta("self").rank() - outer - mask->meta.rank();
  if (!is_mask(mask) || static_cast<int64_t>(given.size()) != outer + 1) return std::nullopt;
  const Sizes& sizes = call.meta("values").sizes;
  const bool is_one = known_equal(element_count(sizes), 1);
  if (static_cast<int64_t>(sizes.size()) > inner && !is_one) return std::nullopt;
  if (is_one) values = call.onnx.reshape(values, {});
  ValueId flags = call.graph.cast(call.onnx.get(mask), DType::Bool);
  for (int64_t i = 0; i < inner; ++i) flags = call.onnx.unsqueeze(flags, mask->meta.rank() + i);
  const ValueId self = call.tensor("self");
  if (call.args.boolean("accumulate")) values = call.graph.pointwise("Add", {self, values});
  const ValueId result = call.onnx.where(flags, values, self);
  call.graph.set_sizes(result, call.out().sizes);
  return result;
}

/// ScatterND over the stacked indices, with their dims brought to the front.
Results lower_index_put(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const ValueId values = graph.cast(call.tensor("values"), call.out_dtype());
  if (const auto result = masked_write(call, values)) return {*result};
  const Sizes& given = call.meta("values").sizes;
  const Indices indices = read_indices(call, given.empty() ? SymInt(1) : given[0]);
  const bool has_mask = std::any_of(call.args.tensors("indices").begin(), call.args.tensors("indices").end(),
                                    [](const Value* index) { return index && is_mask(index); });
  const int64_t rank = call.meta("self").rank();
  const std::vector<int64_t> order = indexed_first(indices, rank);
  const int64_t first = is_adjacent(indices) ? indices.dims.front() : 0;
  const auto chosen = static_cast<int64_t>(indices.chosen.size());
  if (has_mask &&
      (first != 0 || static_cast<int64_t>(given.size()) != chosen + rank - static_cast<int64_t>(indices.dims.size())))
    unsupported("a mask whose values are broadcast or do not start at the first dim");
  // The values in the place that they are written to: [outer..., chosen..., inner...], then chosen first.
  Sizes place;
  for (int64_t i = 0; i < first; ++i) place.push_back(call.meta("self").sizes[static_cast<size_t>(i)]);
  place.insert(place.end(), indices.chosen.begin(), indices.chosen.end());
  for (size_t i = indices.dims.size() + static_cast<size_t>(first); i < order.size(); ++i)
    place.push_back(call.meta("self").sizes[static_cast<size_t>(order[i])]);
  ValueId updates = graph.sizes(values) == place ? values : call.onnx.expand(values, place);
  std::vector<int64_t> front;
  for (int64_t i = 0; i < chosen; ++i) front.push_back(first + i);
  for (int64_t i = 0; i < static_cast<int64_t>(place.size()); ++i) {
    if (i < first || i >= first + chosen) front.push_back(i);
  }
  updates = call.onnx.transpose(updates, front);
  Attributes attributes;
  if (call.args.boolean("accumulate")) {
    if (call.out_dtype() == DType::Bool) unsupported("sums of bool");
    attributes.emplace_back("reduction", std::string("add"));
  }
  const ValueId self = call.onnx.transpose(call.tensor("self"), order);
  const ValueId written = graph.emit("ScatterND", {self, stacked(call, indices), updates}, std::move(attributes),
                                     call.out_dtype(), graph.sizes(self));
  std::vector<int64_t> back(order.size());
  for (size_t i = 0; i < order.size(); ++i) back[static_cast<size_t>(order[i])] = static_cast<int64_t>(i);
  const ValueId result = call.onnx.transpose(written, back);
  if (result != written) graph.set_sizes(result, call.out().sizes);
  return {result};
}

Results lower_nonzero(const LowerCall& call) {
  const TensorMeta& self = call.meta("self");
  if (self.rank() == 0) unsupported("a 0-d tensor");
  const SymInt count = call.out().sizes[0];
  const ValueId rows =
      call.graph.emit("NonZero", {call.tensor("self")}, {}, DType::Int64, {SymInt(self.rank()), count});
  return {call.onnx.transpose(rows, {1, 0})};
}

/// Compress goes by a flat list of flags.
Results lower_masked_select(const LowerCall& call) {
  const Sizes sizes = broadcast_sizes(call.meta("self").sizes, call.meta("mask").sizes, call.node.op());
  const auto flat = [&](std::string_view name) {
    const ValueId wide =
        call.meta(name).sizes == sizes ? call.tensor(name) : call.onnx.expand(call.tensor(name), sizes);
    return call.onnx.reshape(wide, {element_count(sizes)});
  };
  const ValueId self = flat("self"), mask = flat("mask");
  return {call.graph.emit("Compress", {self, mask}, {{"axis", int64_t{0}}}, call.out_dtype(), call.out().sizes)};
}

}  // namespace

void add_indexing_lowerings(LoweringTable& table) {
  table.add("aten::index.Tensor", lower_index);
  table.add("aten::index_select", lower_index_select);
  table.add("aten::gather", lower_gather);
  table.add("aten::index_put", lower_index_put);
  table.add("aten::nonzero", lower_nonzero);
  table.add("aten::masked_select", lower_masked_select);
}

}  // namespace exformer::onnx
