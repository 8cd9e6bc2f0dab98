// Activation functions.
#include <cmath>
#include <numbers>

#include "exformer/ops/builder.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/float_functions.h"
#include "exformer/ops/pointwise_unary.h"

namespace exformer {
namespace {

constexpr UnaryResult kSame = UnaryResult::Same;
constexpr UnaryInput kFloat = UnaryInput::Floating;
constexpr UnaryForm kWithInplace = UnaryForm::WithInplace;

/// A kernel for floating inputs whose function is made from the arguments: make(args, T{}) returns it.
template <class Make>
KernelFunction float_kernel(Make make) {
  return [make](const KernelArgs& args) -> std::vector<HostTensor> {
    const HostTensor& self = args.tensor(args.schema().arguments[0].name);
    return {visit_floating(self.dtype(), args.schema().name, [&](auto zero) {
      using T = decltype(zero);
      return map_elements<T, T>(self.dtype(), make(args, zero), self);
    })};
  };
}

struct Activation {
  std::string_view schema;
  KernelFunction kernel;
  DecomposeFunction decompose = nullptr;
  std::string_view out = {};
  Tag tags = Tag::None;
  UnaryInput input = kFloat;
  InferFunction infer = nullptr;  // where a result does not keep the input's layout
};
void declare_activation(OpRegistry& ops, Activation activation, UnaryForm form = kWithInplace) {
  OpDeclaration declaration{.schema = activation.schema,
                            .infer = activation.infer ? activation.infer : unary_infer(kSame, activation.input),
                            .kernel = std::move(activation.kernel),
                            .out_variant = activation.out,
                            .tags = Tag::Pointwise | activation.tags,
                            .decompose = std::move(activation.decompose)};
  if (form == kWithInplace) {
    declare_with_inplace(ops, std::move(declaration));
  } else {
    ops.declare(std::move(declaration));
  }
}

KernelFunction gelu_kernel() {
  return [](const KernelArgs& args) -> std::vector<HostTensor> {
    const HostTensor& self = args.tensor("self");
    const bool is_tanh = args.string("approximate") == "tanh";
    return {visit_floating(self.dtype(), args.schema().name, [&](auto zero) {
      using T = decltype(zero);
      if (is_tanh) {
        const auto tanh_form = [](T x) {
          constexpr T kScale = T(std::numbers::sqrt2 * std::numbers::inv_sqrtpi);
          return T(0.5) * x * (T(1) + tanh_value(kScale * (x + T(0.044715) * x * x * x)));
        };
        return map_elements<T, T>(self.dtype(), tanh_form, self);
      }
      const auto exact = [](T x) { return T(0.5) * x * (T(1) + erf_value(x * T(1.0 / std::numbers::sqrt2))); };
      return map_elements<T, T>(self.dtype(), exact, self);
    })};
  };
}

std::vector<OutputMeta> gelu_infer(const MetaArgs& args) {
  const std::string& approximate = args.string("approximate");
  if (approximate != "none" && approximate != "tanh")
    fail("{}: approximate must be 'none' or 'tanh', got '{}'", args.schema().name, approximate);
  return unary_infer(kSame, kFloat)(args);
}

/// self clamped to constants.
DecomposeFunction decompose_clamped(double low, double high) {
  return [=](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
    return {builder.call("aten::hardtanh", {args.tensor("self"), low, high})};
  };
}

/// clamp(self + 3, 0, 6)
Value* build_hard_gate(GraphBuilder& builder, Value* self) {
  return builder.call("aten::clamp", {builder.call("aten::add.Scalar", {self, 3}), 0, 6});
}

void declare_common(OpRegistry& ops) {
  declare_activation(ops, {.schema = "aten::relu(Tensor self) -> Tensor",
                           .kernel = unary_kernel<kSame>([](auto x) { return x < 0 ? decltype(x)(0) : x; }),
                           .out = "aten::relu.out",
                           .tags = Tag::Core,
                           .input = UnaryInput::NotBool});
  declare_activation(ops, {.schema = "aten::silu(Tensor self) -> Tensor",
                           .kernel = float_kernel([](const KernelArgs&, auto zero) {
                             return [](decltype(zero) x) { return x * sigmoid_value(x); };
                           }),
                           .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                             Value* self = args.tensor("self");
                             return {builder.call("aten::mul.Tensor", {self, builder.call("aten::sigmoid", {self})})};
                           }});
  declare_with_inplace(ops, {.schema = "aten::gelu(Tensor self, *, str approximate='none') -> Tensor",
                             .infer = gelu_infer,
                             .kernel = gelu_kernel(),
                             .out_variant = "aten::gelu.out",
                             .tags = Tag::Pointwise | Tag::Core});
  declare_activation(ops, {.schema = "aten::leaky_relu(Tensor self, Scalar negative_slope=0.01) -> Tensor",
                           .kernel = float_kernel([](const KernelArgs& args, auto zero) {
                             using T = decltype(zero);
                             return [slope = T(args.real("negative_slope"))](T x) { return x > T(0) ? x : x * slope; };
                           }),
                           .out = "aten::leaky_relu.out",
                           .tags = Tag::Core});
  declare_activation(ops, {.schema = "aten::hardtanh(Tensor self, Scalar min_val=-1, Scalar max_val=1) -> Tensor",
                           .kernel = float_kernel([](const KernelArgs& args, auto zero) {
                             using T = decltype(zero);
                             return [low = T(args.real("min_val")), high = T(args.real("max_val"))](T x) {
                               return x < low ? low : x > high ? high : x;
                             };
                           }),
                           .out = "aten::hardtanh.out",
                           .tags = Tag::Core});
  declare_activation(ops, {.schema = "aten::relu6(Tensor self) -> Tensor",
                           .kernel = float_kernel([](const KernelArgs&, auto zero) {
                             using T = decltype(zero);
                             return [](T x) { return x < T(0) ? T(0) : x > T(6) ? T(6) : x; };
                           }),
                           .decompose = decompose_clamped(0, 6)});
}

void declare_hard_gates(OpRegistry& ops) {
  declare_activation(ops,
                     {.schema = "aten::hardsigmoid(Tensor self) -> Tensor",
                      .kernel = float_kernel([](const KernelArgs&, auto zero) {
                        using T = decltype(zero);
                        return [](T x) { return (x + T(3) < T(0) ? T(0) : x + T(3) > T(6) ? T(6) : x + T(3)) / T(6); };
                      }),
                      .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                        return {builder.call("aten::div.Scalar", {build_hard_gate(builder, args.tensor("self")), 6})};
                      }});
  declare_activation(ops, {.schema = "aten::hardswish(Tensor self) -> Tensor",
                           .kernel = float_kernel([](const KernelArgs&, auto zero) {
                             using T = decltype(zero);
                             return [](T x) {
                               return x * (x + T(3) < T(0) ? T(0) : x + T(3) > T(6) ? T(6) : x + T(3)) / T(6);
                             };
                           }),
                           .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                             Value* self = args.tensor("self");
                             Value* product = builder.call("aten::mul.Tensor", {self, build_hard_gate(builder, self)});
                             return {builder.call("aten::div.Scalar", {product, 6})};
                           }});
  const auto shrink = [](bool soft) {
    return float_kernel([soft](const KernelArgs& args, auto zero) {
      using T = decltype(zero);
      return [soft, limit = T(args.real("lambd"))](T x) {
        if (x != x) return x;
        if (x >= -limit && x <= limit) return T(0);
        return !soft ? x : x > limit ? x - limit : x + limit;
      };
    });
  };
  declare_activation(ops,
                     {.schema = "aten::hardshrink(Tensor self, Scalar lambd=0.5) -> Tensor", .kernel = shrink(false)},
                     UnaryForm::Functional);
  declare_activation(ops,
                     {.schema = "aten::softshrink(Tensor self, Scalar lambd=0.5) -> Tensor", .kernel = shrink(true)},
                     UnaryForm::Functional);
  declare_activation(ops, {.schema = "aten::threshold(Tensor self, Scalar threshold, Scalar value) -> Tensor",
                           .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                             const HostTensor& self = args.tensor("self");
                             return {visit_arithmetic(self.dtype(), args.schema().name, [&](auto zero) {
                               using T = decltype(zero);
                               return map_elements<T, T>(
                                   self.dtype(),
                                   [limit = T(args.real("threshold")), value = T(args.real("value"))](T x) {
                                     return x <= limit ? value : x;
                                   },
                                   self);
                             })};
                           },
                           .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                             Value* self = args.tensor("self");
                             Value* low = builder.call("aten::le.Scalar", {self, args["threshold"]});
                             return {builder.call("aten::masked_fill.Scalar", {self, low, args["value"]})};
                           },
                           .input = UnaryInput::NotBool});
}

/// scale * (x > 0 ? x : alpha * (e^(input_scale * x) - 1))
template <class T>
auto elu_function(double alpha, double scale, double input_scale) {
  return [negative = T(alpha * scale), positive = T(scale), inner = T(input_scale)](T x) {
    return x > T(0) ? x * positive : std::expm1(x * inner) * negative;
  };
}

constexpr double kSeluAlpha = 1.6732632423543772848170429916717;
constexpr double kSeluScale = 1.0507009873554804934193349852946;

void declare_exponential(OpRegistry& ops) {
  declare_activation(
      ops, {.schema = "aten::elu(Tensor self, Scalar alpha=1, Scalar scale=1, Scalar input_scale=1) -> Tensor",
            .kernel = float_kernel([](const KernelArgs& args, auto zero) {
              return elu_function<decltype(zero)>(args.real("alpha"), args.real("scale"), args.real("input_scale"));
            }),
            .out = "aten::elu.out",
            .tags = Tag::Core});
  declare_activation(ops, {.schema = "aten::selu(Tensor self) -> Tensor",
                           .kernel = float_kernel([](const KernelArgs&, auto zero) {
                             return elu_function<decltype(zero)>(kSeluAlpha, kSeluScale, 1.0);
                           }),
                           .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                             return {builder.call("aten::elu", {args.tensor("self"), kSeluAlpha, kSeluScale})};
                           }});
  declare_activation(
      ops, {.schema = "aten::celu(Tensor self, Scalar alpha=1.) -> Tensor",
            .kernel = float_kernel([](const KernelArgs& args, auto zero) {
              const double alpha = args.real("alpha");
              return elu_function<decltype(zero)>(alpha, 1.0, 1.0 / alpha);
            }),
            .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
              return {builder.call("aten::elu", {args.tensor("self"), args["alpha"], 1, 1.0 / args.real("alpha")})};
            }});
  declare_activation(ops,
                     {.schema = "aten::softplus(Tensor self, Scalar beta=1, Scalar threshold=20) -> Tensor",
                      .kernel = float_kernel([](const KernelArgs& args, auto zero) {
                        using T = decltype(zero);
                        return [beta = T(args.real("beta")), limit = T(args.real("threshold"))](T x) {
                          return x * beta > limit ? x : std::log1p(std::exp(x * beta)) / beta;
                        };
                      }),
                      .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                        Value* self = args.tensor("self");
                        Value* scaled = builder.call("aten::mul.Scalar", {self, args["beta"]});
                        Value* soft = builder.call("aten::log1p", {builder.call("aten::exp", {scaled})});
                        Value* linear = builder.call("aten::gt.Scalar", {scaled, args["threshold"]});
                        return {builder.call("aten::where.self",
                                             {linear, self, builder.call("aten::div.Scalar", {soft, args["beta"]})})};
                      }},
                     UnaryForm::Functional);
  declare_activation(
      ops, {.schema = "aten::mish(Tensor self) -> Tensor",
            .kernel = float_kernel([](const KernelArgs&, auto zero) {
              using T = decltype(zero);
              return [](T x) { return x * tanh_value(softplus_value(x)); };
            }),
            .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
              Value* self = args.tensor("self");
              return {builder.call("aten::mul.Tensor",
                                   {self, builder.call("aten::tanh", {builder.call("aten::softplus", {self})})})};
            }});
  declare_activation(ops,
                     {.schema = "aten::log_sigmoid(Tensor self) -> Tensor",
                      .kernel = float_kernel([](const KernelArgs&, auto zero) {
                        using T = decltype(zero);
                        return [](T x) { return (x < T(0) ? x : T(0)) - std::log1p(exp_value(-std::fabs(x))); };
                      }),
                      .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                        // min(x, 0) - log1p(e^-|x|)
                        Value* self = args.tensor("self");
                        Value* low = builder.call("aten::clamp", {self, None{}, 0});
                        Value* size = builder.call("aten::neg", {builder.call("aten::abs", {self})});
                        return {builder.call("aten::sub.Tensor",
                                             {low, builder.call("aten::log1p", {builder.call("aten::exp", {size})})})};
                      },
                      .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                        const TensorMeta& self = *args.tensor("self");
                        check_unary_input(self.dtype, kFloat, args.schema().name);
                        return {contiguous_meta(self.dtype, self.sizes)};
                      }},
                     UnaryForm::Functional);
}

// prelu and glu
// -----------------------------------------------------------------------------------------------------------------------

/// The weight as it broadcasts: one number, or one per channel (dim 1).
std::vector<SymInt> prelu_weight_sizes(int64_t rank) {
  std::vector<SymInt> sizes(static_cast<size_t>(std::max<int64_t>(rank, 1)), SymInt(1));
  sizes[rank > 1 ? 1 : 0] = -1;
  return sizes;
}

std::vector<HostTensor> prelu_kernel(const KernelArgs& args) {
  const HostTensor& self = args.tensor("self");
  HostTensor weight = args.tensor("weight");
  if (args.schema().name == "aten::prelu" && weight.rank() == 1) {
    if (weight.element_count() == 1) {
      weight = weight.as_strided({}, {}, 0);
    } else {
      std::vector<int64_t> sizes(static_cast<size_t>(self.rank()), 1);
      sizes[self.rank() > 1 ? 1 : 0] = weight.element_count();
      weight = weight.contiguous().reshaped(sizes);
    }
  }
  return {visit_floating(self.dtype(), args.schema().name, [&](auto zero) {
    using T = decltype(zero);
    return map_elements<T, T, T>(self.dtype(), [](T x, T w) { return x > T(0) ? x : x * w; }, self, weight);
  })};
}

void check_prelu(const MetaArgs& args) {
  const TensorMeta& self = *args.tensor("self");
  const TensorMeta& weight = *args.tensor("weight");
  check_unary_input(self.dtype, kFloat, args.schema().name);
  if (self.dtype != weight.dtype)
    fail("{}: dtypes {} and {} differ", args.schema().name, dtype_name(self.dtype), dtype_name(weight.dtype));
}

void declare_prelu(OpRegistry& ops) {
  ops.declare(
      {.schema = "aten::prelu(Tensor self, Tensor weight) -> Tensor",
       .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
         check_prelu(args);
         const TensorMeta* self = args.tensor("self");
         const TensorMeta& weight = *args.tensor("weight");
         if (weight.rank() > 1)
           fail("{}: the weight must have at most one dim, got {}", args.schema().name, weight.rank());
         return {pointwise_meta(std::span(&self, 1), self->dtype, args.schema().name)};
       },
       .kernel = prelu_kernel,
       .tags = Tag::Pointwise,
       .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
         Value* self = args.tensor("self");
         Value* weight = args.tensor("weight");
         if (weight->meta.rank() == 1)
           weight = builder.call("aten::view", {weight, prelu_weight_sizes(self->meta.rank())});
         Value* positive = builder.call("aten::gt.Scalar", {self, 0});
         return {builder.call("aten::where.self", {positive, self, builder.call("aten::mul.Tensor", {weight, self})})};
       }});
  ops.declare({.schema = "aten::_prelu_kernel(Tensor self, Tensor weight) -> Tensor",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 check_prelu(args);
                 const TensorMeta* inputs[] = {args.tensor("self"), args.tensor("weight")};
                 return {pointwise_meta(inputs, inputs[0]->dtype, args.schema().name)};
               },
               .kernel = prelu_kernel,
               .tags = Tag::Pointwise,
               .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                 Value* self = args.tensor("self");
                 Value* product = builder.call("aten::mul.Tensor", {args.tensor("weight"), self});
                 return {builder.call("aten::where.self", {builder.call("aten::gt.Scalar", {self, 0}), self, product})};
               }});
}

void declare_glu(OpRegistry& ops) {
  ops.declare({.schema = "aten::glu(Tensor self, int dim=-1) -> Tensor",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const TensorMeta& self = *args.tensor("self");
                 check_unary_input(self.dtype, kFloat, args.schema().name);
                 if (self.rank() == 0) fail("{}: 0-d tensors are not supported", args.schema().name);
                 const int64_t dim = wrap_dim(args.integer("dim"), self.rank(), args.schema().name);
                 if (known_divisor(self.sizes[dim]) % 2 != 0)
                   fail("{}: the size of dimension {} must be even", args.schema().name, dim);
                 TensorMeta half = self;  // keeps the order of the strides
                 half.sizes[dim] = floordiv(self.sizes[dim], 2);
                 const TensorMeta* input = &half;
                 return {pointwise_meta(std::span(&input, 1), self.dtype, args.schema().name)};
               },
               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                 const HostTensor& self = args.tensor("self");
                 const int64_t dim = wrap_dim(args.integer("dim"), self.rank(), args.schema().name);
                 std::vector<int64_t> sizes = self.sizes();
                 sizes[dim] /= 2;
                 const HostTensor value = self.as_strided(sizes, self.strides(), 0);
                 const HostTensor gate = self.as_strided(sizes, self.strides(), sizes[dim] * self.strides()[dim]);
                 return {visit_floating(self.dtype(), args.schema().name, [&](auto zero) {
                   using T = decltype(zero);
                   return map_elements<T, T, T>(
                       self.dtype(), [](T x, T g) { return x * sigmoid_value(g); }, value, gate);
                 })};
               },
               .out_variant = "aten::glu.out",
               .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                 Value* self = args.tensor("self");
                 const int64_t dim = wrap_dim(args.integer("dim"), self->meta.rank(), args.schema().name);
                 const SymInt half = floordiv(self->meta.sizes[dim], 2);
                 Value* value = builder.call("aten::slice.Tensor", {self, dim, 0, half});
                 Value* gate = builder.call("aten::slice.Tensor", {self, dim, half, self->meta.sizes[dim]});
                 return {builder.call("aten::mul.Tensor", {value, builder.call("aten::sigmoid", {gate})})};
               }});
}

}  // namespace

void declare_activation_ops(OpRegistry& ops) {
  declare_common(ops);
  declare_hard_gates(ops);
  declare_exponential(ops);
  declare_prelu(ops);
  declare_glu(ops);
}

}  // namespace exformer
