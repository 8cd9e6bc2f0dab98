// Norms over the last dim, in float32 as torch's kernels; their means are products with a constant row.
#include <limits>

#include "exformer/backends/executorch/xnnpack/lowering.h"

namespace exformer::executorch::xnnpack {
namespace {

double width_of(const LowerCall& call, std::string_view sizes) {
  if (call.args.syms(sizes).size() != 1) refuse("a norm over several dims");
  return constant_size(call.args.syms(sizes)[0], "the dim of a norm");
}

Placed scaled_by_inverse_root(Lowering& xnn, const Placed& x, const Placed& mean_square, double epsilon) {
  const Placed root = xnn.unary(NodeKind::ReciprocalSquareRoot, xnn.binary(NodeKind::Add, mean_square, epsilon));
  return xnn.binary(NodeKind::Multiply, x, root);
}

Placed with_weight_and_bias(const LowerCall& call, Placed x) {
  if (const Value* weight = call.optional("weight"))
    x = call.xnn.binary(NodeKind::Multiply, x, call.xnn.get_in(weight, x.dtype));
  const Value* bias = call.node.schema().name == "aten::rms_norm" ? nullptr : call.optional("bias");
  return bias ? call.xnn.binary(NodeKind::Add, x, call.xnn.get_in(bias, x.dtype)) : x;
}

void layer_norm(const LowerCall& call) {
  Lowering& xnn = call.xnn;
  const double width = width_of(call, "normalized_shape");
  const Placed x = xnn.require(call.wide_along("input", {-1}), {{-1, kAxes - 1}});
  const Placed centred = xnn.binary(NodeKind::Subtract, x, xnn.weighted_sum_last(x, 1.0 / width));
  const Placed variance = xnn.weighted_sum_last(xnn.unary(NodeKind::Square, centred), 1.0 / width);
  call.set(with_weight_and_bias(call, scaled_by_inverse_root(xnn, centred, variance, call.number("eps"))));
}

void rms_norm(const LowerCall& call) {
  Lowering& xnn = call.xnn;
  const double width = width_of(call, "normalized_shape");
  const Placed x = xnn.require(call.wide_along("input", {-1}), {{-1, kAxes - 1}});
  const Placed mean_square = xnn.weighted_sum_last(xnn.unary(NodeKind::Square, x), 1.0 / width);
  const double epsilon = call.args.has("eps") ? call.number("eps") : std::numeric_limits<float>::epsilon();
  call.set(with_weight_and_bias(call, scaled_by_inverse_root(xnn, x, mean_square, epsilon)));
}

/// The first of three results; the others serve gradients.
void native_layer_norm(const LowerCall& call) {
  for (size_t i = 1; i < call.node.outputs().size(); ++i) {
    if (!call.node.output(i)->users().empty()) refuse("native_layer_norm whose statistics are read");
  }
  layer_norm(call);
}

}  // namespace

void add_normalization_lowerings(LoweringTable& table) {
  table.add("aten::layer_norm", layer_norm);
  table.add("aten::native_layer_norm", native_layer_norm);
  table.add("aten::rms_norm", rms_norm);
}

}  // namespace exformer::executorch::xnnpack
