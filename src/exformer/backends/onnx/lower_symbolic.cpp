// Sizes and data as numbers, and assertions about them: those on sizes alone are checked where the inputs come in.
#include "exformer/backends/onnx/lowering.h"
#include "exformer/passes/conditions.h"

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

Results assertion(const LowerCall& call) {
  const auto* condition = call.node.argument("self").get_if<SymInt>();
  if (!condition || condition->is_constant() || is_size_assertion(call.node.graph(), call.node)) return {};
  call.onnx.data_checks.push_back(
      {call.onnx.shapes.one(*condition - 1), call.node.argument("assert_msg").as<std::string>()});
  return {};
}

Results nothing(const LowerCall&) { return {}; }

}  // namespace

void add_symbolic_lowerings(LoweringTable& table) {
  table.add("aten::item", item);
  table.add("aten::_local_scalar_dense", item);
  table.add("aten::sym_size.int", size);
  table.add("aten::sym_numel", size);
  table.add("aten::_assert_scalar", assertion);
  for (const char* op : {"aten::_assert_async.msg", "aten::_assert_async", "aten::_assert_tensor_metadata",
                         "aten::sym_constrain_range_for_size", "aten::sym_constrain_range"}) {
    table.add(op, nothing);
  }
}

}  // namespace exformer::onnx
