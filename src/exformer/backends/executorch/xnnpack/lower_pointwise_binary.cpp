// One element from two.
#include <cmath>

#include "exformer/backends/executorch/xnnpack/lowering.h"

namespace exformer::executorch::xnnpack {
namespace {

/// A number that float16 holds as exactly as any result.
bool fits(double number, DType dtype) {
  if (dtype != DType::Float16 || number == 0.0 || std::isinf(number)) return true;
  return std::abs(number) >= 0x1p-14 && std::abs(number) <= 65504.0;
}

/// One dtype for both operands: the result's, or float32 where one of them, or a factor, asks for more.
struct Operands {
  Placed self, other;

  explicit Operands(const LowerCall& call, double alpha = 1.0) {
    const bool is_tensor = call.args["other"].is_tensor();
    const DType own = call.meta("self").dtype, out = call.out().dtype;
    const DType given = is_tensor ? call.meta("other").dtype : own;
    const bool is_plain = own == out && given == out && alpha == 1.0;
    const DType dtype = is_plain && (is_tensor || fits(call.number("other"), out)) ? out : DType::Float32;
    self = call.xnn.get_in(call.value("self"), dtype);
    other = is_tensor ? call.xnn.get_in(call.value("other"), dtype) : call.xnn.scalar(call.number("other"), dtype);
  }
};

template <NodeKind Kind>
void binary(const LowerCall& call) {
  const Operands operands(call);
  call.set(call.xnn.binary(Kind, operands.self, operands.other));
}

Placed scaled(const LowerCall& call, const Placed& x, double alpha) {
  return alpha == 1.0 ? x : call.xnn.binary(NodeKind::Multiply, x, alpha);
}

/// self + alpha * other and its kin
template <NodeKind Kind>
void scaled_binary(const LowerCall& call) {
  const double alpha = call.number("alpha");
  const Operands operands(call, alpha);
  call.set(call.xnn.binary(Kind, operands.self, scaled(call, operands.other, alpha)));
}

void reversed_subtract(const LowerCall& call) {
  const double alpha = call.number("alpha");
  const Operands operands(call, alpha);
  call.set(call.xnn.binary(NodeKind::Subtract, operands.other, scaled(call, operands.self, alpha)));
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
