// Views that keep or rearrange all elements. ONNX has no strides: each is a Reshape, Transpose, Unsqueeze, Squeeze,
// Expand, or nothing.
#include <algorithm>
#include <numeric>

#include "exformer/backends/onnx/lowering.h"
#include "exformer/base/error.h"
#include "exformer/ops/storage_order.h"

namespace exformer::onnx {
namespace {

Results same(const LowerCall& call) { return {call.tensor("self")}; }

/// Any view that keeps the row-major order of elements.
Results to_result_sizes(const LowerCall& call) { return {call.onnx.reshape(call.tensor("self"), call.out().sizes)}; }

Results expand(const LowerCall& call) { return {call.onnx.expand(call.tensor("self"), call.out().sizes)}; }

std::vector<int64_t> identity(int64_t rank) {
  std::vector<int64_t> permutation(static_cast<size_t>(rank));
  std::iota(permutation.begin(), permutation.end(), 0);
  return permutation;
}

Results swap_dims(const LowerCall& call, int64_t a, int64_t b) {
  const ValueId self = call.tensor("self");
  const int64_t rank = call.meta("self").rank();
  if (rank == 0) return {self};
  std::vector<int64_t> permutation = identity(rank);
  std::swap(permutation[static_cast<size_t>(a < 0 ? a + rank : a)],
            permutation[static_cast<size_t>(b < 0 ? b + rank : b)]);
  return {call.onnx.transpose(self, permutation)};
}

Results permute(const LowerCall& call) {
  const int64_t rank = call.meta("self").rank();
  std::vector<int64_t> permutation = call.args.integers("dims");
  for (int64_t& dim : permutation) dim = dim < 0 ? dim + rank : dim;
  return {call.onnx.transpose(call.tensor("self"), permutation)};
}

Results unsqueeze(const LowerCall& call) {
  const int64_t rank = call.meta("self").rank(), dim = call.args.integer("dim");
  return {call.onnx.unsqueeze(call.tensor("self"), dim < 0 ? dim + rank + 1 : dim)};
}

/// Drops the dims that the result lacks: those of size 1 among the ones asked for.
Results squeeze(const LowerCall& call, const std::vector<int64_t>& dims) {
  const ValueId self = call.tensor("self");
  std::vector<int64_t> dropped;
  for (const int64_t dim : dims) {
    if (call.meta("self").sizes[static_cast<size_t>(dim)] == SymInt(1)) dropped.push_back(dim);
  }
  if (dropped.empty()) return {self};
  return {call.graph.emit("Squeeze", {self, call.graph.constant_ints(dropped)}, {}, call.graph.dtype(self),
                          call.out().sizes)};
}

/// ONNX has no strides: gathers from the elements in the order of memory.
Results as_strided(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const TensorMeta& self = call.meta("self");
  if (self == call.out() && !call.args.has("storage_offset")) return same(call);
  const Node* producer = call.args.tensor("self")->producer();
  if (call.args.has("storage_offset") && producer && producer->schema().returns[0].aliased)
    unsupported("as_strided with a storage_offset of a view");  // it counts from the start of the view's base
  const auto order = storage_order(self);
  if (!order) unsupported("as_strided of a tensor that is a part of another, or repeats itself");
  const ValueId flat = call.onnx.reshape(call.onnx.transpose(call.tensor("self"), *order), {element_count(self.sizes)});
  const Sizes& sizes = call.out().sizes;
  const std::vector<SymInt> strides = call.args.syms("stride");
  ValueId places = call.onnx.shapes.scalar(call.args.optional_sym("storage_offset").value_or(0));
  for (size_t dim = 0; dim < sizes.size(); ++dim) {
    const ValueId steps = graph.pointwise("Mul", {call.onnx.range(sizes[dim]), call.onnx.shapes.scalar(strides[dim])});
    Sizes spread(sizes.size() - dim, SymInt(1));
    spread[0] = sizes[dim];
    places = graph.pointwise("Add", {places, call.onnx.reshape(steps, spread)});
  }
  return {graph.emit("Gather", {flat, places}, {{"axis", int64_t{0}}}, graph.dtype(flat), sizes)};
}

}  // namespace

void add_views_lowerings(LoweringTable& table) {
  for (const char* op :
       {"aten::alias", "aten::detach", "aten::lift_fresh", "aten::lift_fresh_copy", "aten::contiguous", "aten::clone"})
    table.add(op, same);
  for (const char* op : {"aten::view", "aten::_unsafe_view", "aten::reshape", "aten::reshape_as", "aten::view_as",
                         "aten::flatten.using_ints", "aten::unflatten.int"}) {
    table.add(op, to_result_sizes);
  }
  table.add("aten::expand", expand);
  table.add("aten::expand_as", expand);
  table.add("aten::transpose.int", [](const LowerCall& call) {
    return swap_dims(call, call.args.integer("dim0"), call.args.integer("dim1"));
  });
  table.add("aten::t", [](const LowerCall& call) -> Results {
    return call.meta("self").rank() < 2 ? same(call) : swap_dims(call, 0, 1);
  });
  table.add("aten::mT", [](const LowerCall& call) { return swap_dims(call, -2, -1); });
  table.add("aten::numpy_T", [](const LowerCall& call) -> Results {
    std::vector<int64_t> permutation = identity(call.meta("self").rank());
    std::reverse(permutation.begin(), permutation.end());
    return {call.onnx.transpose(call.tensor("self"), permutation)};
  });
  table.add("aten::permute", permute);
  table.add("aten::unsqueeze", unsqueeze);
  table.add("aten::squeeze", [](const LowerCall& call) { return squeeze(call, identity(call.meta("self").rank())); });
  table.add("aten::squeeze.dim", [](const LowerCall& call) { return squeeze(call, call.dims("dim", false)); });
  table.add("aten::squeeze.dims", [](const LowerCall& call) { return squeeze(call, call.dims("dim", false)); });
  table.add("aten::as_strided", as_strided);
}

}  // namespace exformer::onnx
