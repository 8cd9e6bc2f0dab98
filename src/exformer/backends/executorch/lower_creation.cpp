// Tensors made from sizes and numbers.
#include "exformer/backends/executorch/lowering.h"

namespace exformer::executorch {
namespace {

Results filled(const LowerCall& call) {
  return {call.lowering.full(call.out().sizes, call.args.scalar("fill_value"), call.out().dtype)};
}

Results zeros(const LowerCall& call) { return {call.lowering.full(call.out().sizes, Scalar{}, call.out().dtype)}; }

Results scalar_tensor(const LowerCall& call) {
  return {call.lowering.full(call.out().sizes, call.args.scalar("s"), call.out().dtype)};
}

}  // namespace

void add_creation_lowerings(LoweringTable& table) {
  table.add("aten::full", filled);
  table.add("aten::full_like", filled);
  table.add("aten::new_full", filled);
  for (const char* op : {"aten::empty.memory_format", "aten::empty_like", "aten::new_empty", "aten::zeros",
                         "aten::zeros_like", "aten::new_zeros"}) {
    table.add(op, zeros);
  }
  table.add("aten::scalar_tensor", scalar_tensor);
}

}  // namespace exformer::executorch
