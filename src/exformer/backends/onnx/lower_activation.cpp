// Activation functions, as ONNX's own operators where they mean the same.
#include <cmath>
#include <limits>
#include <numbers>

#include "exformer/backends/onnx/lowering.h"
#include "exformer/base/error.h"

namespace exformer::onnx {
namespace {

ValueId like(const LowerCall& call, ValueId value, double number) {
  return call.graph.scalar(number, call.graph.dtype(value));
}

ValueId clip(const LowerCall& call, ValueId value, double low, double high) {
  return call.graph.pointwise("Clip", {value, like(call, value, low), like(call, value, high)});
}

/// Swish is an operator from opset 24 on.
Results silu(const LowerCall& call) {
  const ValueId self = call.tensor("self");
  if (call.graph.opset() >= 24) return {call.graph.pointwise("Swish", {self})};
  return {call.graph.pointwise("Mul", {self, call.graph.pointwise("Sigmoid", {self})})};
}

/// Gelu is an operator from opset 20 on; before, its formula.
Results gelu(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const ValueId x = call.tensor("self");
  const bool is_tanh = call.args.string("approximate") == "tanh";
  if (graph.opset() >= 20)
    return {graph.pointwise("Gelu", {x}, is_tanh ? Attributes{{"approximate", std::string("tanh")}} : Attributes{})};
  ValueId inner;
  if (is_tanh) {
    const ValueId cube = graph.pointwise("Mul", {graph.pointwise("Mul", {x, x}), x});
    const ValueId sum = graph.pointwise("Add", {x, graph.pointwise("Mul", {cube, like(call, x, 0.044715)})});
    inner = graph.pointwise("Tanh", {graph.pointwise("Mul", {sum, like(call, x, std::sqrt(2.0 / std::numbers::pi))})});
  } else {
    inner = graph.pointwise("Erf", {graph.pointwise("Div", {x, like(call, x, std::numbers::sqrt2)})});
  }
  const ValueId sum = graph.pointwise("Add", {inner, like(call, x, 1.0)});
  return {graph.pointwise("Mul", {graph.pointwise("Mul", {x, sum}), like(call, x, 0.5)})};
}

/// Integers have no Relu kernel; Max is the same.
Results relu(const LowerCall& call) {
  const ValueId self = call.tensor("self");
  if (is_floating_point(call.graph.dtype(self))) return {call.graph.pointwise("Relu", {self})};
  return {call.graph.pointwise("Max", {self, like(call, self, 0)})};
}

Results hardtanh(const LowerCall& call) {
  const ValueId self = call.tensor("self");
  return {clip(call, self, call.args.real("min_val"), call.args.real("max_val"))};
}

/// clip(x + 3, 0, 6) / 6
ValueId hard_sigmoid(const LowerCall& call, ValueId self) {
  const ValueId shifted = call.graph.pointwise("Add", {self, like(call, self, 3)});
  return call.graph.pointwise("Div", {clip(call, shifted, 0, 6), like(call, self, 6)});
}

/// x where |x| > lambda, else 0.
Results hardshrink(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const ValueId self = call.tensor("self");
  const ValueId is_small = graph.pointwise_as(
      DType::Bool, "LessOrEqual", {graph.pointwise("Abs", {self}), like(call, self, call.args.real("lambd"))});
  return {call.onnx.where(is_small, like(call, self, 0), self)};
}

/// x - clip(x, -lambda, lambda)
Results softshrink(const LowerCall& call) {
  const ValueId self = call.tensor("self");
  const double lambda = call.args.real("lambd");
  return {call.graph.pointwise("Sub", {self, clip(call, self, -lambda, lambda)})};
}

Results threshold(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const ValueId self = call.tensor("self");
  const ValueId is_low =
      graph.pointwise_as(DType::Bool, "LessOrEqual", {self, call.operand("threshold", graph.dtype(self))});
  return {call.onnx.where(is_low, call.operand("value", graph.dtype(self)), self)};
}

/// scale * (x if x > 0 else alpha * (exp(input_scale * x) - 1))
Results elu(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const ValueId self = call.tensor("self");
  const double alpha = call.args.real("alpha"), scale = call.args.real("scale"),
               input_scale = call.args.real("input_scale");
  if (scale == 1.0 && input_scale == 1.0) return {graph.pointwise("Elu", {self}, {{"alpha", alpha}})};
  const ValueId curve =
      graph.pointwise("Elu", {graph.pointwise("Mul", {self, like(call, self, input_scale)})}, {{"alpha", alpha}});
  const ValueId is_positive = graph.pointwise_as(DType::Bool, "Greater", {self, like(call, self, 0)});
  return {graph.pointwise("Mul", {call.onnx.where(is_positive, self, curve), like(call, self, scale)})};
}

/// max(0, x) + min(0, alpha * (exp(x / alpha) - 1))
Results celu(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const ValueId self = call.tensor("self");
  const double alpha = call.args.real("alpha");
  const ValueId scaled = graph.pointwise("Div", {self, like(call, self, alpha)});
  const ValueId curve = graph.pointwise("Mul", {graph.pointwise("Elu", {scaled}), like(call, self, alpha)});
  return {curve};
}

/// log(1 + exp(beta * x)) / beta, and x itself above the threshold.
Results softplus(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const ValueId self = call.tensor("self");
  const double beta = call.args.real("beta"), limit = call.args.real("threshold");
  const ValueId scaled = beta == 1.0 ? self : graph.pointwise("Mul", {self, like(call, self, beta)});
  const ValueId soft = graph.pointwise("Softplus", {scaled});
  const ValueId result = beta == 1.0 ? soft : graph.pointwise("Div", {soft, like(call, self, beta)});
  // ONNX's Softplus is x itself for large x to the precision of float32 from 17 on.
  if (limit >= 17.0) return {result};
  const ValueId is_linear = graph.pointwise_as(DType::Bool, "Greater", {scaled, like(call, self, limit)});
  return {call.onnx.where(is_linear, self, result)};
}

/// x * tanh(softplus(x))
Results mish(const LowerCall& call) {
  const ValueId self = call.tensor("self");
  return {call.graph.pointwise("Mish", {self})};
}

/// -softplus(-x)
Results log_sigmoid(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const ValueId self = call.tensor("self");
  return {graph.pointwise("Neg", {graph.pointwise("Softplus", {graph.pointwise("Neg", {self})})})};
}

/// One weight, or one per channel (dim 1).
Results prelu(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const ValueId self = call.tensor("self");
  ValueId weight = call.promoted("weight");
  const int64_t rank = graph.rank(self);
  if (call.node.is("aten::prelu") && rank > 1) {
    Sizes sizes(static_cast<size_t>(rank - 1), SymInt(1));
    sizes[0] = element_count(graph.sizes(weight));
    weight = call.onnx.reshape(weight, sizes);
  }
  return {graph.emit("PRelu", {self, weight}, {}, graph.dtype(self), call.out().sizes)};
}

Results glu(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const int64_t dim = call.dim("dim");
  const DType dtype = call.out_dtype();
  const SymInt half = call.out().sizes[static_cast<size_t>(dim)];
  const auto parts = graph.emit_many("Split", {call.tensor("self"), call.onnx.shapes.vector({half, half})},
                                     {{"axis", dim}}, {{dtype, call.out().sizes}, {dtype, call.out().sizes}});
  return {graph.pointwise("Mul", {parts[0], graph.pointwise("Sigmoid", {parts[1]})})};
}

}  // namespace

void add_activation_lowerings(LoweringTable& table) {
  table.add("aten::silu", silu);
  table.add("aten::gelu", gelu);
  table.add("aten::relu", relu);
  table.add("aten::relu6", [](const LowerCall& call) -> Results { return {clip(call, call.tensor("self"), 0, 6)}; });
  table.add("aten::hardtanh", hardtanh);
  table.add("aten::hardsigmoid",
            [](const LowerCall& call) -> Results { return {hard_sigmoid(call, call.tensor("self"))}; });
  table.add("aten::hardswish", [](const LowerCall& call) -> Results {
    const ValueId self = call.tensor("self");
    return {call.graph.pointwise("Mul", {self, hard_sigmoid(call, self)})};
  });
  table.add("aten::leaky_relu", [](const LowerCall& call) -> Results {
    return {call.graph.pointwise("LeakyRelu", {call.tensor("self")}, {{"alpha", call.args.real("negative_slope")}})};
  });
  table.add("aten::hardshrink", hardshrink);
  table.add("aten::softshrink", softshrink);
  table.add("aten::threshold", threshold);
  table.add("aten::elu", elu);
  table.add("aten::selu",
            [](const LowerCall& call) -> Results { return {call.graph.pointwise("Selu", {call.tensor("self")})}; });
  table.add("aten::celu", celu);
  table.add("aten::softplus", softplus);
  table.add("aten::mish", mish);
  table.add("aten::log_sigmoid", log_sigmoid);
  table.add("aten::prelu", prelu);
  table.add("aten::_prelu_kernel", prelu);
  table.add("aten::glu", glu);
}

}  // namespace exformer::onnx
