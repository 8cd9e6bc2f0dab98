// Pointwise ops of three operands: where, masked_fill, clamp, lerp, addcmul, addcdiv.
#include <algorithm>
#include <cmath>

#include "exformer/ops/builder.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/pointwise_binary.h"

namespace exformer {
namespace {

void check_mask(DType dtype, std::string_view argument, std::string_view op) {
  if (dtype != DType::Bool) fail("{}: '{}' must be bool, got {}", op, argument, dtype_name(dtype));
}

// where
// -----------------------------------------------------------------------------------------------------------------------------

constexpr std::string_view kBranches[] = {"self", "other"};
constexpr std::string_view kWhereOperands[] = {"condition", "self", "other"};

std::vector<OutputMeta> where_infer(const MetaArgs& args) {
  const DType condition = args.tensor("condition")->dtype;
  if (condition != DType::UInt8) check_mask(condition, "condition", args.schema().name);
  return {pointwise_result(args, kWhereOperands, common_dtype(args, kBranches))};
}

std::vector<HostTensor> where_kernel(const KernelArgs& args) {
  const DType common = common_dtype(args, kBranches);
  const HostTensor condition = args.tensor("condition").to(DType::Bool);
  const HostTensor self = operand(args, "self", common, ScalarRounding::ToCommon);
  const HostTensor other = operand(args, "other", common, ScalarRounding::ToCommon);
  return {visit_arithmetic(common, args.schema().name, [&](auto zero) {
    using T = decltype(zero);
    return map_elements<T, uint8_t, T, T>(
        common, [](uint8_t chosen, T a, T b) { return chosen != 0 ? a : b; }, condition, self, other);
  })};
}

std::vector<Value*> decompose_where(GraphBuilder& builder, const ValueArgs& args) {
  Promotion promotion;
  for (const std::string_view name : kBranches) {
    args[name].is_tensor() ? promotion.add(args.tensor(name)->meta) : promotion.add(args.scalar(name));
  }
  const auto branch = [&](std::string_view name) -> Value* {
    if (args[name].is_tensor()) return args.tensor(name);
    return builder.call("aten::scalar_tensor", {args[name]}, {{"dtype", promotion.result()}});
  };
  return {builder.call("aten::where.self", {args.tensor("condition"), branch("self"), branch("other")})};
}

void declare_where(OpRegistry& ops) {
  ops.declare({.schema = "aten::where.self(Tensor condition, Tensor self, Tensor other) -> Tensor",
               .infer = where_infer,
               .kernel = where_kernel,
               .out_variant = "aten::where.self_out",
               .tags = Tag::Pointwise | Tag::Core});
  for (const std::string_view schema :
       {"aten::where.ScalarOther(Tensor condition, Tensor self, Scalar other) -> Tensor",
        "aten::where.ScalarSelf(Tensor condition, Scalar self, Tensor other) -> Tensor",
        "aten::where.Scalar(Tensor condition, Scalar self, Scalar other) -> Tensor"}) {
    ops.declare({.schema = schema,
                 .infer = where_infer,
                 .kernel = where_kernel,
                 .tags = Tag::Pointwise,
                 .decompose = decompose_where});
  }
}

// masked_fill
// -----------------------------------------------------------------------------------------------------------------------

std::vector<OutputMeta> masked_fill_infer(const MetaArgs& args) {
  const TensorMeta& self = *args.tensor("self");
  const TensorMeta& mask = *args.tensor("mask");
  check_mask(mask.dtype, "mask", args.schema().name);
  if (args["value"].is_tensor() && args.tensor("value")->rank() != 0)
    fail("{}: 'value' must be a 0-d tensor", args.schema().name);
  // The out-of-place form writes into a contiguous clone of the expanded input.
  return {contiguous_meta(self.dtype, broadcast_sizes(self.sizes, mask.sizes, args.schema().name))};
}

std::vector<HostTensor> masked_fill_kernel(const KernelArgs& args) {
  const HostTensor& self = args.tensor("self");
  const HostTensor value = operand(args, "value", self.dtype(), ScalarRounding::ToCommon);
  return {visit_arithmetic(self.dtype(), args.schema().name, [&](auto zero) {
    using T = decltype(zero);
    return map_elements<T, T, uint8_t, T>(
        self.dtype(), [](T x, uint8_t chosen, T fill) { return chosen != 0 ? fill : x; }, self, args.tensor("mask"),
        value);
  })};
}

/// where(mask, value, self), the value in the dtype of self.
std::vector<Value*> decompose_masked_fill(GraphBuilder& builder, const ValueArgs& args) {
  Value* self = args.tensor("self");
  const DType dtype = self->meta.dtype;
  Value* value;
  if (args["value"].is_tensor()) {
    value = args.tensor("value");
    if (value->meta.dtype != dtype) value = builder.call("aten::_to_copy", {value}, {{"dtype", dtype}});
  } else {
    value = builder.call("aten::scalar_tensor", {args["value"]}, {{"dtype", dtype}});
  }
  return {builder.call("aten::where.self", {args.tensor("mask"), value, self})};
}

void declare_masked_fill(OpRegistry& ops) {
  declare_with_inplace(ops, {.schema = "aten::masked_fill.Scalar(Tensor self, Tensor mask, Scalar value) -> Tensor",
                             .infer = masked_fill_infer,
                             .kernel = masked_fill_kernel,
                             .out_variant = "aten::masked_fill.Scalar_out",
                             .tags = Tag::Pointwise,
                             .decompose = decompose_masked_fill});
  declare_with_inplace(ops, {.schema = "aten::masked_fill.Tensor(Tensor self, Tensor mask, Tensor value) -> Tensor",
                             .infer = masked_fill_infer,
                             .kernel = masked_fill_kernel,
                             .tags = Tag::Pointwise,
                             .decompose = decompose_masked_fill});
}

// clamp
// -----------------------------------------------------------------------------------------------------------------------------

/// The bounds among the arguments of an overload: clamp has both, clamp_min and clamp_max one.
std::vector<std::string_view> clamp_operands(const OpSchema& schema) {
  std::vector<std::string_view> names;
  for (const SchemaArgument& argument : schema.arguments) names.push_back(argument.name);
  return names;
}

std::vector<OutputMeta> clamp_infer(const MetaArgs& args) {
  const auto names = clamp_operands(args.schema());
  if (names.size() == 3 && !args.has("min") && !args.has("max"))
    fail("{}: at least one of 'min' and 'max' must be given", args.schema().name);
  return {pointwise_result(args, names, common_dtype(args, names))};
}

std::vector<HostTensor> clamp_kernel(const KernelArgs& args) {
  const auto names = clamp_operands(args.schema());
  const DType common = common_dtype(args, names);
  const auto bound = [&](std::string_view name) -> HostTensor {
    const bool is_given = std::find(names.begin(), names.end(), name) != names.end() && args.has(name);
    return is_given ? operand(args, name, common, ScalarRounding::ToCommon) : HostTensor();
  };
  const HostTensor low = bound("min");
  const HostTensor high = bound("max");
  const HostTensor self = operand(args, "self", common, ScalarRounding::Keep);
  return {visit_arithmetic(common, args.schema().name, [&](auto zero) {
    using T = decltype(zero);
    // A NaN on either side stays.
    const auto raise = [](T x, T floor) { return x < floor || floor != floor ? floor : x; };
    const auto lower = [](T x, T ceiling) { return x > ceiling || ceiling != ceiling ? ceiling : x; };
    if (!high.defined()) return map_elements<T, T, T>(common, raise, self, low);
    if (!low.defined()) return map_elements<T, T, T>(common, lower, self, high);
    return map_elements<T, T, T, T>(
        common, [raise, lower](T x, T floor, T ceiling) { return lower(raise(x, floor), ceiling); }, self, low, high);
  })};
}

std::vector<Value*> decompose_clamp(GraphBuilder& builder, const ValueArgs& args) {
  const std::string_view name = args.schema().name;
  const bool is_tensor = name.ends_with(".Tensor");
  const bool has_min = name.find("clamp_max") == std::string_view::npos;
  const bool has_max = name.find("clamp_min") == std::string_view::npos;
  return {builder.call(is_tensor ? "aten::clamp.Tensor" : "aten::clamp",
                       {args.tensor("self"), has_min ? args["min"] : Argument(), has_max ? args["max"] : Argument()})};
}

void declare_clamp(OpRegistry& ops) {
  struct Overload {
    std::string_view schema, out;
  };
  for (const Overload& overload :
       {Overload{"aten::clamp(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor", "aten::clamp.out"},
        Overload{"aten::clamp.Tensor(Tensor self, Tensor? min=None, Tensor? max=None) -> Tensor",
                 "aten::clamp.Tensor_out"},
        Overload{"aten::clip(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor", ""},
        Overload{"aten::clip.Tensor(Tensor self, Tensor? min=None, Tensor? max=None) -> Tensor", ""},
        Overload{"aten::clamp_min(Tensor self, Scalar min) -> Tensor", ""},
        Overload{"aten::clamp_min.Tensor(Tensor self, Tensor min) -> Tensor", ""},
        Overload{"aten::clamp_max(Tensor self, Scalar max) -> Tensor", ""},
        Overload{"aten::clamp_max.Tensor(Tensor self, Tensor max) -> Tensor", ""}}) {
    const bool is_core = !overload.out.empty();
    declare_with_inplace(ops, {.schema = overload.schema,
                               .infer = clamp_infer,
                               .kernel = clamp_kernel,
                               .out_variant = overload.out,
                               .tags = Tag::Pointwise | (is_core ? Tag::Core : Tag::None),
                               .decompose = is_core ? nullptr : DecomposeFunction(decompose_clamp)});
  }
}

// lerp, addcmul, addcdiv
// --------------------------------------------------------------------------------------------------------------

constexpr std::string_view kLerpOperands[] = {"self", "end", "weight"};

std::vector<OutputMeta> lerp_infer(const MetaArgs& args) {
  const DType dtype = args.tensor("self")->dtype;
  if (!is_floating_point(dtype)) fail("{}: expected a floating dtype, got {}", args.schema().name, dtype_name(dtype));
  for (const std::string_view name : kLerpOperands) {
    if (args[name].is_tensor() && args.tensor(name)->dtype != dtype) {
      fail("{}: '{}' is {}, expected {}", args.schema().name, name, dtype_name(args.tensor(name)->dtype),
           dtype_name(dtype));
    }
  }
  return {pointwise_result(args, kLerpOperands, dtype)};
}

std::vector<HostTensor> lerp_kernel(const KernelArgs& args) {
  const HostTensor& self = args.tensor("self");
  const HostTensor weight = operand(args, "weight", self.dtype(), ScalarRounding::Keep);
  return {visit_floating(self.dtype(), args.schema().name, [&](auto zero) {
    using T = decltype(zero);
    // Both forms are exact at their own end (at::native::lerp).
    const auto mix = [](T a, T b, T w) { return std::fabs(w) < T(0.5) ? a + w * (b - a) : b - (b - a) * (T(1) - w); };
    return map_elements<T, T, T, T>(self.dtype(), mix, self, args.tensor("end"), weight);
  })};
}

constexpr std::string_view kFusedOperands[] = {"self", "tensor1", "tensor2"};

/// self + value * tensor1 * tensor2, or / tensor2.
std::vector<HostTensor> fused_kernel(const KernelArgs& args, bool divides) {
  const DType common = common_dtype(args, kFusedOperands);
  std::vector<HostTensor> inputs;
  for (const std::string_view name : kFusedOperands)
    inputs.push_back(operand(args, name, common, ScalarRounding::Keep));
  const Scalar scalar = args.scalar("value");
  return {visit_arithmetic(common, args.schema().name, [&](auto zero) {
    using T = decltype(zero);
    const T value =
        scalar.kind == Scalar::Kind::Float ? static_cast<T>(scalar.real) : static_cast<T>(scalar.integer.value());
    if constexpr (!std::is_integral_v<T>) {
      if (divides)
        return map_elements<T, T, T, T>(
            common, [value](T x, T a, T b) { return x + value * (a / b); }, inputs[0], inputs[1], inputs[2]);
    }
    return map_elements<T, T, T, T>(
        common, [value](T x, T a, T b) { return x + value * a * b; }, inputs[0], inputs[1], inputs[2]);
  })};
}

std::vector<OutputMeta> fused_infer(const MetaArgs& args, bool divides) {
  const DType common = common_dtype(args, kFusedOperands);
  if (divides && !is_floating_point(common))
    fail("{}: integer division is not supported, got {}", args.schema().name, dtype_name(common));
  return {pointwise_result(args, kFusedOperands, common)};
}

void declare_fused(OpRegistry& ops) {
  for (const std::string_view schema : {"aten::lerp.Scalar(Tensor self, Tensor end, Scalar weight) -> Tensor",
                                        "aten::lerp.Tensor(Tensor self, Tensor end, Tensor weight) -> Tensor"}) {
    declare_with_inplace(
        ops, {.schema = schema,
              .infer = lerp_infer,
              .kernel = lerp_kernel,
              .tags = Tag::Pointwise,
              .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                Value* difference = builder.call("aten::sub.Tensor", {args.tensor("end"), args.tensor("self")});
                const std::string_view product = args["weight"].is_tensor() ? "aten::mul.Tensor" : "aten::mul.Scalar";
                return {builder.call("aten::add.Tensor",
                                     {args.tensor("self"), builder.call(product, {difference, args["weight"]})})};
              }});
  }
  for (const bool divides : {false, true}) {
    declare_with_inplace(
        ops,
        {.schema = divides ? "aten::addcdiv(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor"
                           : "aten::addcmul(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor",
         .infer = [divides](const MetaArgs& args) { return fused_infer(args, divides); },
         .kernel = [divides](const KernelArgs& args) { return fused_kernel(args, divides); },
         .tags = Tag::Pointwise,
         .decompose = [divides](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
           Value* term = builder.call(divides ? "aten::div.Tensor" : "aten::mul.Tensor",
                                      {args.tensor("tensor1"), args.tensor("tensor2")});
           return {builder.call("aten::add.Tensor", {args.tensor("self"), term}, {{"alpha", args["value"]}})};
         }});
  }
}

}  // namespace

void declare_ternary_ops(OpRegistry& ops) {
  declare_where(ops);
  declare_masked_fill(ops);
  declare_clamp(ops);
  declare_fused(ops);
}

}  // namespace exformer
