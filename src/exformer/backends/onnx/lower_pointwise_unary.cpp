// Pointwise ops of one tensor.
#include <cmath>
#include <limits>
#include <numbers>

#include "exformer/backends/onnx/lowering.h"
#include "exformer/base/error.h"

namespace exformer::onnx {
namespace {

template <const char* Operator>
Results floating(const LowerCall& call) {
  return {call.graph.pointwise(Operator, {call.promoted("self")})};
}

template <const char* Operator>
Results rounding(const LowerCall& call) {
  const ValueId self = call.tensor("self");
  if (!is_floating_point(call.graph.dtype(self))) return {self};
  return {call.graph.pointwise(Operator, {self})};
}

#define OPERATOR_NAME(name) constexpr char k##name[] = #name;
OPERATOR_NAME(Exp)
OPERATOR_NAME(Log)
OPERATOR_NAME(Sqrt)
OPERATOR_NAME(Reciprocal) OPERATOR_NAME(Sigmoid) OPERATOR_NAME(Erf) OPERATOR_NAME(Sin) OPERATOR_NAME(Cos)
    OPERATOR_NAME(Tan) OPERATOR_NAME(Asin) OPERATOR_NAME(Acos) OPERATOR_NAME(Atan) OPERATOR_NAME(Sinh)
        OPERATOR_NAME(Cosh) OPERATOR_NAME(Tanh) OPERATOR_NAME(Asinh) OPERATOR_NAME(Acosh) OPERATOR_NAME(Atanh)
            OPERATOR_NAME(Floor) OPERATOR_NAME(Ceil) OPERATOR_NAME(Round)
#undef OPERATOR_NAME

                ValueId like(const LowerCall& call, ValueId value, double number) {
  return call.graph.scalar(number, call.graph.dtype(value));
}

ValueId logarithm(const LowerCall& call, double base) {
  OnnxGraph& graph = call.graph;
  const ValueId log = graph.pointwise("Log", {call.promoted("self")});
  return graph.pointwise("Mul", {log, like(call, log, 1.0 / std::log(base))});
}

/// Towards zero: sign(x) * floor(|x|).
ValueId truncate(OnnxGraph& graph, ValueId self) {
  return graph.pointwise("Mul",
                         {graph.pointwise("Sign", {self}), graph.pointwise("Floor", {graph.pointwise("Abs", {self})})});
}

/// (exp(x) - 1), without cancellation near 0: tanh(x / 2) * (exp(x) + 1).
ValueId expm1(OnnxGraph& graph, ValueId x) {
  const DType dtype = graph.dtype(x);
  const ValueId exponential = graph.pointwise("Exp", {x});
  const ValueId half = graph.pointwise("Tanh", {graph.pointwise("Mul", {x, graph.scalar(0.5, dtype)})});
  const ValueId near = graph.pointwise("Mul", {half, graph.pointwise("Add", {exponential, graph.scalar(1, dtype)})});
  const ValueId far = graph.pointwise("Sub", {exponential, graph.scalar(1, dtype)});
  const ValueId is_near =
      graph.pointwise_as(DType::Bool, "Less", {graph.pointwise("Abs", {x}), graph.scalar(1, dtype)});
  return graph.pointwise_as(dtype, "Where", {is_near, near, far});
}

/// log(1 + x), without cancellation near 0: with u = 1 + x, log(u) * x / (u - 1), and x where u is 1.
ValueId log1p(OnnxGraph& graph, ValueId x) {
  const DType dtype = graph.dtype(x);
  const ValueId one = graph.scalar(1, dtype);
  const ValueId sum = graph.pointwise("Add", {x, one});
  const ValueId difference = graph.pointwise("Sub", {sum, one});
  const ValueId is_tiny = graph.pointwise_as(DType::Bool, "Equal", {difference, graph.scalar(0, dtype)});
  const ValueId infinity = graph.scalar(std::numeric_limits<double>::infinity(), dtype);
  const ValueId is_infinite = graph.pointwise_as(DType::Bool, "Equal", {x, infinity});
  const ValueId safe = graph.pointwise_as(dtype, "Where", {is_tiny, one, difference});
  const ValueId ratio = graph.pointwise("Div", {x, safe});
  const ValueId log = graph.pointwise("Mul", {graph.pointwise("Log", {sum}), ratio});
  const ValueId finite = graph.pointwise_as(dtype, "Where", {is_tiny, x, log});
  return graph.pointwise_as(dtype, "Where", {is_infinite, infinity, finite});
}

ValueId is_nan(const LowerCall& call, ValueId self) { return call.graph.pointwise_as(DType::Bool, "IsNaN", {self}); }

/// A bool result that is the same for every element.
ValueId everywhere(const LowerCall& call, ValueId self, bool value) {
  OnnxGraph& graph = call.graph;
  const ValueId never = graph.pointwise_as(DType::Bool, value ? "Equal" : "Less",
                                           {graph.cast(self, DType::Int64), graph.cast(self, DType::Int64)});
  return never;
}

template <int Sides>  // bit 1: positive, bit 2: negative
Results infinite(const LowerCall& call) {
  const ValueId self = call.tensor("self");
  if (!is_floating_point(call.graph.dtype(self))) return {everywhere(call, self, false)};
  return {call.graph.pointwise_as(
      DType::Bool, "IsInf", {self},
      {{"detect_positive", int64_t{Sides & 1}}, {"detect_negative", int64_t{(Sides & 2) / 2}}})};
}

Results nan_to_num(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  ValueId self = call.tensor("self");
  const DType dtype = graph.dtype(self);
  if (!is_floating_point(dtype)) return {self};
  double largest = std::numeric_limits<float>::max();
  if (call.out().dtype == DType::Float16) largest = 65504.0;
  if (call.out().dtype == DType::BFloat16) largest = 3.3895313892515355e38;
  if (call.out().dtype == DType::Float64) largest = std::numeric_limits<double>::max();
  const auto replace = [&](ValueId condition, double number) {
    self = graph.pointwise_as(dtype, "Where", {condition, graph.scalar(number, dtype), self});
  };
  const auto side = [&](int64_t positive, int64_t negative) {
    return graph.pointwise_as(DType::Bool, "IsInf", {self},
                              {{"detect_positive", positive}, {"detect_negative", negative}});
  };
  replace(side(1, 0), call.args.optional_real("posinf").value_or(largest));
  replace(side(0, 1), call.args.optional_real("neginf").value_or(-largest));
  replace(is_nan(call, self), call.args.optional_real("nan").value_or(0.0));
  return {self};
}

Results square(const LowerCall& call) {
  const ValueId self = call.promoted("self");
  return {call.graph.pointwise("Mul", {self, self})};
}

Results logit(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  ValueId self = call.promoted("self");
  if (const auto eps = call.args.optional_real("eps"))
    self = graph.pointwise("Clip", {self, like(call, self, *eps), like(call, self, 1.0 - *eps)});
  return {
      graph.pointwise("Log", {graph.pointwise("Div", {self, graph.pointwise("Sub", {like(call, self, 1), self})})})};
}

Results bitwise_not(const LowerCall& call) {
  const ValueId self = call.tensor("self");
  return {call.graph.pointwise(call.graph.dtype(self) == DType::Bool ? "Not" : "BitwiseNot", {self})};
}

Results sign(const LowerCall& call) {
  const ValueId self = call.tensor("self");
  if (call.graph.dtype(self) == DType::Bool) return {self};
  return {call.graph.pointwise("Sign", {self})};
}

Results logical_not(const LowerCall& call) {
  return {call.graph.pointwise("Not", {call.graph.cast(call.tensor("self"), DType::Bool)})};
}

Results is_finite(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const ValueId self = call.tensor("self");
  if (!is_floating_point(graph.dtype(self))) return {everywhere(call, self, true)};
  const ValueId infinity = like(call, self, std::numeric_limits<double>::infinity());
  return {graph.pointwise_as(DType::Bool, "Less", {graph.pointwise("Abs", {self}), infinity})};
}

Results round_decimals(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const ValueId self = call.tensor("self");
  const int64_t decimals = call.args.integer("decimals");
  const ValueId scale = like(call, self, std::pow(10.0, static_cast<double>(std::abs(decimals))));
  const std::string_view before = decimals < 0 ? "Div" : "Mul", after = decimals < 0 ? "Mul" : "Div";
  return {graph.pointwise(after, {graph.pointwise("Round", {graph.pointwise(before, {self, scale})}), scale})};
}

Results scaled(const LowerCall& call, double factor) {
  const ValueId self = call.promoted("self");
  return {call.graph.pointwise("Mul", {self, like(call, self, factor)})};
}

}  // namespace

void add_pointwise_unary_lowerings(LoweringTable& table) {
  table.add("aten::exp", floating<kExp>);
  table.add("aten::log", floating<kLog>);
  table.add("aten::sqrt", floating<kSqrt>);
  table.add("aten::reciprocal", floating<kReciprocal>);
  table.add("aten::sigmoid", floating<kSigmoid>);
  table.add("aten::erf", floating<kErf>);
  table.add("aten::sin", floating<kSin>);
  table.add("aten::cos", floating<kCos>);
  table.add("aten::tan", floating<kTan>);
  table.add("aten::asin", floating<kAsin>);
  table.add("aten::acos", floating<kAcos>);
  table.add("aten::atan", floating<kAtan>);
  table.add("aten::sinh", floating<kSinh>);
  table.add("aten::cosh", floating<kCosh>);
  table.add("aten::tanh", floating<kTanh>);
  table.add("aten::asinh", floating<kAsinh>);
  table.add("aten::acosh", floating<kAcosh>);
  table.add("aten::atanh", floating<kAtanh>);
  table.add("aten::floor", rounding<kFloor>);
  table.add("aten::ceil", rounding<kCeil>);
  table.add("aten::round", rounding<kRound>);
  table.add("aten::round.decimals", round_decimals);
  table.add("aten::trunc", [](const LowerCall& call) -> Results {
    const ValueId self = call.tensor("self");
    return {is_floating_point(call.graph.dtype(self)) ? truncate(call.graph, self) : self};
  });
  table.add("aten::frac", [](const LowerCall& call) -> Results {
    const ValueId self = call.tensor("self");
    return {call.graph.pointwise("Sub", {self, truncate(call.graph, self)})};
  });
  table.add("aten::abs",
            [](const LowerCall& call) -> Results { return {call.graph.pointwise("Abs", {call.tensor("self")})}; });
  table.add("aten::neg",
            [](const LowerCall& call) -> Results { return {call.graph.pointwise("Neg", {call.tensor("self")})}; });
  table.add("aten::sign", sign);
  table.add("aten::sgn", sign);
  table.add("aten::rsqrt", [](const LowerCall& call) -> Results {
    return {call.graph.pointwise("Reciprocal", {call.graph.pointwise("Sqrt", {call.promoted("self")})})};
  });
  table.add("aten::exp2", [](const LowerCall& call) -> Results {
    const ValueId self = call.promoted("self");
    return {call.graph.pointwise("Exp", {call.graph.pointwise("Mul", {self, like(call, self, std::numbers::ln2)})})};
  });
  table.add("aten::expm1", [](const LowerCall& call) -> Results { return {expm1(call.graph, call.promoted("self"))}; });
  table.add("aten::log1p", [](const LowerCall& call) -> Results { return {log1p(call.graph, call.promoted("self"))}; });
  table.add("aten::log2", [](const LowerCall& call) -> Results { return {logarithm(call, 2.0)}; });
  table.add("aten::log10", [](const LowerCall& call) -> Results { return {logarithm(call, 10.0)}; });
  table.add("aten::erfc", [](const LowerCall& call) -> Results {
    const ValueId erf = call.graph.pointwise("Erf", {call.promoted("self")});
    return {call.graph.pointwise("Sub", {like(call, erf, 1), erf})};
  });
  table.add("aten::deg2rad", [](const LowerCall& call) -> Results { return scaled(call, std::numbers::pi / 180.0); });
  table.add("aten::isnan", [](const LowerCall& call) -> Results {
    const ValueId self = call.tensor("self");
    return {is_floating_point(call.graph.dtype(self)) ? is_nan(call, self) : everywhere(call, self, false)};
  });
  table.add("aten::isinf", infinite<3>);
  table.add("aten::isposinf", infinite<1>);
  table.add("aten::isneginf", infinite<2>);
  table.add("aten::isfinite", is_finite);
  table.add("aten::logical_not", logical_not);
  table.add("aten::signbit", [](const LowerCall& call) -> Results {
    const ValueId self = call.tensor("self");
    // 1 / -0.0 is below 0 where -0.0 is not.
    if (!is_floating_point(call.graph.dtype(self)))
      return {call.graph.pointwise_as(DType::Bool, "Less", {self, like(call, self, 0)})};
    const ValueId below = call.graph.pointwise_as(DType::Bool, "Less", {self, like(call, self, 0)});
    const ValueId inverse =
        call.graph.pointwise_as(DType::Bool, "Less", {call.graph.pointwise("Reciprocal", {self}), like(call, self, 0)});
    return {call.graph.pointwise("Or", {below, inverse})};
  });
  table.add("aten::square", square);
  table.add("aten::bitwise_not", bitwise_not);
  table.add("aten::nan_to_num", nan_to_num);
  table.add("aten::logit", logit);
}

}  // namespace exformer::onnx
