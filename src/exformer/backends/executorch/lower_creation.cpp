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

/// The kernel counts in the result's dtype: fractions of an integer range are cut off first, as torch does.
Results range(const LowerCall& call) {
  Lowering& lowering = call.lowering;
  const DType dtype = call.out().dtype;
  Argument start = call.args["start"], end = call.args["end"], step = call.args["step"];
  const bool has_fractions = start.is<double>() || end.is<double>() || step.is<double>();
  if (!is_floating_point(dtype) && has_fractions) {
    const auto whole = [](const Argument& number) {
      const auto* real = number.get_if<double>();
      return real ? SymInt(static_cast<int64_t>(*real)) : number.as<SymInt>();
    };
    const SymInt first = whole(start), stride = whole(step);
    start = first;
    step = stride;
    end = first + stride * call.out().sizes[0];
  }
  const SchemaArgument scalar{.name = "", .type = ArgType::Scalar};
  const std::vector<ValueId> inputs = {lowering.argument(start, scalar), lowering.argument(end, scalar),
                                       lowering.argument(step, scalar)};
  return {lowering.call_one("aten::arange.start_step", inputs, dtype, call.out().sizes)};
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
  table.add("aten::arange.start_step", range);
}

}  // namespace exformer::executorch
