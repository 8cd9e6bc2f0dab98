// Views. Memory is always contiguous here: a view that moves nothing is another size of the same memory, the others
// are copies.
#include <numeric>

#include "exformer/backends/executorch/lowering.h"
#include "exformer/base/error.h"
#include "exformer/ops/shape_rules.h"
#include "exformer/ops/storage_order.h"

namespace exformer::executorch {
namespace {

Results reshaped(const LowerCall& call) { return {call.lowering.view(call.self(), call.out().sizes)}; }

Results permuted(const LowerCall& call) {
  std::vector<int64_t> dims = call.args.integers("dims");
  for (int64_t& dim : dims) dim = wrap_dim(dim, call.self_meta().rank(), call.node.op());
  return {call.lowering.permute(call.self(), dims)};
}

std::vector<int64_t> identity(int64_t rank) {
  std::vector<int64_t> dims(static_cast<size_t>(rank));
  std::iota(dims.begin(), dims.end(), 0);
  return dims;
}

Results swapped(const LowerCall& call, std::string_view first, std::string_view second) {
  if (call.self_meta().rank() == 0) return {call.self()};
  std::vector<int64_t> dims = identity(call.self_meta().rank());
  std::swap(dims[static_cast<size_t>(call.dim(first))], dims[static_cast<size_t>(call.dim(second))]);
  return {call.lowering.permute(call.self(), dims)};
}

Results transposed(const LowerCall& call) { return swapped(call, "dim0", "dim1"); }
Results swapped_axes(const LowerCall& call) { return swapped(call, "axis0", "axis1"); }

/// The last two dims change places.
Results matrix_transposed(const LowerCall& call) {
  std::vector<int64_t> dims = identity(call.self_meta().rank());
  if (dims.size() >= 2) std::swap(dims[dims.size() - 1], dims[dims.size() - 2]);
  return {call.lowering.permute(call.self(), dims)};
}

Results reversed(const LowerCall& call) {
  std::vector<int64_t> dims = identity(call.self_meta().rank());
  return {call.lowering.permute(call.self(), {dims.rbegin(), dims.rend()})};
}

Results expanded(const LowerCall& call) { return {call.lowering.expand(call.self(), call.out().sizes)}; }

Results sliced(const LowerCall& call) {
  if (call.self_meta().sizes == call.out().sizes && call.args.sym("step") == SymInt(1)) return {call.self()};
  Lowering& lowering = call.lowering;
  const auto dim = static_cast<size_t>(call.dim("dim"));
  const SymInt size = call.self_meta().sizes[dim];
  const SymInt start = call.args.optional_sym("start").value_or(0), end = call.args.optional_sym("end").value_or(size);
  const std::vector<ValueId> inputs = {call.self(), lowering.program.integer(static_cast<int64_t>(dim)),
                                       lowering.sizes.integer(start), lowering.sizes.integer(end),
                                       lowering.sizes.integer(call.args.sym("step"))};
  return {lowering.call_one("aten::slice.Tensor", inputs, call.out().dtype, call.out().sizes)};
}

/// One slice for each size: sizes may be what data define.
Results split(const LowerCall& call) {
  Lowering& lowering = call.lowering;
  const auto dim = static_cast<size_t>(call.dim("dim"));
  const ValueId axis = lowering.program.integer(static_cast<int64_t>(dim)), step = lowering.program.integer(1);
  Results parts;
  SymInt start = 0;
  for (const Value* output : call.node.outputs()) {
    const SymInt end = start + output->meta.sizes[dim];
    const std::vector<ValueId> inputs = {call.self(), axis, lowering.sizes.integer(start), lowering.sizes.integer(end),
                                         step};
    parts.push_back(lowering.call_one("aten::slice.Tensor", inputs, output->meta.dtype, output->meta.sizes));
    start = end;
  }
  return parts;
}

Results selected(const LowerCall& call) {
  Lowering& lowering = call.lowering;
  const auto dim = static_cast<size_t>(call.dim("dim"));
  if (call.self_meta().sizes[dim] == SymInt(1)) return {lowering.view(call.self(), call.out().sizes)};
  const std::vector<ValueId> inputs = {call.self(), lowering.program.integer(static_cast<int64_t>(dim)),
                                       lowering.sizes.integer(call.args.sym("index"))};
  return {lowering.call_one("aten::select.int", inputs, call.out().dtype, call.out().sizes)};
}

/// A window of the storage, which is what the tensor is in the order of its strides.
Results strided(const LowerCall& call) {
  const auto order = storage_order(call.self_meta());
  if (!order) unsupported("as_strided of a tensor that does not lie in one piece");
  Lowering& lowering = call.lowering;
  const SymInt offset = call.args.optional_sym("storage_offset").value_or(0);
  const std::vector<ValueId> inputs = {lowering.permute(call.self(), *order),
                                       lowering.sizes.list(call.args.syms("size")),
                                       lowering.sizes.list(call.args.syms("stride")), lowering.sizes.integer(offset)};
  return {lowering.call_one("aten::as_strided", inputs, call.out().dtype, call.out().sizes)};
}

}  // namespace

void add_view_lowerings(LoweringTable& table) {
  for (const char* op : {"aten::view", "aten::_unsafe_view", "aten::view_as", "aten::reshape", "aten::reshape_as",
                         "aten::flatten.using_ints", "aten::unflatten.int", "aten::unsqueeze", "aten::squeeze",
                         "aten::squeeze.dim", "aten::squeeze.dims"}) {
    table.add(op, reshaped);
  }
  table.add("aten::permute", permuted);
  table.add("aten::transpose.int", transposed);
  table.add("aten::swapdims", transposed);
  table.add("aten::swapaxes", swapped_axes);
  table.add("aten::t", matrix_transposed);
  table.add("aten::mT", matrix_transposed);
  table.add("aten::adjoint", matrix_transposed);
  table.add("aten::numpy_T", reversed);
  table.add("aten::expand", expanded);
  table.add("aten::expand_as", expanded);
  table.add("aten::slice.Tensor", sliced);
  table.add("aten::split_with_sizes", split);
  table.add("aten::select.int", selected);
  table.add("aten::as_strided", strided);
}

}  // namespace exformer::executorch
