// Copies and casts; where nothing changes they are not emitted.
#include "exformer/backends/executorch/xnnpack/lowering.h"

namespace exformer::executorch::xnnpack {
namespace {

void same(const LowerCall& call, const Value* from) {
  const Value* to = call.node.output();
  if (const DeferredLinear* linear = call.xnn.deferred_linear(from)) return call.xnn.bind(to, DeferredLinear(*linear));
  if (const DeferredMerge* merge = call.xnn.deferred_merge(from)) return call.xnn.bind(to, DeferredMerge(*merge));
  call.set(call.xnn.get(from));
}

void cast(const LowerCall& call) {
  const Value* from = call.value("self");
  if (from->meta.dtype == call.out().dtype) return same(call, from);
  call.set(call.xnn.get_in(from, call.out().dtype));
}

}  // namespace

void add_copy_lowerings(LoweringTable& table) {
  for (const std::string_view op : {"aten::_to_copy", "aten::to.dtype", "aten::to.device", "aten::to.dtype_layout"})
    table.add(op, cast);
  for (const std::string_view op : {"aten::clone", "aten::contiguous", "aten::alias", "aten::detach",
                                    "aten::lift_fresh", "aten::lift_fresh_copy"}) {
    table.add(op, [](const LowerCall& call) { same(call, call.value("self")); });
  }
  table.add("aten::dropout", [](const LowerCall& call) { same(call, call.value("input")); });
}

}  // namespace exformer::executorch::xnnpack
