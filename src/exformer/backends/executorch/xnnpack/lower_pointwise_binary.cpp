// One element from two.
#include "exformer/backends/executorch/xnnpack/lowering.h"

namespace exformer::executorch::xnnpack {
namespace {

Placed scaled(const LowerCall& call, const Placed& x) {
  const double alpha = call.number("alpha");
  return alpha == 1.0 ? x : call.xnn.binary(NodeKind::Multiply, x, alpha);
}

Placed operand(const LowerCall& call, std::string_view name, DType dtype) {
  return call.args[name].is_tensor() ? call.tensor(name) : call.xnn.scalar(call.number(name), dtype);
}

template <NodeKind Kind>
void binary(const LowerCall& call) {
  const Placed self = call.tensor("self");
  call.set(call.xnn.binary(Kind, self, operand(call, "other", self.dtype)));
}

/// self + alpha * other and its kin
template <NodeKind Kind>
void scaled_binary(const LowerCall& call) {
  const Placed self = call.tensor("self");
  call.set(call.xnn.binary(Kind, self, scaled(call, operand(call, "other", self.dtype))));
}

void reversed_subtract(const LowerCall& call) {
  const Placed self = scaled(call, call.tensor("self"));
  call.set(call.xnn.binary(NodeKind::Subtract, operand(call, "other", self.dtype), self));
}

}  // namespace

void add_pointwise_binary_lowerings(LoweringTable& table) {
  for (const std::string_view overload : {"Tensor", "Scalar"}) {
    const auto name = [&](std::string_view op) { return fmt::format("aten::{}.{}", op, overload); };
    table.add(name("add"), scaled_binary<NodeKind::Add>);
    table.add(name("sub"), scaled_binary<NodeKind::Subtract>);
    table.add(name("subtract"), scaled_binary<NodeKind::Subtract>);
    table.add(name("rsub"), reversed_subtract);
    table.add(name("mul"), binary<NodeKind::Multiply>);
    table.add(name("multiply"), binary<NodeKind::Multiply>);
    table.add(name("div"), binary<NodeKind::Divide>);
    table.add(name("divide"), binary<NodeKind::Divide>);
    table.add(name("true_divide"), binary<NodeKind::Divide>);
  }
  table.add("aten::maximum", binary<NodeKind::Maximum>);
  table.add("aten::minimum", binary<NodeKind::Minimum>);
  table.add("aten::max.other", binary<NodeKind::Maximum>);
  table.add("aten::min.other", binary<NodeKind::Minimum>);
}

}  // namespace exformer::executorch::xnnpack
