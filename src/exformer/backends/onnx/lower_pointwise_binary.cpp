// Pointwise ops of two operands, each cast to the dtype torch promotes them to.
#include <functional>

#include "exformer/backends/onnx/lowering.h"
#include "exformer/ops/exponent_bits.h"

namespace exformer::onnx {
namespace {

/// Bool arithmetic: ONNX has none, so it runs on int32 and back.
Results in_arithmetic(const LowerCall& call, DType dtype, const std::function<ValueId(DType)>& compute) {
  if (dtype != DType::Bool) return {compute(dtype)};
  return {call.graph.cast(compute(DType::Int32), DType::Bool)};
}

bool is_one(const Scalar& scalar) {
  return scalar.kind == Scalar::Kind::Float ? scalar.real == 1.0 : scalar.integer == SymInt(1);
}

/// a op alpha * b
template <bool Subtract>
Results sum(const LowerCall& call) {
  return in_arithmetic(call, call.out_dtype(), [&](DType dtype) {
    ValueId other = call.operand("other", dtype);
    const Scalar alpha = call.args.scalar("alpha");
    if (!is_one(alpha)) other = call.graph.pointwise("Mul", {other, call.onnx.scalar(alpha, dtype)});
    return call.graph.pointwise(Subtract ? "Sub" : "Add", {call.operand("self", dtype), other});
  });
}

Results reversed_difference(const LowerCall& call) {
  const DType dtype = call.out_dtype();
  ValueId self = call.operand("self", dtype);
  const Scalar alpha = call.args.scalar("alpha");
  if (!is_one(alpha)) self = call.graph.pointwise("Mul", {self, call.onnx.scalar(alpha, dtype)});
  return {call.graph.pointwise("Sub", {call.operand("other", dtype), self})};
}

Results multiply(const LowerCall& call) {
  if (call.out_dtype() == DType::Bool)
    return {call.graph.pointwise("And", {call.operand("self", DType::Bool), call.operand("other", DType::Bool)})};
  return {
      call.graph.pointwise("Mul", {call.operand("self", call.out_dtype()), call.operand("other", call.out_dtype())})};
}

Results divide(const LowerCall& call) {
  return {
      call.graph.pointwise("Div", {call.operand("self", call.out_dtype()), call.operand("other", call.out_dtype())})};
}

/// Rounds a quotient down.
ValueId floor_divide(const LowerCall& call, DType dtype) {
  OnnxGraph& graph = call.graph;
  const ValueId a = call.operand("self", dtype), b = call.operand("other", dtype);
  if (is_floating_point(dtype)) return graph.pointwise("Floor", {graph.pointwise("Div", {a, b})});
  return call.onnx.floor_divide(a, b);
}

ValueId truncating_divide(const LowerCall& call, DType dtype) {
  OnnxGraph& graph = call.graph;
  const ValueId quotient = graph.pointwise("Div", {call.operand("self", dtype), call.operand("other", dtype)});
  if (!is_floating_point(dtype)) return quotient;
  return graph.pointwise(
      "Mul", {graph.pointwise("Sign", {quotient}), graph.pointwise("Floor", {graph.pointwise("Abs", {quotient})})});
}

Results divide_with_mode(const LowerCall& call) {
  if (!call.args.has("rounding_mode")) return divide(call);
  return in_arithmetic(call, call.out_dtype(), [&](DType dtype) {
    return call.args.string("rounding_mode") == "floor" ? floor_divide(call, dtype) : truncating_divide(call, dtype);
  });
}

/// The sign of the divisor: ONNX's Mod of integers; a - b * floor(a / b) of floats.
Results remainder(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const DType dtype = call.out_dtype();
  const ValueId a = call.operand("self", dtype), b = call.operand("other", dtype);
  if (!is_floating_point(dtype)) return {graph.pointwise("Mod", {a, b})};
  const ValueId whole = graph.pointwise("Floor", {graph.pointwise("Div", {a, b})});
  return {graph.pointwise("Sub", {a, graph.pointwise("Mul", {b, whole})})};
}

Results fmod(const LowerCall& call) {
  const DType dtype = call.out_dtype();
  return {
      call.graph.pointwise("Mod", {call.operand("self", dtype), call.operand("other", dtype)}, {{"fmod", int64_t{1}}})};
}

/// Of integers, by squaring: ONNX Runtime goes through float64, which rounds and does not wrap around.
ValueId integer_power(const LowerCall& call, ValueId base, ValueId exponent) {
  OnnxGraph& graph = call.graph;
  const DType dtype = call.out_dtype();
  ValueId power = graph.cast(base, DType::Int64), left = graph.cast(exponent, DType::Int64);
  ValueId result = graph.constant_int(1);
  const ValueId one = result, two = graph.constant_int(2);
  const std::optional<int> known = exponent_bits(call.args);
  const int bits = known.value_or(kExponentBits);
  for (int bit = 0; bit < bits; ++bit) {
    const ValueId is_odd = graph.pointwise_as(DType::Bool, "Equal", {graph.pointwise("Mod", {left, two}), one});
    result = graph.pointwise("Mul", {result, call.onnx.where(is_odd, power, one)});
    if (bit + 1 == bits) break;
    power = graph.pointwise("Mul", {power, power});
    left = graph.pointwise("Div", {left, two});
  }
  if (!known) {  // 1 / base^n is 0, but for 1 and -1
    const ValueId whole_base = graph.cast(base, DType::Int64), whole = graph.cast(exponent, DType::Int64);
    const ValueId is_unit = graph.pointwise_as(DType::Bool, "Equal", {graph.pointwise("Abs", {whole_base}), one});
    const ValueId is_odd = graph.pointwise_as(DType::Bool, "Equal", {graph.pointwise("Mod", {whole, two}), one});
    const ValueId inverse = call.onnx.where(is_unit, call.onnx.where(is_odd, whole_base, one), graph.constant_int(0));
    const ValueId is_negative = graph.pointwise_as(DType::Bool, "Less", {whole, graph.constant_int(0)});
    result = call.onnx.where(is_negative, inverse, result);
  }
  return graph.cast(call.onnx.expand(result, call.out().sizes), dtype);
}

Results power(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const DType dtype = call.out_dtype();
  const ValueId base = call.operand("self", dtype);
  if (!call.args["exponent"].is_tensor()) {
    const Scalar exponent = call.args.scalar("exponent");
    const bool is_known = exponent.kind == Scalar::Kind::Float || exponent.integer.is_constant();
    const double value = is_known ? exponent.to_double() : 0.0;
    if (is_known && value == 2.0) return {graph.pointwise("Mul", {base, base})};
    if (is_known && value == 1.0) return {base};
    if (is_known && is_floating_point(dtype)) {
      if (value == 0.5) return {graph.pointwise("Sqrt", {base})};
      if (value == -1.0) return {graph.pointwise("Reciprocal", {base})};
      if (value == -0.5) return {graph.pointwise("Reciprocal", {graph.pointwise("Sqrt", {base})})};
      if (value == 3.0) return {graph.pointwise("Mul", {graph.pointwise("Mul", {base, base}), base})};
    }
  }
  const ValueId exponent = call.operand("exponent", dtype);
  if (is_integer(dtype)) return {integer_power(call, base, exponent)};
  return {graph.pointwise("Pow", {base, exponent})};
}

/// Max and Min pass NaN on, as torch's maximum and minimum do; bool has no kernel.
template <bool Maximum>
Results extremum(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const DType dtype = call.out_dtype();
  const std::vector<ValueId> operands = {call.operand("self", dtype), call.operand("other", dtype)};
  if (dtype == DType::Bool) return {graph.pointwise(Maximum ? "Or" : "And", operands)};
  return {graph.pointwise(Maximum ? "Max" : "Min", operands)};
}

/// fmax and fmin ignore a NaN on one side.
template <bool Maximum>
Results ignoring_nan(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const DType dtype = call.out_dtype();
  const ValueId a = call.operand("self", dtype), b = call.operand("other", dtype);
  const ValueId both = graph.pointwise(Maximum ? "Max" : "Min", {a, b});
  if (!is_floating_point(dtype)) return {both};
  const auto nan = [&](ValueId value) { return graph.pointwise_as(DType::Bool, "IsNaN", {value}); };
  const ValueId without_b = graph.pointwise_as(dtype, "Where", {nan(b), a, both});
  return {graph.pointwise_as(dtype, "Where", {nan(a), b, without_b})};
}

/// The angle of the point (x, y): atan(y / x) moved to the right half plane.
Results atan2(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const DType dtype = call.out_dtype();
  const ValueId y = call.operand("self", dtype), x = call.operand("other", dtype);
  const auto number = [&](double value) { return graph.scalar(value, dtype); };
  const auto is = [&](std::string_view op, ValueId value) {
    return graph.pointwise_as(DType::Bool, op, {value, number(0)});
  };
  const auto choose = [&](ValueId condition, ValueId a, ValueId b) {
    return graph.pointwise_as(dtype, "Where", {condition, a, b});
  };
  constexpr double kPi = 3.14159265358979323846;
  const ValueId zero_x = is("Equal", x);
  const ValueId angle = graph.pointwise("Atan", {graph.pointwise("Div", {y, choose(zero_x, number(1), x)})});
  const ValueId turn = choose(is("Less", y), number(-kPi), number(kPi));
  const ValueId turned = choose(is("Less", x), graph.pointwise("Add", {angle, turn}), angle);
  const ValueId upright = graph.pointwise("Mul", {graph.pointwise("Sign", {y}), number(kPi / 2)});
  return {choose(zero_x, upright, turned)};
}

Results hypot(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const DType dtype = call.out_dtype();
  const ValueId a = graph.pointwise("Abs", {call.operand("self", dtype)}),
                b = graph.pointwise("Abs", {call.operand("other", dtype)});
  return {graph.pointwise("Sqrt",
                          {graph.pointwise("Add", {graph.pointwise("Mul", {a, a}), graph.pointwise("Mul", {b, b})})})};
}

/// max(a, b) + log(1 + exp(-|a - b|))
Results logaddexp(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const DType dtype = call.out_dtype();
  const ValueId a = call.operand("self", dtype), b = call.operand("other", dtype);
  const ValueId distance = graph.pointwise("Neg", {graph.pointwise("Abs", {graph.pointwise("Sub", {a, b})})});
  return {graph.pointwise("Add", {graph.pointwise("Max", {a, b}), graph.pointwise("Softplus", {distance})})};
}

constexpr char kAnd[] = "And", kOr[] = "Or", kXor[] = "Xor";
constexpr char kBitwiseAnd[] = "BitwiseAnd", kBitwiseOr[] = "BitwiseOr", kBitwiseXor[] = "BitwiseXor";

template <const char* Logical, const char* Bitwise>
Results bitwise(const LowerCall& call) {
  const DType dtype = call.out_dtype();
  return {call.graph.pointwise(dtype == DType::Bool ? Logical : Bitwise,
                               {call.operand("self", dtype), call.operand("other", dtype)})};
}

template <const char* Logical>
Results logical(const LowerCall& call) {
  return {call.graph.pointwise(Logical, {call.operand("self", DType::Bool), call.operand("other", DType::Bool)})};
}

template <const char* Logical, const char* Bitwise>
void add_bitwise(LoweringTable& table, const std::string& name) {
  table.add("aten::bitwise_" + name + ".Tensor", bitwise<Logical, Bitwise>);
  table.add("aten::bitwise_" + name + ".Scalar", bitwise<Logical, Bitwise>);
  table.add("aten::bitwise_" + name + ".Scalar_Tensor", bitwise<Logical, Bitwise>);
  table.add("aten::__" + name + "__.Tensor", bitwise<Logical, Bitwise>);
  table.add("aten::__" + name + "__.Scalar", bitwise<Logical, Bitwise>);
  table.add("aten::logical_" + name, logical<Logical>);
}

}  // namespace

void add_pointwise_binary_lowerings(LoweringTable& table) {
  for (const char* kind : {".Tensor", ".Scalar"}) {
    const std::string suffix(kind);
    table.add("aten::add" + suffix, sum<false>);
    table.add("aten::sub" + suffix, sum<true>);
    table.add("aten::rsub" + suffix, reversed_difference);
    table.add("aten::mul" + suffix, multiply);
    table.add("aten::div" + suffix, divide);
    table.add("aten::div" + suffix + "_mode", divide_with_mode);
    table.add("aten::remainder" + suffix, remainder);
    table.add("aten::fmod" + suffix, fmod);
  }
  table.add("aten::remainder.Scalar_Tensor", remainder);
  const LowerFunction floor_division = [](const LowerCall& call) -> Results {
    return in_arithmetic(call, call.out_dtype(), [&](DType dtype) { return floor_divide(call, dtype); });
  };
  table.add("aten::floor_divide", floor_division);
  table.add("aten::floor_divide.Scalar", floor_division);
  table.add("aten::pow.Tensor_Tensor", power);
  table.add("aten::pow.Tensor_Scalar", power);
  table.add("aten::pow.Scalar", power);
  table.add("aten::maximum", extremum<true>);
  table.add("aten::minimum", extremum<false>);
  table.add("aten::max.other", extremum<true>);
  table.add("aten::min.other", extremum<false>);
  table.add("aten::fmax", ignoring_nan<true>);
  table.add("aten::fmin", ignoring_nan<false>);
  table.add("aten::atan2", atan2);
  table.add("aten::hypot", hypot);
  table.add("aten::logaddexp", logaddexp);
  add_bitwise<kAnd, kBitwiseAnd>(table, "and");
  add_bitwise<kOr, kBitwiseOr>(table, "or");
  add_bitwise<kXor, kBitwiseXor>(table, "xor");
}

}  // namespace exformer::onnx
