// One element from one element.
#include <cmath>
#include <limits>

#include "exformer/backends/executorch/xnnpack/lowering.h"

namespace exformer::executorch::xnnpack {
namespace {

/// Ops whose result is exact, or rounded once.
template <NodeKind Kind>
void unary(const LowerCall& call) {
  call.set(call.xnn.unary(Kind, call.tensor("self")));
}

/// Functions that a kernel approximates: in float32, as torch computes them.
template <NodeKind Kind>
void function(const LowerCall& call) {
  call.set(call.xnn.unary(Kind, call.wide("self")));
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void clamp(const LowerCall& call) {
  const auto bound = [&](std::string_view name, double otherwise) {
    const double bound = call.args.has(name) ? call.number(name) : otherwise;
    if (std::isnan(bound)) refuse("a bound that is no number");
    return bound;
  };
  call.set(call.xnn.clamp(call.tensor("self"), bound("min", -kInfinity), bound("max", kInfinity)));
}
void clamp_min(const LowerCall& call) { call.set(call.xnn.clamp(call.tensor("self"), call.number("min"), kInfinity)); }
void clamp_max(const LowerCall& call) { call.set(call.xnn.clamp(call.tensor("self"), -kInfinity, call.number("max"))); }

Placed reciprocal(Lowering& xnn, const Placed& x) { return xnn.binary(NodeKind::Divide, xnn.scalar(1.0, x.dtype), x); }

void power(const LowerCall& call) {
  Lowering& xnn = call.xnn;
  const double exponent = call.number("exponent");
  if (exponent == 1.0) return call.set(call.tensor("self"));
  if (exponent == 2.0) return call.set(xnn.unary(NodeKind::Square, call.tensor("self")));
  const Placed x = call.wide("self");
  if (exponent == 3.0) return call.set(xnn.binary(NodeKind::Multiply, xnn.unary(NodeKind::Square, x), x));
  if (exponent == 0.5) return call.set(xnn.unary(NodeKind::SquareRoot, x));
  if (exponent == -0.5) return call.set(xnn.unary(NodeKind::ReciprocalSquareRoot, x));
  if (exponent == -1.0) return call.set(reciprocal(xnn, x));
  refuse(fmt::format("a power of {}", exponent));
}

}  // namespace

void add_pointwise_unary_lowerings(LoweringTable& table) {
  table.add("aten::neg", unary<NodeKind::Negate>);
  table.add("aten::abs", unary<NodeKind::Absolute>);
  table.add("aten::exp", function<NodeKind::Exponential>);
  table.add("aten::log", function<NodeKind::Logarithm>);
  table.add("aten::sqrt", function<NodeKind::SquareRoot>);
  table.add("aten::rsqrt", function<NodeKind::ReciprocalSquareRoot>);
  table.add("aten::square", unary<NodeKind::Square>);
  table.add("aten::sin", function<NodeKind::Sine>);
  table.add("aten::cos", function<NodeKind::Cosine>);
  table.add("aten::tanh", function<NodeKind::Tanh>);
  table.add("aten::sigmoid", function<NodeKind::Sigmoid>);
  table.add("aten::floor", unary<NodeKind::Floor>);
  table.add("aten::ceil", unary<NodeKind::Ceiling>);
  table.add("aten::clamp", clamp);
  table.add("aten::clamp_min", clamp_min);
  table.add("aten::clamp_max", clamp_max);
  table.add("aten::pow.Tensor_Scalar", power);
  table.add("aten::reciprocal", [](const LowerCall& call) { call.set(reciprocal(call.xnn, call.tensor("self"))); });
}

}  // namespace exformer::executorch::xnnpack
