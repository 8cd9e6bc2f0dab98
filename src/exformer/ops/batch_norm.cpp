// Normalization per channel: batch_norm with running statistics, and instance_norm.
#include <algorithm>
#include <cmath>
#include <iterator>

#include "exformer/ops/builder.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/matmul_kernels.h"
#include "exformer/ops/row_kernels.h"
#include "exformer/ops/shape_rules.h"
#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

using Metas = std::vector<OutputMeta>;
using Tensors = std::vector<HostTensor>;
using Values = std::vector<Value*>;

constexpr std::string_view kParameters[] = {"weight", "bias", "running_mean", "running_var"};

void check_channels(const MetaArgs& args) {
  const TensorMeta& input = *args.tensor("input");
  if (input.rank() < 2)
    fail("{}: input needs at least 2 dims, got sizes {}", args.schema().name, to_string(input.sizes));
  for (const SchemaArgument& argument : args.schema().arguments) {
    if (std::find(std::begin(kParameters), std::end(kParameters), argument.name) == std::end(kParameters)) continue;
    const auto* parameter = args.optional_tensor(argument.name);
    if (parameter && ((*parameter)->rank() != 1 || !known_equal((*parameter)->sizes[0], input.sizes[1]))) {
      fail("{}: {} has sizes {}, expected [{}]", args.schema().name, argument.name, to_string((*parameter)->sizes),
           to_string(input.sizes[1]));
    }
  }
}

void require_inference(bool training, std::string_view op) {
  if (training) unsupported("{}: training statistics; a model is exported in evaluation mode", op);
}

/// scale * x + shift per channel of a contiguous [batch, channels, positions].
template <class T>
void scale_channels(const HostTensor& input, const std::vector<T>& scale, const std::vector<T>& shift,
                    HostTensor& output) {
  const int64_t channels = input.size(1);
  const int64_t planes = input.size(0) * channels;
  const int64_t positions = planes == 0 ? 0 : input.element_count() / planes;
#pragma omp parallel for if (input.element_count() > 65536)
  for (int64_t plane = 0; plane < planes; ++plane) {
    const T* in = input.data<T>() + plane * positions;
    T* out = output.data<T>() + plane * positions;
    const T factor = scale[plane % channels], offset = shift[plane % channels];
    for (int64_t i = 0; i < positions; ++i) out[i] = in[i] * factor + offset;
  }
}

HostTensor optional_parameter(const KernelArgs& args, std::string_view name, DType dtype) {
  const HostTensor* tensor = args.optional_tensor(name);
  return tensor ? tensor->to(dtype).contiguous() : HostTensor();
}

HostTensor normalize_with_running(const KernelArgs& args) {
  const HostTensor& given = args.tensor("input");
  const DType dtype = compute_dtype(given.dtype(), args.schema().name);
  const HostTensor input = given.to(dtype).contiguous();
  const HostTensor weight = optional_parameter(args, "weight", dtype), bias = optional_parameter(args, "bias", dtype);
  const HostTensor mean = optional_parameter(args, "running_mean", dtype),
                   variance = optional_parameter(args, "running_var", dtype);
  HostTensor output = HostTensor::empty(dtype, input.sizes());
  with_float_type(dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto channels = static_cast<size_t>(input.size(1));
    std::vector<T> scale(channels), shift(channels);
    for (size_t c = 0; c < channels; ++c) {
      const T rstd = T(1) / std::sqrt(variance.data<T>()[c] + static_cast<T>(args.real("eps")));
      scale[c] = rstd * (weight.defined() ? weight.data<T>()[c] : T(1));
      shift[c] = (bias.defined() ? bias.data<T>()[c] : T(0)) - mean.data<T>()[c] * scale[c];
    }
    scale_channels(input, scale, shift, output);
  });
  return output.to(given.dtype());
}

/// Statistics over the batch and all positions of each channel; also gives the means and 1 / deviations.
Tensors normalize_with_own(const HostTensor& given, const HostTensor& weight, const HostTensor& bias, double eps,
                           std::string_view op) {
  const DType dtype = compute_dtype(given.dtype(), op);
  const HostTensor input = given.to(dtype).contiguous();
  const int64_t channels = input.size(1);
  HostTensor output = HostTensor::empty(dtype, input.sizes());
  HostTensor means = HostTensor::empty(dtype, {channels}), deviations = HostTensor::empty(dtype, {channels});
  with_float_type(dtype, [&](auto zero) {
    using T = decltype(zero);
    // Channels first, so that each channel is one row.
    const HostTensor rows = transposed(input, 0, 1).contiguous();
    const RowShape shape{channels, channels == 0 ? 0 : rows.element_count() / channels};
    row_moments(rows.data<T>(), shape, eps, means.data<T>(), deviations.data<T>());
    std::vector<T> scale(static_cast<size_t>(channels)), shift(static_cast<size_t>(channels));
    for (int64_t c = 0; c < channels; ++c) {
      scale[c] = deviations.data<T>()[c] * (weight.defined() ? weight.data<T>()[c] : T(1));
      shift[c] = (bias.defined() ? bias.data<T>()[c] : T(0)) - means.data<T>()[c] * scale[c];
    }
    scale_channels(input, scale, shift, output);
  });
  return {output.to(given.dtype()), means, deviations};
}

Tensors run_instance_norm(const KernelArgs& args) {
  if (!args.boolean("use_input_stats")) return {normalize_with_running(args)};
  const HostTensor& input = args.tensor("input");
  const DType dtype = compute_dtype(input.dtype(), args.schema().name);
  const int64_t batch = input.size(0);
  const auto repeated = [&](std::string_view name) {
    const HostTensor parameter = optional_parameter(args, name, dtype);
    return parameter.defined() ? parameter.as_strided({batch, parameter.size(0)}, {0, 1}, 0)
                                     .contiguous()
                                     .reshaped({batch * parameter.size(0)})
                               : parameter;
  };
  std::vector<int64_t> sizes = input.sizes();
  sizes[1] *= batch;
  sizes[0] = 1;
  const HostTensor merged = input.contiguous().reshaped(sizes);
  return {normalize_with_own(merged, repeated("weight"), repeated("bias"), args.real("eps"), args.schema().name)[0]
              .reshaped(input.sizes())};
}

Values decompose_instance_norm(GraphBuilder& builder, const ValueArgs& args) {
  Value* input = args.tensor("input");
  if (!args.boolean("use_input_stats")) {
    return {builder.call_all("aten::_native_batch_norm_legit_no_training",
                             {input, args["weight"], args["bias"], args["running_mean"], args["running_var"],
                              args["momentum"], args["eps"]})[0]};
  }
  const std::vector<SymInt> original = input->meta.sizes;
  const auto repeated = [&](std::string_view name) -> Argument {
    Value* const* parameter = args.optional_tensor(name);
    return parameter ? Argument(builder.call("aten::repeat", {*parameter, {original[0]}})) : Argument();
  };
  std::vector<SymInt> sizes = original;
  sizes[1] = sizes[0] * sizes[1];
  sizes[0] = 1;
  Value* merged = builder.call("aten::reshape", {input, sizes});
  Value* result =
      builder.call_all("aten::_native_batch_norm_legit.no_stats",
                       {merged, repeated("weight"), repeated("bias"), true, args["momentum"], args["eps"]})[0];
  return {builder.call("aten::view", {result, original})};
}

}  // namespace

void declare_batch_norm_ops(OpRegistry& ops) {
  ops.declare({.schema = "aten::batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? "
                         "running_var, bool training, "
                         "float momentum, float eps, bool cudnn_enabled) -> Tensor",
               .infer = [](const MetaArgs& args) -> Metas {
                 require_inference(args.boolean("training"), args.schema().name);
                 if (!args.has("running_mean") || !args.has("running_var"))
                   fail("{}: running_mean and running_var are needed", args.schema().name);
                 check_channels(args);
                 const TensorMeta& input = *args.tensor("input");
                 return {TensorMeta{input.dtype, input.sizes, like_strides(input)}};
               },
               .kernel = [](const KernelArgs& args) -> Tensors {
                 require_inference(args.boolean("training"), args.schema().name);
                 return {normalize_with_running(args)};
               },
               .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> Values {
                 return {builder.call_all("aten::_native_batch_norm_legit_no_training",
                                          {args["input"], args["weight"], args["bias"], args["running_mean"],
                                           args["running_var"], args["momentum"], args["eps"]})[0]};
               }});
  ops.declare({.schema = "aten::_native_batch_norm_legit_no_training(Tensor input, Tensor? weight, Tensor? bias, "
                         "Tensor running_mean, "
                         "Tensor running_var, float momentum, float eps) -> (Tensor, Tensor, Tensor)",
               .infer = [](const MetaArgs& args) -> Metas {
                 check_channels(args);
                 const TensorMeta& input = *args.tensor("input");
                 const TensorMeta none = contiguous_meta(args.tensor("running_mean")->dtype, {SymInt(0)});
                 return {TensorMeta{input.dtype, input.sizes, like_strides(input)}, none, none};
               },
               .kernel = [](const KernelArgs& args) -> Tensors {
                 const HostTensor none = HostTensor::empty(args.tensor("running_mean").dtype(), {0});
                 return {normalize_with_running(args), none, none};
               },
               .out_variant = "aten::_native_batch_norm_legit_no_training.out",
               .tags = Tag::Core});
  ops.declare({.schema = "aten::_native_batch_norm_legit.no_stats(Tensor input, Tensor? weight, Tensor? bias, bool "
                         "training, float momentum, "
                         "float eps) -> (Tensor, Tensor, Tensor)",
               .infer = [](const MetaArgs& args) -> Metas {
                 check_channels(args);
                 if (!args.boolean("training"))
                   unsupported("{}: training=False without statistics", args.schema().name);
                 const TensorMeta& input = *args.tensor("input");
                 const TensorMeta statistics =
                     contiguous_meta(compute_dtype(input.dtype, args.schema().name), {input.sizes[1]});
                 return {TensorMeta{input.dtype, input.sizes, like_strides(input)}, statistics, statistics};
               },
               .kernel = [](const KernelArgs& args) -> Tensors {
                 const HostTensor& input = args.tensor("input");
                 const DType dtype = compute_dtype(input.dtype(), args.schema().name);
                 return normalize_with_own(input, optional_parameter(args, "weight", dtype),
                                           optional_parameter(args, "bias", dtype), args.real("eps"),
                                           args.schema().name);
               },
               .out_variant = "aten::_native_batch_norm_legit.no_stats_out",
               .tags = Tag::Core});
  ops.declare(
      {.schema =
           "aten::instance_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, "
           "bool use_input_stats, float momentum, float eps, bool cudnn_enabled) -> Tensor",
       .infer = [](const MetaArgs& args) -> Metas {
         check_channels(args);
         if (!args.boolean("use_input_stats") && (!args.has("running_mean") || !args.has("running_var"))) {
           fail("{}: running_mean and running_var are needed without use_input_stats", args.schema().name);
         }
         return {contiguous_meta(args.tensor("input")->dtype, args.tensor("input")->sizes)};
       },
       .kernel = run_instance_norm,
       .decompose = decompose_instance_norm});
}

}  // namespace exformer
