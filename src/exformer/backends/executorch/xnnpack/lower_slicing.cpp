// Parts of a tensor along one dim, with constant offsets.
#include <algorithm>

#include "exformer/backends/executorch/xnnpack/lowering.h"
#include "exformer/symbolic/printers.h"

namespace exformer::executorch::xnnpack {
namespace {

size_t at(int index) { return static_cast<size_t>(index); }

/// Elements [offset, offset + size) of a dim; to the end when the size is dynamic.
Placed part(Lowering& xnn, const Placed& x, int dim, const SymInt& whole, uint32_t offset, const SymInt& size) {
  if (x.axis(dim) < 0 || size == whole) return x;
  const bool to_end = known_equal(size + SymInt(int64_t{offset}), whole);
  if (!to_end && !size.is_constant()) refuse(fmt::format("a slice with the dynamic end {}", to_string(size)));
  const uint32_t count = to_end ? Payload::kRest : constant_size(size, "a slice");
  return xnn.slice_axis(x, x.axis(dim), offset, count, size);
}

/// Counted from the start; from the end only where the size is known.
uint32_t offset_of(const SymInt& given, const SymInt& whole) {
  if (given.is_constant() && given.value() < 0) return constant_size(whole + given, "an offset from the end of a dim");
  return constant_size(given, "an offset");
}

void slice(const LowerCall& call) {
  const int dim = call.dim("dim");
  if (call.args.integer("step") != 1) refuse("a slice with a step");
  const SymInt& whole = call.meta("self").sizes[at(dim)];
  const SymInt& size = call.out().sizes[at(dim)];
  const Placed& x = call.tensor("self");
  if (size == whole) return call.set(x);
  call.set(part(call.xnn, x, dim, whole, offset_of(call.args.optional_sym("start").value_or(0), whole), size));
}

void select(const LowerCall& call) {
  const int dim = call.dim("dim");
  const SymInt& whole = call.meta("self").sizes[at(dim)];
  Placed result = part(call.xnn, call.tensor("self"), dim, whole, offset_of(call.args.sym("index"), whole), 1);
  result.axes.erase(result.axes.begin() + dim);
  call.set(std::move(result));
}

void split(const LowerCall& call) {
  const int dim = call.dim("dim");
  const SymInt& whole = call.meta("self").sizes[at(dim)];
  const Placed x = call.tensor("self");
  SymInt offset(0);
  for (size_t i = 0; i < call.node.outputs().size(); ++i) {
    const SymInt& size = call.out(i).sizes[at(dim)];
    call.set(part(call.xnn, x, dim, whole, constant_size(offset, "an offset"), size), i);
    offset = offset + size;
  }
}

void unbind(const LowerCall& call) {
  const int dim = call.dim("dim");
  const SymInt& whole = call.meta("self").sizes[at(dim)];
  const Placed x = call.tensor("self");
  for (size_t i = 0; i < call.node.outputs().size(); ++i) {
    Placed result = part(call.xnn, x, dim, whole, static_cast<uint32_t>(i), 1);
    result.axes.erase(result.axes.begin() + dim);
    call.set(std::move(result), i);
  }
}

}  // namespace

void add_slicing_lowerings(LoweringTable& table) {
  table.add("aten::slice.Tensor", slice);
  table.add("aten::narrow", [](const LowerCall& call) {
    const int dim = call.dim("dim");
    const SymInt& whole = call.meta("self").sizes[at(dim)];
    call.set(part(call.xnn, call.tensor("self"), dim, whole, offset_of(call.args.sym("start"), whole),
                  call.out().sizes[at(dim)]));
  });
  table.add("aten::select.int", select);
  for (const std::string_view op : {"aten::split.Tensor", "aten::split.sizes", "aten::split_with_sizes", "aten::chunk"})
    table.add(op, split);
  table.add("aten::unbind.int", unbind);
}

}  // namespace exformer::executorch::xnnpack
