// Ops of two operands: arithmetic, division in its kinds, powers, extremes, bits and logic.
#include "exformer/ops/pointwise_binary.h"

#include <cmath>
#include <limits>

#include "exformer/ops/builder.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/float_functions.h"

namespace exformer {
namespace {

std::array<std::string_view, 2> operand_names(const OpSchema& schema) {
  return {schema.arguments[0].name, schema.arguments[1].name};
}

/// Differences are refused as soon as one operand is bool.
void refuse_bool(const MetaArgs& args) {
  for (const std::string_view name : operand_names(args.schema())) {
    const auto* tensor = args.optional_tensor(name);
    if (tensor ? (*tensor)->dtype == DType::Bool : args.scalar(name).kind == Scalar::Kind::Bool) {
      fail("{}: '{}' must not be bool; use logical_xor or bitwise_xor", args.schema().name, name);
    }
  }
}

void check_input(DType common, BinaryInput input, std::string_view op) {
  if (input == BinaryInput::NotBool && common == DType::Bool) fail("{}: not defined for bool", op);
  if (input == BinaryInput::Integral && !is_integer(common) && common != DType::Bool) {
    fail("{}: expected integers or bool, got {}", op, dtype_name(common));
  }
}

}  // namespace

InferFunction binary_infer(BinaryRule rule) {
  return [rule](const MetaArgs& args) -> std::vector<OutputMeta> {
    const auto names = operand_names(args.schema());
    const DType common = common_dtype(args, names);
    check_input(common, rule.input, args.schema().name);
    if (rule.input == BinaryInput::NoBoolOperand) refuse_bool(args);
    const DType dtype = rule.result == BinaryResult::Bool       ? DType::Bool
                        : rule.result == BinaryResult::Floating ? to_floating(common)
                                                                : common;
    return {pointwise_result(args, names, dtype)};
  };
}

DType binary_common(const KernelArgs& args, BinaryRule rule) {
  const DType common = common_dtype(args, operand_names(args.schema()));
  check_input(common, rule.input, args.schema().name);
  return rule.result == BinaryResult::Floating ? to_floating(common) : common;
}

HostTensor binary_operand(const KernelArgs& args, size_t index, DType common, BinaryRule rule) {
  return operand(args, args.schema().arguments[index].name, common, rule.rounding);
}

void declare_binary(OpRegistry& ops, const BinaryOp& op) {
  for (const BinaryOverload& overload : op.overloads) {
    const bool is_core = !overload.out.empty();
    OpDeclaration declaration{.schema = overload.schema,
                              .infer = binary_infer(op.rule),
                              .kernel = op.kernel,
                              .out_variant = overload.out,
                              .tags = Tag::Pointwise | op.tags | (is_core ? Tag::Core : Tag::None),
                              .decompose = is_core ? nullptr : op.decompose};
    const bool writes_tensor =
        overload.schema.find("(Tensor ") != std::string_view::npos && op.rule.result != BinaryResult::Bool;
    if (writes_tensor) {
      declare_with_inplace(ops, std::move(declaration));
    } else {
      ops.declare(std::move(declaration));
    }
  }
}

namespace {

constexpr BinaryRule kArithmetic{};
constexpr BinaryRule kRounded{.rounding = ScalarRounding::ToCommon};
constexpr BinaryRule kNoBool{.input = BinaryInput::NotBool};
constexpr BinaryRule kDifference{.input = BinaryInput::NoBoolOperand};
constexpr BinaryRule kBits{.input = BinaryInput::Integral, .rounding = ScalarRounding::ToCommon};
constexpr BinaryRule kFloating{.result = BinaryResult::Floating};

/// Sums, differences and products of integers wrap, as torch's do; through unsigned arithmetic, which is defined.
template <class T>
T add_values(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  } else {
    return a + b;
  }
}
template <class T>
T multiply_values(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  } else {
    return a * b;
  }
}
template <class T>
T negate_value(T a) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(-static_cast<uint64_t>(a));
  } else {
    return -a;
  }
}

/// a + alpha * b, or b - alpha * a when `reversed`; `sign` is -1 for differences.
KernelFunction sum_kernel(BinaryRule rule, int sign, bool reversed) {
  return [=](const KernelArgs& args) -> std::vector<HostTensor> {
    const DType common = binary_common(args, rule);
    HostTensor a = binary_operand(args, 0, common, rule);
    HostTensor b = binary_operand(args, 1, common, rule);
    if (reversed) std::swap(a, b);
    const Scalar alpha = args.scalar("alpha");
    if (alpha.kind == Scalar::Kind::Float && !is_floating_point(common)) {
      fail("{}: alpha must be an integer for {} operands", args.schema().name, dtype_name(common));
    }
    return {visit_arithmetic(common, args.schema().name, [&](auto zero) {
      using T = decltype(zero);
      const T factor =
          static_cast<T>(sign) *
          (alpha.kind == Scalar::Kind::Float ? static_cast<T>(alpha.real) : static_cast<T>(alpha.integer.value()));
      if (factor == T(1)) return map_elements<T, T, T>(common, [](T x, T y) { return add_values(x, y); }, a, b);
      if (factor == T(-1))
        return map_elements<T, T, T>(common, [](T x, T y) { return add_values(x, negate_value(y)); }, a, b);
      return map_elements<T, T, T>(
          common, [factor](T x, T y) { return add_values(x, multiply_values(factor, y)); }, a, b);
    })};
  };
}

void declare_sums(OpRegistry& ops) {
  declare_binary(
      ops,
      {.overloads = {{"aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", "aten::add.out"},
                     {"aten::add.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor", "aten::add.Scalar_out"}},
       .rule = kArithmetic,
       .tags = Tag::Commutative,
       .kernel = sum_kernel(kArithmetic, 1, false)});
  declare_binary(
      ops,
      {.overloads = {{"aten::sub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", "aten::sub.out"},
                     {"aten::sub.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor", "aten::sub.Scalar_out"}},
       .rule = kDifference,
       .kernel = sum_kernel(kDifference, -1, false)});
  const auto decompose_rsub = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
    if (args["other"].is_tensor())
      return {
          builder.call("aten::sub.Tensor", {args.tensor("other"), args.tensor("self")}, {{"alpha", args["alpha"]}})};
    // other - alpha * self, in the promoted dtype: the negation must not wrap in a narrower one.
    Value* self = args.tensor("self");
    Promotion promotion;
    promotion.add(self->meta);
    promotion.add(args.scalar("other"));
    if (self->meta.dtype != promotion.result())
      self = builder.call("aten::_to_copy", {self}, {{"dtype", promotion.result()}});
    const Scalar alpha = args.scalar("alpha");
    const bool is_one = alpha.kind == Scalar::Kind::Int && alpha.integer == SymInt(1);
    Value* scaled =
        builder.call("aten::neg", {is_one ? self : builder.call("aten::mul.Scalar", {self, args["alpha"]})});
    return {builder.call("aten::add.Scalar", {scaled, args["other"]})};
  };
  for (const std::string_view schema : {"aten::rsub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor",
                                        "aten::rsub.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor"}) {
    const bool has_out = schema.find("Scalar other") != std::string_view::npos;
    ops.declare({.schema = schema,
                 .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                   // sub(other, self): the layout of `other` comes first.
                   constexpr std::string_view kSwapped[] = {"other", "self"};
                   return {pointwise_result(args, kSwapped, binary_infer(kDifference)(args)[0].tensor.dtype)};
                 },
                 .kernel = sum_kernel(kDifference, -1, true),
                 .out_variant = has_out ? "aten::rsub.Scalar_out" : "",
                 .tags = Tag::Pointwise,
                 .decompose = decompose_rsub});
  }
  declare_binary(ops, {.overloads = {{"aten::mul.Tensor(Tensor self, Tensor other) -> Tensor", "aten::mul.out"},
                                     {"aten::mul.Scalar(Tensor self, Scalar other) -> Tensor", "aten::mul.Scalar_out"}},
                       .rule = kArithmetic,
                       .tags = Tag::Commutative,
                       .kernel = binary_kernel<BinaryResult::Common>(
                           kArithmetic, [](auto a, auto b) { return multiply_values(a, b); })});
}

/// Integer division that never traps: the one quotient that does not fit wraps. The divisor is not zero.
inline int64_t truncating_quotient(int64_t a, int64_t b) { return b == -1 ? negate_value(a) : a / b; }
inline int64_t floor_quotient(int64_t a, int64_t b) {
  const int64_t quotient = truncating_quotient(a, b);
  return b != -1 && a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}
/// c10::div_floor_floating: exact where a / b itself would round up.
template <class T>
T floor_quotient_of_floats(T a, T b) {
  if (b == T(0)) return a / b;
  const T remainder = std::fmod(a, b);
  T quotient = (a - remainder) / b;
  if (remainder != T(0) && (b < T(0)) != (remainder < T(0))) quotient -= T(1);
  if (quotient == T(0)) return std::copysign(T(0), a / b);
  const T floored = std::floor(quotient);
  return quotient - floored > T(0.5) ? floored + T(1) : floored;
}

enum class Rounding { None, Trunc, Floor };
Rounding rounding_of(const KernelArgs& args) {
  if (!args.has("rounding_mode")) return Rounding::None;
  const std::string& mode = args.string("rounding_mode");
  return mode == "trunc" ? Rounding::Trunc : Rounding::Floor;
}

HostTensor divide(const KernelArgs& args, Rounding rounding) {
  const std::string_view op = args.schema().name;
  const BinaryRule rule = rounding == Rounding::None ? kFloating : kArithmetic;
  const DType common = binary_common(args, rule);
  const HostTensor a = binary_operand(args, 0, common, rule);
  const HostTensor b = binary_operand(args, 1, common, rule);
  if (!is_floating_point(common)) require_nonzero(b, op);
  return visit_arithmetic(common, op, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (std::is_integral_v<T>) {
      if (rounding == Rounding::Trunc)
        return map_elements<T, T, T>(common, [](T x, T y) { return truncating_quotient(x, y); }, a, b);
      return map_elements<T, T, T>(common, [](T x, T y) { return floor_quotient(x, y); }, a, b);
    } else {
      if (rounding == Rounding::None) return map_elements<T, T, T>(common, [](T x, T y) { return x / y; }, a, b);
      if (rounding == Rounding::Trunc)
        return map_elements<T, T, T>(common, [](T x, T y) { return std::trunc(x / y); }, a, b);
      return map_elements<T, T, T>(common, [](T x, T y) { return floor_quotient_of_floats(x, y); }, a, b);
    }
  });
}

std::vector<OutputMeta> divide_mode_infer(const MetaArgs& args) {
  if (!args.has("rounding_mode")) return binary_infer(kFloating)(args);
  const std::string& mode = args.string("rounding_mode");
  if (mode != "trunc" && mode != "floor")
    fail("{}: rounding_mode must be None, 'trunc' or 'floor', got '{}'", args.schema().name, mode);
  return binary_infer(kArithmetic)(args);
}

void declare_quotients(OpRegistry& ops) {
  declare_binary(ops, {.overloads = {{"aten::div.Tensor(Tensor self, Tensor other) -> Tensor", "aten::div.out"},
                                     {"aten::div.Scalar(Tensor self, Scalar other) -> Tensor", "aten::div.Scalar_out"}},
                       .rule = kFloating,
                       .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                         return {divide(args, Rounding::None)};
                       }});
  for (const BinaryOverload& overload :
       {BinaryOverload{"aten::div.Tensor_mode(Tensor self, Tensor other, *, str? rounding_mode) -> Tensor",
                       "aten::div.out_mode"},
        BinaryOverload{"aten::div.Scalar_mode(Tensor self, Scalar other, *, str? rounding_mode) -> Tensor",
                       "aten::div.Scalar_mode_out"}}) {
    declare_with_inplace(ops, {.schema = overload.schema,
                               .infer = divide_mode_infer,
                               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                                 return {divide(args, rounding_of(args))};
                               },
                               .out_variant = overload.out,
                               .tags = Tag::Pointwise | Tag::Core});
  }
  const auto floor_divide = [](const KernelArgs& args) -> std::vector<HostTensor> {
    return {divide(args, Rounding::Floor)};
  };
  const auto decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
    const bool is_tensor = args["other"].is_tensor();
    return {builder.call(is_tensor ? "aten::div.Tensor_mode" : "aten::div.Scalar_mode",
                         {args.tensor("self"), args["other"]}, {{"rounding_mode", "floor"}})};
  };
  ops.declare({.schema = "aten::floor_divide(Tensor self, Tensor other) -> Tensor",
               .infer = binary_infer(kNoBool),
               .kernel = floor_divide,
               .out_variant = "aten::floor_divide.out",
               .tags = Tag::Pointwise,
               .decompose = decompose});
  declare_with_inplace(ops, {.schema = "aten::floor_divide.Scalar(Tensor self, Scalar other) -> Tensor",
                             .infer = binary_infer(kNoBool),
                             .kernel = floor_divide,
                             .tags = Tag::Pointwise,
                             .decompose = decompose});
  declare_inplace(ops, "aten::floor_divide_.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)",
                  binary_infer(kNoBool));
}

/// The sign of `remainder` follows the divisor, that of fmod the dividend.
HostTensor remainder_of(const KernelArgs& args, bool follows_divisor) {
  const std::string_view op = args.schema().name;
  const DType common = binary_common(args, kArithmetic);
  const HostTensor a = binary_operand(args, 0, common, kArithmetic);
  const HostTensor b = binary_operand(args, 1, common, kArithmetic);
  if (!is_floating_point(common)) require_nonzero(b, op);
  return visit_arithmetic(common, op, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (std::is_integral_v<T>) {
      return map_elements<T, T, T>(
          common,
          [follows_divisor](T x, T y) {
            const T rest = y == -1 ? 0 : x % y;
            return follows_divisor && rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
          },
          a, b);
    } else {
      return map_elements<T, T, T>(
          common,
          [follows_divisor](T x, T y) {
            const T rest = std::fmod(x, y);
            return follows_divisor && rest != T(0) && (rest < T(0)) != (y < T(0)) ? rest + y : rest;
          },
          a, b);
    }
  });
}

void declare_remainders(OpRegistry& ops) {
  declare_binary(
      ops, {.overloads = {{"aten::remainder.Tensor(Tensor self, Tensor other) -> Tensor", "aten::remainder.Tensor_out"},
                          {"aten::remainder.Scalar(Tensor self, Scalar other) -> Tensor", "aten::remainder.Scalar_out"},
                          {"aten::remainder.Scalar_Tensor(Scalar self, Tensor other) -> Tensor"}},
            .rule = kNoBool,
            .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> { return {remainder_of(args, true)}; }});
  declare_binary(
      ops, {.overloads = {{"aten::fmod.Tensor(Tensor self, Tensor other) -> Tensor", "aten::fmod.Tensor_out"},
                          {"aten::fmod.Scalar(Tensor self, Scalar other) -> Tensor", "aten::fmod.Scalar_out"}},
            .rule = kNoBool,
            .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> { return {remainder_of(args, false)}; }});
}

/// c10's powi; a negative exponent gives 0 but for bases 1 and -1.
inline int64_t integer_power(int64_t base, int64_t exponent) {
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 == 0 ? 1 : -1) : 0;
  uint64_t result = 1, factor = static_cast<uint64_t>(base);
  for (; exponent > 0; exponent >>= 1) {
    if (exponent & 1) result *= factor;
    factor *= factor;
  }
  return static_cast<int64_t>(result);
}

/// A constant exponent that plain arithmetic serves; the same cases that torch singles out.
template <class T>
std::optional<HostTensor> simple_power(DType dtype, const HostTensor& base, double exponent) {
  if (exponent == 2.0) return map_elements<T, T>(dtype, [](T x) { return x * x; }, base);
  if (exponent == 3.0) return map_elements<T, T>(dtype, [](T x) { return x * x * x; }, base);
  if (exponent == 0.5) return map_elements<T, T>(dtype, [](T x) { return std::sqrt(x); }, base);
  if (exponent == -0.5) return map_elements<T, T>(dtype, [](T x) { return T(1) / std::sqrt(x); }, base);
  if (exponent == -1.0) return map_elements<T, T>(dtype, [](T x) { return T(1) / x; }, base);
  if (exponent == -2.0) return map_elements<T, T>(dtype, [](T x) { return T(1) / (x * x); }, base);
  return std::nullopt;
}

std::vector<HostTensor> power_kernel(const KernelArgs& args) {
  const std::string_view op = args.schema().name;
  const DType common = binary_common(args, kArithmetic);
  const HostTensor base = binary_operand(args, 0, common, kArithmetic);
  const HostTensor exponent = binary_operand(args, 1, common, kArithmetic);
  const bool has_number = !args["exponent"].is_tensor();
  return {visit_arithmetic(common, op, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (std::is_integral_v<T>) {
      return map_elements<T, T, T>(common, [](T x, T y) { return integer_power(x, y); }, base, exponent);
    } else {
      if (has_number) {
        if (auto result = simple_power<T>(common, base, args.scalar("exponent").to_double())) return *result;
      }
      return map_elements<T, T, T>(common, [](T x, T y) { return std::pow(x, y); }, base, exponent);
    }
  })};
}

std::vector<OutputMeta> power_infer(const MetaArgs& args) {
  std::vector<OutputMeta> result = binary_infer(kArithmetic)(args);
  if (!args["exponent"].is_tensor() && !is_floating_point(result[0].tensor.dtype)) {
    const Scalar exponent = args.scalar("exponent");
    if (exponent.kind == Scalar::Kind::Int && less(exponent.integer, 0) == Truth::Yes) {
      fail("{}: integers to negative integer powers are not allowed", args.schema().name);
    }
  }
  return result;
}

void declare_powers(OpRegistry& ops) {
  const auto declare = [&](std::string_view schema, std::string_view out) {
    ops.declare({.schema = schema,
                 .infer = power_infer,
                 .kernel = power_kernel,
                 .out_variant = out,
                 .tags = Tag::Pointwise | Tag::Core});
  };
  declare("aten::pow.Tensor_Tensor(Tensor self, Tensor exponent) -> Tensor", "aten::pow.Tensor_Tensor_out");
  declare("aten::pow.Tensor_Scalar(Tensor self, Scalar exponent) -> Tensor", "aten::pow.Tensor_Scalar_out");
  declare("aten::pow.Scalar(Scalar self, Tensor exponent) -> Tensor", "aten::pow.Scalar_out");
  declare_inplace(ops, "aten::pow_.Scalar(Tensor(a!) self, Scalar exponent) -> Tensor(a!)", power_infer);
  declare_inplace(ops, "aten::pow_.Tensor(Tensor(a!) self, Tensor exponent) -> Tensor(a!)", power_infer);
}

void declare_extremes(OpRegistry& ops) {
  const auto larger = [](auto a, auto b) { return a > b || a != a ? a : b; };
  const auto smaller = [](auto a, auto b) { return a < b || a != a ? a : b; };
  const auto declare = [&](BinaryOverload overload, KernelFunction kernel, DecomposeFunction decompose) {
    const bool is_core = !overload.out.empty();
    ops.declare({.schema = overload.schema,
                 .infer = binary_infer(kRounded),
                 .kernel = std::move(kernel),
                 .out_variant = overload.out,
                 .tags = Tag::Pointwise | Tag::Commutative | (is_core ? Tag::Core : Tag::None),
                 .decompose = std::move(decompose)});
  };
  const auto as = [](std::string_view core) -> DecomposeFunction {
    return [core](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
      return {builder.call(core, {args.tensor("self"), args.tensor("other")})};
    };
  };
  const KernelFunction maximum = binary_kernel<BinaryResult::Common>(kRounded, larger);
  const KernelFunction minimum = binary_kernel<BinaryResult::Common>(kRounded, smaller);
  declare({"aten::maximum(Tensor self, Tensor other) -> Tensor", "aten::maximum.out"}, maximum, nullptr);
  declare({"aten::minimum(Tensor self, Tensor other) -> Tensor", "aten::minimum.out"}, minimum, nullptr);
  declare({"aten::max.other(Tensor self, Tensor other) -> Tensor"}, maximum, as("aten::maximum"));
  declare({"aten::min.other(Tensor self, Tensor other) -> Tensor"}, minimum, as("aten::minimum"));
  declare({"aten::fmax(Tensor self, Tensor other) -> Tensor"},
          binary_kernel<BinaryResult::Common>(kRounded, [](auto a, auto b) { return a >= b || b != b ? a : b; }),
          nullptr);
  declare({"aten::fmin(Tensor self, Tensor other) -> Tensor"},
          binary_kernel<BinaryResult::Common>(kRounded, [](auto a, auto b) { return a <= b || b != b ? a : b; }),
          nullptr);
}

/// atan2, hypot, logaddexp: floats only, or made so.
void declare_float_functions(OpRegistry& ops) {
  declare_binary(ops, {.overloads = {{"aten::atan2(Tensor self, Tensor other) -> Tensor", "aten::atan2.out"}},
                       .rule = kFloating,
                       .kernel = binary_kernel<BinaryResult::Floating>(
                           kFloating, [](auto a, auto b) { return std::atan2(a, b); })});
  declare_binary(ops, {.overloads = {{"aten::hypot(Tensor self, Tensor other) -> Tensor"}},
                       .rule = kArithmetic,
                       .kernel = binary_kernel<BinaryResult::Floating>(
                           kFloating, [](auto a, auto b) { return std::hypot(a, b); })});
  ops.declare({.schema = "aten::logaddexp(Tensor self, Tensor other) -> Tensor",
               .infer = binary_infer(kArithmetic),
               .kernel = binary_kernel<BinaryResult::Floating>(kFloating,
                                                               [](auto a, auto b) {
                                                                 if (std::isinf(a) && a == b) return a;
                                                                 const auto top = a > b || a != a ? a : b;
                                                                 return top + std::log1p(std::exp(-std::fabs(a - b)));
                                                               }),
               .tags = Tag::Pointwise | Tag::Commutative});
}

template <class F>
void declare_bitwise(OpRegistry& ops, const std::string& name, F function) {
  const std::string base = "aten::bitwise_" + name;
  const KernelFunction kernel = binary_kernel<BinaryResult::Common>(kBits, [function](auto a, auto b) {
    if constexpr (std::is_integral_v<decltype(a)>) {
      return function(a, b);
    } else {
      return a;  // never run: the dtype is checked before
    }
  });
  const auto decompose = [base](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
    if (!args["self"].is_tensor()) return {builder.call(base + ".Scalar", {args.tensor("other"), args["self"]})};
    return {builder.call(base + (args["other"].is_tensor() ? ".Tensor" : ".Scalar"), {args["self"], args["other"]})};
  };
  const std::string tensor = "(Tensor self, Tensor other) -> Tensor";
  const std::string scalar = "(Tensor self, Scalar other) -> Tensor";
  const std::string reversed = base + ".Scalar_Tensor(Scalar self, Tensor other) -> Tensor";
  declare_binary(ops, {.overloads = {{base + ".Tensor" + tensor, base + ".Tensor_out"},
                                     {base + ".Scalar" + scalar, base + ".Scalar_out"},
                                     {reversed}},
                       .rule = kBits,
                       .tags = Tag::Commutative,
                       .kernel = kernel,
                       .decompose = decompose});
  for (const std::string& arguments : {".Tensor" + tensor, ".Scalar" + scalar}) {
    ops.declare({.schema = "aten::__" + name + "__" + arguments,
                 .infer = binary_infer(kBits),
                 .kernel = kernel,
                 .tags = Tag::Pointwise | Tag::Commutative,
                 .decompose = decompose});
  }
}

template <class F>
void declare_logical(OpRegistry& ops, const std::string& name, F function) {
  const BinaryRule rule{.result = BinaryResult::Bool};
  declare_with_inplace(ops, {.schema = "aten::logical_" + name + "(Tensor self, Tensor other) -> Tensor",
                             .infer = binary_infer(rule),
                             .kernel = binary_kernel<BinaryResult::Bool>(
                                 rule, [function](auto a, auto b) { return function(a != 0, b != 0); }),
                             .out_variant = "aten::logical_" + name + ".out",
                             .tags = Tag::Pointwise | Tag::Core | Tag::Commutative});
}

/// Other names for the same ops.
void declare_aliases(OpRegistry& ops) {
  struct Alias {
    std::string_view schema, core;
    BinaryRule rule;
    KernelFunction kernel;
  };
  const KernelFunction quotient = [](const KernelArgs& args) -> std::vector<HostTensor> {
    return {divide(args, Rounding::None)};
  };
  const KernelFunction product =
      binary_kernel<BinaryResult::Common>(kArithmetic, [](auto a, auto b) { return multiply_values(a, b); });
  const KernelFunction difference = sum_kernel(kDifference, -1, false);
  for (const Alias& alias : {
           Alias{"aten::true_divide.Tensor(Tensor self, Tensor other) -> Tensor", "aten::div.Tensor", kFloating,
                 quotient},
           Alias{"aten::true_divide.Scalar(Tensor self, Scalar other) -> Tensor", "aten::div.Scalar", kFloating,
                 quotient},
           Alias{"aten::divide.Tensor(Tensor self, Tensor other) -> Tensor", "aten::div.Tensor", kFloating, quotient},
           Alias{"aten::divide.Scalar(Tensor self, Scalar other) -> Tensor", "aten::div.Scalar", kFloating, quotient},
           Alias{"aten::multiply.Tensor(Tensor self, Tensor other) -> Tensor", "aten::mul.Tensor", kArithmetic,
                 product},
           Alias{"aten::multiply.Scalar(Tensor self, Scalar other) -> Tensor", "aten::mul.Scalar", kArithmetic,
                 product},
           Alias{"aten::subtract.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", "aten::sub.Tensor",
                 kDifference, difference},
           Alias{"aten::subtract.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor", "aten::sub.Scalar",
                 kDifference, difference},
       }) {
    declare_with_inplace(
        ops, {.schema = alias.schema,
              .infer = binary_infer(alias.rule),
              .kernel = alias.kernel,
              .tags = Tag::Pointwise,
              .decompose = [core = alias.core](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                std::vector<Argument> arguments{args["self"], args["other"]};
                if (args.schema().arguments.size() == 2) return {builder.call(core, std::move(arguments))};
                return {builder.call(core, std::move(arguments), {{"alpha", args["alpha"]}})};
              }});
  }
}

}  // namespace

void declare_pointwise_binary_ops(OpRegistry& ops) {
  declare_sums(ops);
  declare_quotients(ops);
  declare_remainders(ops);
  declare_powers(ops);
  declare_extremes(ops);
  declare_float_functions(ops);
  declare_bitwise(ops, "and", [](int64_t a, int64_t b) { return a & b; });
  declare_bitwise(ops, "or", [](int64_t a, int64_t b) { return a | b; });
  declare_bitwise(ops, "xor", [](int64_t a, int64_t b) { return a ^ b; });
  declare_logical(ops, "and", [](bool a, bool b) { return a && b; });
  declare_logical(ops, "or", [](bool a, bool b) { return a || b; });
  declare_logical(ops, "xor", [](bool a, bool b) { return a != b; });
  declare_aliases(ops);
}

}  // namespace exformer
