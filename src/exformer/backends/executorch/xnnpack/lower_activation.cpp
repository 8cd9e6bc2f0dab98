// Activations: a node where there is one, spelled out otherwise. What takes more than one rounding is in float32.
#include <cmath>
#include <numbers>

#include "exformer/backends/executorch/xnnpack/lowering.h"

namespace exformer::executorch::xnnpack {
namespace {

/// x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))
Placed tanh_gelu(Lowering& xnn, const Placed& x) {
  const Placed cubic = xnn.binary(NodeKind::Multiply, xnn.unary(NodeKind::Square, x), 0.044715);
  Placed inner = xnn.binary(NodeKind::Multiply, xnn.binary(NodeKind::Add, cubic, 1.0), x);
  inner = xnn.unary(NodeKind::Tanh, xnn.binary(NodeKind::Multiply, inner, std::sqrt(2.0 / std::numbers::pi)));
  const Placed half = xnn.binary(NodeKind::Multiply, x, 0.5);
  return xnn.binary(NodeKind::Multiply, xnn.binary(NodeKind::Add, inner, 1.0), half);
}

void gelu(const LowerCall& call) {
  const Placed x = call.wide("self");
  call.set(call.args.string("approximate") == "tanh" ? tanh_gelu(call.xnn, x) : call.xnn.unary(NodeKind::Gelu, x));
}

void silu(const LowerCall& call) {
  const Placed x = call.wide("self");
  call.set(call.xnn.binary(NodeKind::Multiply, x, call.xnn.unary(NodeKind::Sigmoid, x)));
}

/// max(x, 0) + log(1 + exp(-|x|))
Placed softplus(Lowering& xnn, const Placed& x) {
  const Placed decay = xnn.unary(NodeKind::Exponential, xnn.unary(NodeKind::Negate, xnn.unary(NodeKind::Absolute, x)));
  const Placed tail = xnn.unary(NodeKind::Logarithm, xnn.binary(NodeKind::Add, decay, 1.0));
  return xnn.binary(NodeKind::Add, xnn.clamp(x, 0.0, std::numeric_limits<double>::infinity()), tail);
}

void softplus_call(const LowerCall& call) {
  if (call.number("beta") != 1.0) refuse("softplus with a beta");
  call.set(softplus(call.xnn, call.wide("self")));
}

void mish(const LowerCall& call) {
  const Placed x = call.wide("self");
  call.set(call.xnn.binary(NodeKind::Multiply, x, call.xnn.unary(NodeKind::Tanh, softplus(call.xnn, x))));
}

void relu(const LowerCall& call) {
  call.set(call.xnn.clamp(call.tensor("self"), 0.0, std::numeric_limits<double>::infinity()));
}
void relu6(const LowerCall& call) { call.set(call.xnn.clamp(call.tensor("self"), 0.0, 6.0)); }
void hardtanh(const LowerCall& call) {
  call.set(call.xnn.clamp(call.tensor("self"), call.number("min_val"), call.number("max_val")));
}
void hardswish(const LowerCall& call) { call.set(call.xnn.unary(NodeKind::Hardswish, call.wide("self"))); }

void hardsigmoid(const LowerCall& call) {
  const Placed shifted = call.xnn.clamp(call.xnn.binary(NodeKind::Add, call.wide("self"), 3.0), 0.0, 6.0);
  call.set(call.xnn.binary(NodeKind::Multiply, shifted, 1.0 / 6.0));
}

void leaky_relu(const LowerCall& call) {
  const Placed x = call.wide("self");
  Placed result = call.xnn.result_like(x);
  call.xnn.payload.leaky_relu(x.id, result.id, static_cast<float>(call.number("negative_slope")));
  call.set(std::move(result));
}

void elu(const LowerCall& call) {
  if (call.number("scale") != 1.0 || call.number("input_scale") != 1.0) refuse("elu with a scale");
  const Placed x = call.wide("self");
  Placed result = call.xnn.result_like(x);
  call.xnn.payload.elu(x.id, result.id, static_cast<float>(call.number("alpha")));
  call.set(std::move(result));
}

}  // namespace

void add_activation_lowerings(LoweringTable& table) {
  table.add("aten::gelu", gelu);
  table.add("aten::silu", silu);
  table.add("aten::softplus", softplus_call);
  table.add("aten::mish", mish);
  table.add("aten::relu", relu);
  table.add("aten::relu6", relu6);
  table.add("aten::hardtanh", hardtanh);
  table.add("aten::hardswish", hardswish);
  table.add("aten::hardsigmoid", hardsigmoid);
  table.add("aten::leaky_relu", leaky_relu);
  table.add("aten::elu", elu);
}

}  // namespace exformer::executorch::xnnpack
