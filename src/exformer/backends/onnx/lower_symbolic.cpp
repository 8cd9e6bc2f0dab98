// Sizes and data as numbers, and assertions about them (which ONNX cannot state: they are left out).
#include "exformer/backends/onnx/lowering.h"

namespace exformer::onnx {
namespace {

/// A one-element tensor as a number. Integers are int64 scalars from here on.
Results item(const LowerCall& call) {
  ValueId self = call.tensor("self");
  if (call.graph.rank(self) != 0)
    self = call.graph.emit("Reshape", {self, call.graph.constant_ints({})}, {}, call.graph.dtype(self), {});
  const Value* result = call.node.output();
  if (result->kind != ValueKind::SymInt) return {self};
  self = call.graph.cast(self, DType::Int64);
  call.onnx.shapes.add_scalar_source(self, result->sym);
  return {self};
}

Results size(const LowerCall& call) { return {call.onnx.shapes.scalar(call.node.output()->sym)}; }

Results nothing(const LowerCall&) { return {}; }

}  // namespace

void add_symbolic_lowerings(LoweringTable& table) {
  table.add("aten::item", item);
  table.add("aten::_local_scalar_dense", item);
  table.add("aten::sym_size.int", size);
  table.add("aten::sym_numel", size);
  for (const char* op :
       {"aten::_assert_async.msg", "aten::_assert_async", "aten::_assert_scalar", "aten::_assert_tensor_metadata",
        "aten::sym_constrain_range_for_size", "aten::sym_constrain_range"}) {
    table.add(op, nothing);
  }
}

}  // namespace exformer::onnx
