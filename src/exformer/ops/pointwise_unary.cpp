// Ops of one tensor, element by element: arithmetic, powers and logarithms, trigonometry, rounding, tests.
#include "exformer/ops/pointwise_unary.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "exformer/ops/builder.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/float_functions.h"

namespace exformer {

void check_unary_input(DType dtype, UnaryInput input, std::string_view op) {
  const bool is_accepted = input == UnaryInput::Any || (input == UnaryInput::NotBool && dtype != DType::Bool) ||
                           (input == UnaryInput::Integral && (is_integer(dtype) || dtype == DType::Bool)) ||
                           (input == UnaryInput::Floating && is_floating_point(dtype));
  if (is_accepted) return;
  constexpr std::string_view kExpected[] = {"any dtype", "a dtype other than bool", "an integer dtype or bool",
                                            "a floating dtype"};
  fail("{}: expected {}, got {}", op, kExpected[static_cast<int>(input)], dtype_name(dtype));
}

DType unary_dtype(DType self, UnaryResult result) {
  if (result == UnaryResult::Bool) return DType::Bool;
  return result == UnaryResult::Floating ? to_floating(self) : self;
}

InferFunction unary_infer(UnaryResult result, UnaryInput input) {
  return [result, input](const MetaArgs& args) -> std::vector<OutputMeta> {
    const TensorMeta* self = args.tensor(args.schema().arguments[0].name);
    check_unary_input(self->dtype, input, args.schema().name);
    return {pointwise_meta(std::span(&self, 1), unary_dtype(self->dtype, result), args.schema().name)};
  };
}

void declare_unary(OpRegistry& ops, UnaryOp op) {
  const std::string schema = "aten::" + std::string(op.name) + "(Tensor self) -> Tensor";
  const std::string out = "aten::" + std::string(op.name) + ".out";
  OpDeclaration declaration{.schema = schema,
                            .infer = unary_infer(op.result, op.input),
                            .kernel = std::move(op.kernel),
                            .out_variant = has_tag(op.tags, Tag::Core) ? std::string_view(out) : std::string_view(),
                            .tags = Tag::Pointwise | op.tags,
                            .decompose = std::move(op.decompose)};
  if (op.form == UnaryForm::WithInplace) {
    declare_with_inplace(ops, std::move(declaration));
  } else {
    ops.declare(std::move(declaration));
  }
}

namespace {

constexpr UnaryResult kSame = UnaryResult::Same;
constexpr UnaryResult kFloating = UnaryResult::Floating;
constexpr UnaryResult kBool = UnaryResult::Bool;
constexpr UnaryForm kWithInplace = UnaryForm::WithInplace;

template <class T>
constexpr bool kIsFloat = std::is_floating_point_v<T>;

/// Applies a function of floats; integers pass unchanged.
template <class F>
KernelFunction rounding_kernel(F function) {
  return unary_kernel<kSame>([function](auto x) {
    if constexpr (kIsFloat<decltype(x)>) {
      return function(x);
    } else {
      return x;
    }
  });
}

/// Tests that no integer passes.
template <class F>
KernelFunction float_test_kernel(F function) {
  return unary_kernel<kBool>([function](auto x) -> bool {
    if constexpr (kIsFloat<decltype(x)>) {
      return function(x);
    } else {
      return false;
    }
  });
}

void declare_arithmetic(OpRegistry& ops) {
  const auto declare = [&](std::string_view name, UnaryInput input, Tag tags, KernelFunction kernel) {
    declare_unary(ops, {name, kSame, input, kWithInplace, tags, std::move(kernel)});
  };
  declare("abs", UnaryInput::NotBool, Tag::Core, unary_kernel<kSame>([](auto x) {
            if constexpr (kIsFloat<decltype(x)>) {
              return std::fabs(x);
            } else {
              return x < 0 ? static_cast<int64_t>(-static_cast<uint64_t>(x)) : x;
            }
          }));
  declare("neg", UnaryInput::NotBool, Tag::Core, unary_kernel<kSame>([](auto x) {
            if constexpr (kIsFloat<decltype(x)>) {
              return -x;
            } else {
              return static_cast<int64_t>(-static_cast<uint64_t>(x));
            }
          }));
  const auto sign = [](auto x) { return static_cast<decltype(x)>((x > 0) - (x < 0)); };
  declare("sign", UnaryInput::Any, Tag::Core, unary_kernel<kSame>(sign));
  declare("sgn", UnaryInput::Any, Tag::None, unary_kernel<kSame>(sign));
  declare("floor", UnaryInput::NotBool, Tag::Core, rounding_kernel([](auto x) { return std::floor(x); }));
  declare("ceil", UnaryInput::NotBool, Tag::Core, rounding_kernel([](auto x) { return std::ceil(x); }));
  declare("round", UnaryInput::NotBool, Tag::Core, rounding_kernel([](auto x) { return std::nearbyint(x); }));
  declare("trunc", UnaryInput::NotBool, Tag::Core, rounding_kernel([](auto x) { return std::trunc(x); }));
  declare("frac", UnaryInput::Floating, Tag::None, rounding_kernel([](auto x) { return x - std::trunc(x); }));
}

void declare_powers(OpRegistry& ops) {
  const auto declare = [&](std::string_view name, Tag tags, KernelFunction kernel) {
    declare_unary(ops, {name, kFloating, UnaryInput::Any, kWithInplace, tags, std::move(kernel)});
  };
  declare("exp", Tag::Core, unary_kernel<kFloating>([](auto x) { return exp_value(x); }));
  declare("exp2", Tag::None, unary_kernel<kFloating>([](auto x) { return std::exp2(x); }));
  declare("expm1", Tag::Core, unary_kernel<kFloating>([](auto x) { return std::expm1(x); }));
  declare("log", Tag::Core, unary_kernel<kFloating>([](auto x) { return std::log(x); }));
  declare("log2", Tag::Core, unary_kernel<kFloating>([](auto x) { return std::log2(x); }));
  declare("log10", Tag::Core, unary_kernel<kFloating>([](auto x) { return std::log10(x); }));
  declare("log1p", Tag::Core, unary_kernel<kFloating>([](auto x) { return std::log1p(x); }));
  declare("sqrt", Tag::Core, unary_kernel<kFloating>([](auto x) { return std::sqrt(x); }));
  declare("rsqrt", Tag::Core, unary_kernel<kFloating>([](auto x) { return decltype(x)(1) / std::sqrt(x); }));
  declare("reciprocal", Tag::Core, unary_kernel<kFloating>([](auto x) { return decltype(x)(1) / x; }));
  declare("sigmoid", Tag::Core, unary_kernel<kFloating>([](auto x) { return sigmoid_value(x); }));
  declare("erf", Tag::Core, unary_kernel<kFloating>([](auto x) { return erf_value(x); }));
  declare("erfc", Tag::None, unary_kernel<kFloating>([](auto x) { return std::erfc(x); }));
}

void declare_trigonometry(OpRegistry& ops) {
  const auto declare = [&](std::string_view name, Tag tags, KernelFunction kernel) {
    declare_unary(ops, {name, kFloating, UnaryInput::Any, kWithInplace, tags, std::move(kernel)});
  };
  declare("sin", Tag::Core, unary_kernel<kFloating>([](auto x) { return std::sin(x); }));
  declare("cos", Tag::Core, unary_kernel<kFloating>([](auto x) { return std::cos(x); }));
  declare("tan", Tag::Core, unary_kernel<kFloating>([](auto x) { return std::tan(x); }));
  declare("asin", Tag::Core, unary_kernel<kFloating>([](auto x) { return std::asin(x); }));
  declare("acos", Tag::Core, unary_kernel<kFloating>([](auto x) { return std::acos(x); }));
  declare("atan", Tag::Core, unary_kernel<kFloating>([](auto x) { return std::atan(x); }));
  declare("sinh", Tag::Core, unary_kernel<kFloating>([](auto x) { return std::sinh(x); }));
  declare("cosh", Tag::Core, unary_kernel<kFloating>([](auto x) { return std::cosh(x); }));
  declare("tanh", Tag::Core, unary_kernel<kFloating>([](auto x) { return tanh_value(x); }));
  declare("asinh", Tag::Core, unary_kernel<kFloating>([](auto x) { return std::asinh(x); }));
  declare("acosh", Tag::Core, unary_kernel<kFloating>([](auto x) { return std::acosh(x); }));
  declare("atanh", Tag::Core, unary_kernel<kFloating>([](auto x) { return std::atanh(x); }));
  declare("deg2rad", Tag::None,
          unary_kernel<kFloating>([](auto x) { return x * decltype(x)(std::numbers::pi / 180.0); }));
}

void declare_tests(OpRegistry& ops) {
  const auto declare = [&](std::string_view name, UnaryForm form, Tag tags, KernelFunction kernel) {
    declare_unary(ops, {name, kBool, UnaryInput::Any, form, tags, std::move(kernel)});
  };
  declare("isnan", UnaryForm::Functional, Tag::Core, float_test_kernel([](auto x) { return std::isnan(x); }));
  declare("isinf", UnaryForm::Functional, Tag::Core, float_test_kernel([](auto x) { return std::isinf(x); }));
  declare("isposinf", UnaryForm::Functional, Tag::None,
          float_test_kernel([](auto x) { return std::isinf(x) && x > 0; }));
  declare("isneginf", UnaryForm::Functional, Tag::None,
          float_test_kernel([](auto x) { return std::isinf(x) && x < 0; }));
  declare("isfinite", UnaryForm::Functional, Tag::None, unary_kernel<kBool>([](auto x) -> bool {
            if constexpr (kIsFloat<decltype(x)>) {
              return std::isfinite(x);
            } else {
              return true;
            }
          }));
  declare("logical_not", kWithInplace, Tag::Core, unary_kernel<kBool>([](auto x) { return x == 0; }));
  declare("signbit", UnaryForm::Functional, Tag::None, unary_kernel<kBool>([](auto x) -> bool {
            if constexpr (kIsFloat<decltype(x)>) {
              return std::signbit(x);
            } else {
              return x < 0;
            }
          }));
}

std::vector<HostTensor> bitwise_not_kernel(const KernelArgs& args) {
  const HostTensor& self = args.tensor("self");
  if (self.dtype() == DType::Bool)
    return {map_elements<uint8_t, uint8_t>(DType::Bool, [](uint8_t x) { return x == 0; }, self)};
  return {map_elements<int64_t, int64_t>(self.dtype(), [](int64_t x) { return ~x; }, self)};
}

/// pow(self, 2): bool gives int64, as the promotion with the number 2 has it.
void declare_square(OpRegistry& ops) {
  declare_with_inplace(ops, {.schema = "aten::square(Tensor self) -> Tensor",
                             .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                               const TensorMeta* self = args.tensor("self");
                               const DType dtype = self->dtype == DType::Bool ? DType::Int64 : self->dtype;
                               return {pointwise_meta(std::span(&self, 1), dtype, args.schema().name)};
                             },
                             .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                               const HostTensor& self = args.tensor("self");
                               const DType dtype = self.dtype() == DType::Bool ? DType::Int64 : self.dtype();
                               return {visit_arithmetic(dtype, args.schema().name, [&](auto zero) {
                                 using T = decltype(zero);
                                 return map_elements<T, T>(dtype, [](T x) { return x * x; }, self);
                               })};
                             },
                             .tags = Tag::Pointwise,
                             .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                               return {builder.call("aten::pow.Tensor_Scalar", {args.tensor("self"), 2})};
                             }});
}

/// The finite limits of a floating dtype, as double.
double largest(DType dtype) {
  switch (dtype) {
    case DType::Float16: return 65504.0;
    case DType::BFloat16: return 3.3895313892515355e38;
    case DType::Float64: return std::numeric_limits<double>::max();
    default: return std::numeric_limits<float>::max();
  }
}

std::vector<HostTensor> nan_to_num_kernel(const KernelArgs& args) {
  const HostTensor& self = args.tensor("self");
  if (!is_floating_point(self.dtype())) return {self.contiguous()};
  const double nan = args.optional_real("nan").value_or(0.0);
  const double high = args.optional_real("posinf").value_or(largest(self.dtype()));
  const double low = args.optional_real("neginf").value_or(-largest(self.dtype()));
  return {visit_floating(self.dtype(), args.schema().name, [&](auto zero) {
    using T = decltype(zero);
    constexpr T kInfinity = std::numeric_limits<T>::infinity();
    return map_elements<T, T>(
        self.dtype(),
        [nan = T(nan), high = T(high), low = T(low)](T x) {
          return x != x ? nan : x == kInfinity ? high : x == -kInfinity ? low : x;
        },
        self);
  })};
}

std::vector<HostTensor> round_decimals_kernel(const KernelArgs& args) {
  const HostTensor& self = args.tensor("self");
  const int64_t decimals = args.integer("decimals");
  const double scale = std::pow(10.0, static_cast<double>(std::abs(decimals)));
  return {visit_floating(self.dtype(), args.schema().name, [&](auto zero) {
    using T = decltype(zero);
    return map_elements<T, T>(
        self.dtype(),
        [scale = T(scale), decimals](T x) {
          return decimals < 0 ? std::nearbyint(x / scale) * scale : std::nearbyint(x * scale) / scale;
        },
        self);
  })};
}

std::vector<HostTensor> logit_kernel(const KernelArgs& args) {
  const HostTensor& self = args.tensor("self");
  const DType dtype = to_floating(self.dtype());
  const double eps = args.optional_real("eps").value_or(-1.0);
  return {visit_floating(dtype, args.schema().name, [&](auto zero) {
    using T = decltype(zero);
    return map_elements<T, T>(
        dtype,
        [eps = T(eps)](T x) {
          const T limited = eps < 0 ? x : (x < eps ? eps : (x > T(1) - eps ? T(1) - eps : x));
          return std::log(limited / (T(1) - limited));
        },
        self);
  })};
}

}  // namespace

void declare_pointwise_unary_ops(OpRegistry& ops) {
  declare_arithmetic(ops);
  declare_powers(ops);
  declare_trigonometry(ops);
  declare_tests(ops);
  declare_square(ops);
  declare_unary(ops, {"bitwise_not", kSame, UnaryInput::Integral, kWithInplace, Tag::Core, bitwise_not_kernel});
  declare_with_inplace(
      ops,
      {.schema = "aten::nan_to_num(Tensor self, float? nan=None, float? posinf=None, float? neginf=None) -> Tensor",
       .infer = unary_infer(kSame, UnaryInput::Any),
       .kernel = nan_to_num_kernel,
       .tags = Tag::Pointwise});
  declare_with_inplace(ops, {.schema = "aten::round.decimals(Tensor self, *, int decimals) -> Tensor",
                             .infer = unary_infer(kSame, UnaryInput::Floating),
                             .kernel = round_decimals_kernel,
                             .tags = Tag::Pointwise});
  declare_with_inplace(ops, {.schema = "aten::logit(Tensor self, float? eps=None) -> Tensor",
                             .infer = unary_infer(kFloating, UnaryInput::Any),
                             .kernel = logit_kernel,
                             .tags = Tag::Pointwise});
}

}  // namespace exformer
