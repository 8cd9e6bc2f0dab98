// Copies: between dtypes a call, otherwise the value itself, because nothing here writes to memory that is still read.
#include "exformer/backends/executorch/checks.h"
#include "exformer/backends/executorch/lowering.h"
#include "exformer/passes/conditions.h"

namespace exformer::executorch {
namespace {

Results converted(const LowerCall& call) { return {call.lowering.cast(call.self(), call.out().dtype)}; }

/// aten::copy(self, src): `src` over the sizes and dtype of `self`.
Results overwritten(const LowerCall& call) {
  const ValueId source = call.lowering.cast(call.tensor("src"), call.out().dtype);
  return {call.lowering.expand(source, call.out().sizes)};
}

/// A scalar that a tensor holds, and the size that a symbol stands for.
Results read_scalar(const LowerCall& call) {
  Lowering& lowering = call.lowering;
  const Value& output = *call.node.output();
  const ValueId result = lowering.program.add(int64_t{0});
  lowering.call_operator("aten::_local_scalar_dense", {call.self(), result}, {});
  if (output.kind == ValueKind::SymInt) lowering.sizes.add_scalar_source(result, output.sym);
  return {result};
}

Results known_size(const LowerCall& call) { return {call.lowering.sizes.integer(call.node.output()->sym)}; }

/// Conditions on sizes alone are checked before everything else.
Results assertion(const LowerCall& call) {
  const auto* condition = call.node.argument("self").get_if<SymInt>();
  if (!condition || condition->is_constant() || is_size_assertion(call.node.graph(), call.node)) return {};
  require_margin(call.lowering, *condition - 1, call.node.argument("assert_msg").as<std::string>());
  return {};
}

/// Conditions on elements are left out, as ExecuTorch's own exporter leaves them out.
Results nothing(const LowerCall&) { return {}; }

}  // namespace

void add_copy_lowerings(LoweringTable& table) {
  for (const char* op : {"aten::_to_copy", "aten::to.dtype", "aten::to.device", "aten::to.dtype_layout",
                         "aten::to.other", "aten::type_as", "aten::clone", "aten::contiguous", "aten::alias",
                         "aten::detach", "aten::lift_fresh", "aten::lift_fresh_copy"}) {
    table.add(op, converted);
  }
  table.add("aten::copy", overwritten);
  table.add("aten::item", read_scalar);
  table.add("aten::_local_scalar_dense", read_scalar);
  table.add("aten::sym_size.int", known_size);
  table.add("aten::sym_numel", known_size);
  table.add("aten::_assert_scalar", assertion);
  for (const char* op : {"aten::_assert_async", "aten::_assert_async.msg", "aten::_assert_tensor_metadata"})
    table.add(op, nothing);
}

}  // namespace exformer::executorch
