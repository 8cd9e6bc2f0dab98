// Batch norm at rest: one factor and one addend per channel, in float32.
#include "exformer/backends/executorch/xnnpack/lowering.h"

namespace exformer::executorch::xnnpack {
namespace {

void batch_norm(const LowerCall& call) {
  Lowering& xnn = call.xnn;
  const Value *mean_value = call.optional("running_mean"), *variance_value = call.optional("running_var");
  if (call.args.boolean("training") || !mean_value || !variance_value) refuse("a batch norm over the batch itself");
  const Placed x = call.wide("input");
  if (x.rank() < 2) refuse("a batch norm without channels");
  // [channels] as a dim beside those of x
  const auto per_channel = [&](const Value* value) {
    Placed placed = xnn.get_in(value, DType::Float32);
    const int axis = placed.axis(0);
    placed.axes.assign(static_cast<size_t>(x.rank()), -1);
    placed.axes[1] = axis;
    return placed;
  };
  const Placed shifted = xnn.binary(NodeKind::Add, per_channel(variance_value), call.number("eps"));
  Placed factor = xnn.unary(NodeKind::ReciprocalSquareRoot, shifted);
  if (const Value* weight = call.optional("weight"))
    factor = xnn.binary(NodeKind::Multiply, factor, per_channel(weight));
  const Placed centre = xnn.binary(NodeKind::Multiply, per_channel(mean_value), factor);
  const Value* bias = call.optional("bias");
  const Placed addend =
      bias ? xnn.binary(NodeKind::Subtract, per_channel(bias), centre) : xnn.unary(NodeKind::Negate, centre);
  call.set(xnn.binary(NodeKind::Add, xnn.binary(NodeKind::Multiply, x, factor), addend));
}

}  // namespace

void add_batch_norm_lowerings(LoweringTable& table) { table.add("aten::batch_norm", batch_norm); }

}  // namespace exformer::executorch::xnnpack
