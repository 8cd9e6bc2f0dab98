// layer_norm, group_norm and rms_norm over trailing dims or channel groups. Batch statistics are in batch_norm.cpp.
#include <algorithm>
#include <limits>

#include "exformer/ops/builder.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/layout_rules.h"
#include "exformer/ops/matmul_kernels.h"
#include "exformer/ops/row_kernels.h"
#include "exformer/ops/shape_rules.h"
#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

using Metas = std::vector<OutputMeta>;
using Tensors = std::vector<HostTensor>;
using Values = std::vector<Value*>;

/// The number of leading dims that are not normalized; the trailing ones must equal `normalized`.
size_t leading_dims(const std::vector<SymInt>& sizes, const std::vector<SymInt>& normalized, std::string_view op) {
  bool fits = !normalized.empty() && normalized.size() <= sizes.size();
  for (size_t i = 0; fits && i < normalized.size(); ++i)
    fits = known_equal(normalized[i], sizes[sizes.size() - normalized.size() + i]);
  if (!fits)
    fail("{}: normalized_shape {} does not match the last dims of {}", op, to_string(normalized), to_string(sizes));
  return sizes.size() - normalized.size();
}

void require_sizes(const MetaArgs& args, std::string_view name, const std::vector<SymInt>& sizes) {
  const auto* tensor = args.optional_tensor(name);
  if (!tensor) return;
  bool fits = (*tensor)->sizes.size() == sizes.size();
  for (size_t i = 0; fits && i < sizes.size(); ++i) fits = known_equal((*tensor)->sizes[i], sizes[i]);
  if (!fits)
    fail("{}: {} has sizes {}, expected {}", args.schema().name, name, to_string((*tensor)->sizes), to_string(sizes));
}

/// Weight or bias in the compute dtype, contiguous; undefined when absent.
HostTensor parameter(const KernelArgs& args, std::string_view name, DType dtype) {
  const HostTensor* tensor = args.optional_tensor(name);
  return tensor ? tensor->to(dtype).contiguous() : HostTensor();
}

template <class T>
const T* data_or_null(const HostTensor& tensor) {
  return tensor.defined() ? tensor.data<T>() : nullptr;
}

RowShape row_shape(const HostTensor& input, size_t leading) {
  int64_t rows = 1, length = 1;
  for (size_t i = 0; i < input.sizes().size(); ++i) (i < leading ? rows : length) *= input.sizes()[i];
  return {rows, length};
}

/// Mixed dtypes (a half-precision input with float32 parameters) keep statistics in the parameters' dtype.
DType statistics_dtype(DType input, const TensorMeta* const* weight) { return weight ? (*weight)->dtype : input; }

Metas layer_norm_metas(const MetaArgs& args, bool with_statistics) {
  const TensorMeta& input = *args.tensor("input");
  const auto& normalized = args.syms("normalized_shape");
  const size_t leading = leading_dims(input.sizes, normalized, args.schema().name);
  require_sizes(args, "weight", normalized);
  require_sizes(args, "bias", normalized);
  Metas results{contiguous_meta(input.dtype, input.sizes)};
  if (with_statistics) {
    std::vector<SymInt> sizes(input.sizes.size(), SymInt(1));
    std::copy(input.sizes.begin(), input.sizes.begin() + static_cast<int64_t>(leading), sizes.begin());
    const TensorMeta statistics = contiguous_meta(statistics_dtype(input.dtype, args.optional_tensor("weight")), sizes);
    results.emplace_back(statistics);
    results.emplace_back(statistics);
  }
  return results;
}

Tensors run_layer_norm(const KernelArgs& args, bool with_statistics) {
  const HostTensor& given = args.tensor("input");
  const DType dtype = compute_dtype(given.dtype(), args.schema().name);
  const HostTensor input = given.to(dtype).contiguous();
  const HostTensor weight = parameter(args, "weight", dtype), bias = parameter(args, "bias", dtype);
  const size_t leading =
      leading_dims({input.sizes().begin(), input.sizes().end()}, args.syms("normalized_shape"), args.schema().name);
  const RowShape shape = row_shape(input, leading);
  HostTensor output = HostTensor::empty(dtype, input.sizes());
  HostTensor mean = HostTensor::empty(dtype, {shape.rows}), rstd = HostTensor::empty(dtype, {shape.rows});
  with_float_type(dtype, [&](auto zero) {
    using T = decltype(zero);
    row_moments(input.data<T>(), shape, args.real("eps"), mean.data<T>(), rstd.data<T>());
    layer_norm_rows(input.data<T>(), data_or_null<T>(weight), data_or_null<T>(bias), output.data<T>(), shape,
                    mean.data<T>(), rstd.data<T>());
  });
  if (!with_statistics) return {output.to(given.dtype())};
  std::vector<int64_t> sizes(input.sizes().size(), 1);
  std::copy(input.sizes().begin(), input.sizes().begin() + static_cast<int64_t>(leading), sizes.begin());
  const HostTensor* given_weight = args.optional_tensor("weight");
  const DType statistics = given_weight ? given_weight->dtype() : given.dtype();
  return {output.to(given.dtype()), mean.reshaped(sizes).to(statistics), rstd.reshaped(sizes).to(statistics)};
}

/// rms_norm's eps when none is given: the machine epsilon of the dtype it computes in.
double rms_eps(std::optional<double> eps, DType dtype) {
  if (eps) return *eps;
  return dtype == DType::Float64 ? std::numeric_limits<double>::epsilon()
                                 : static_cast<double>(std::numeric_limits<float>::epsilon());
}

Values decompose_rms_norm(GraphBuilder& builder, const ValueArgs& args) {
  Value* input = args.tensor("input");
  const DType dtype = input->meta.dtype;
  const DType wide = compute_dtype(dtype, args.schema().name);
  Value* x = dtype == wide ? input : builder.call("aten::_to_copy", {input}, {{"dtype", wide}});
  std::vector<int64_t> dims;
  const auto rank = input->meta.rank();
  for (int64_t i = rank - static_cast<int64_t>(args.syms("normalized_shape").size()); i < rank; ++i) dims.push_back(i);
  Value* squares = builder.call("aten::pow.Tensor_Scalar", {x, 2});
  Value* mean = builder.call("aten::mean.dim", {squares, dims, true});
  Value* scale =
      builder.call("aten::rsqrt", {builder.call("aten::add.Scalar", {mean, rms_eps(args.optional_real("eps"), wide)})});
  Value* result = builder.call("aten::mul.Tensor", {x, scale});
  if (Value* const* weight = args.optional_tensor("weight"))
    result = builder.call("aten::mul.Tensor", {result, *weight});
  return {result->meta.dtype == dtype ? result : builder.call("aten::_to_copy", {result}, {{"dtype", dtype}})};
}

/// Channels of group g, batch n are one row; weight and bias are per channel.
Tensors run_group_norm(const KernelArgs& args, int64_t groups, bool with_statistics) {
  const HostTensor& given = args.tensor("input");
  const DType dtype = compute_dtype(given.dtype(), args.schema().name);
  const HostTensor input = given.to(dtype).contiguous();
  const HostTensor weight = parameter(args, "weight", dtype), bias = parameter(args, "bias", dtype);
  const int64_t batch = input.size(0), channels = input.size(1);
  const int64_t rows = batch * groups;
  const RowShape shape{rows, rows == 0 ? 0 : input.element_count() / rows};
  HostTensor output = HostTensor::empty(dtype, input.sizes());
  HostTensor mean = HostTensor::empty(dtype, {batch, groups}), rstd = HostTensor::empty(dtype, {batch, groups});
  with_float_type(dtype, [&](auto zero) {
    using T = decltype(zero);
    row_moments(input.data<T>(), shape, args.real("eps"), mean.data<T>(), rstd.data<T>());
    const int64_t per_group = channels / groups;
    const int64_t positions = per_group == 0 ? 0 : shape.length / per_group;
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t c = 0; c < per_group; ++c) {
        const int64_t channel = row % groups * per_group + c;
        const T scale = rstd.data<T>()[row] * (weight.defined() ? weight.data<T>()[channel] : T(1));
        const T shift = (bias.defined() ? bias.data<T>()[channel] : T(0)) - scale * mean.data<T>()[row];
        const T* in = input.data<T>() + row * shape.length + c * positions;
        T* out = output.data<T>() + row * shape.length + c * positions;
        for (int64_t i = 0; i < positions; ++i) out[i] = in[i] * scale + shift;
      }
    }
  });
  if (!with_statistics) return {output.to(given.dtype())};
  const HostTensor* given_weight = args.optional_tensor("weight");
  const DType statistics = given_weight ? given_weight->dtype() : given.dtype();
  return {output.to(given.dtype()), mean.to(statistics), rstd.to(statistics)};
}

void check_groups(const TensorMeta& input, int64_t groups, std::string_view op) {
  if (input.rank() < 2) fail("{}: input needs at least 2 dims, got sizes {}", op, to_string(input.sizes));
  if (groups <= 0 || !known_equal(mod(input.sizes[1], groups), 0)) {
    fail("{}: {} channels cannot be split into {} groups", op, to_string(input.sizes[1]), groups);
  }
}

}  // namespace

void declare_normalization_ops(OpRegistry& ops) {
  ops.declare({.schema =
                   "aten::layer_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight=None, Tensor? bias=None, "
                   "float eps=1.0000000000000001e-05, bool cudnn_enable=True) -> Tensor",
               .infer = [](const MetaArgs& args) { return layer_norm_metas(args, false); },
               .kernel = [](const KernelArgs& args) { return run_layer_norm(args, false); },
               .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> Values {
                 return {builder.call_all("aten::native_layer_norm", {args.tensor("input"), args["normalized_shape"],
                                                                      args["weight"], args["bias"], args["eps"]})[0]};
               }});
  ops.declare({.schema = "aten::native_layer_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight, Tensor? "
                         "bias, float eps) -> "
                         "(Tensor, Tensor, Tensor)",
               .infer = [](const MetaArgs& args) { return layer_norm_metas(args, true); },
               .kernel = [](const KernelArgs& args) { return run_layer_norm(args, true); },
               .out_variant = "aten::native_layer_norm.out",
               .tags = Tag::Core});
  ops.declare(
      {.schema =
           "aten::rms_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight=None, float? eps=None) -> Tensor",
       .infer = [](const MetaArgs& args) -> Metas {
         const TensorMeta& input = *args.tensor("input");
         leading_dims(input.sizes, args.syms("normalized_shape"), args.schema().name);
         require_sizes(args, "weight", args.syms("normalized_shape"));
         if (!is_floating_point(input.dtype))
           fail("{}: expected a floating dtype, got {}", args.schema().name, dtype_name(input.dtype));
         return {contiguous_meta(input.dtype, input.sizes)};
       },
       .kernel = [](const KernelArgs& args) -> Tensors {
         const HostTensor& given = args.tensor("input");
         const DType dtype = compute_dtype(given.dtype(), args.schema().name);
         const HostTensor input = given.to(dtype).contiguous();
         const HostTensor weight = parameter(args, "weight", dtype);
         const size_t leading = leading_dims({input.sizes().begin(), input.sizes().end()},
                                             args.syms("normalized_shape"), args.schema().name);
         HostTensor output = HostTensor::empty(dtype, input.sizes());
         with_float_type(dtype, [&](auto zero) {
           using T = decltype(zero);
           rms_norm_rows(input.data<T>(), data_or_null<T>(weight), output.data<T>(), row_shape(input, leading),
                         rms_eps(args.optional_real("eps"), dtype));
         });
         return {output.to(given.dtype())};
       },
       .decompose = decompose_rms_norm});
  ops.declare(
      {.schema = "aten::group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, float "
                 "eps=1.0000000000000001e-05, "
                 "bool cudnn_enabled=True) -> Tensor",
       .infer = [](const MetaArgs& args) -> Metas {
         const TensorMeta& input = *args.tensor("input");
         check_groups(input, args.integer("num_groups"), args.schema().name);
         require_sizes(args, "weight", {input.sizes[1]});
         require_sizes(args, "bias", {input.sizes[1]});
         return {TensorMeta{input.dtype, input.sizes, strides_like(input, input.sizes)}};
       },
       .kernel = [](const KernelArgs& args) { return run_group_norm(args, args.integer("num_groups"), false); },
       .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> Values {
         Value* input = args.tensor("input");
         const auto& sizes = input->meta.sizes;
         SymInt positions = 1;
         for (size_t i = 2; i < sizes.size(); ++i) positions = positions * sizes[i];
         if (!is_contiguous(input->meta) && !is_channels_last(input->meta)) {
           input = builder.call("aten::clone", {input}, {{"memory_format", MemoryFormat::Contiguous}});
         }
         return {builder.call_all("aten::native_group_norm", {input, args["weight"], args["bias"], sizes[0], sizes[1],
                                                              positions, args["num_groups"], args["eps"]})[0]};
       }});
  ops.declare(
      {.schema = "aten::native_group_norm(Tensor input, Tensor? weight, Tensor? bias, SymInt N, SymInt C, SymInt HxW, "
                 "int group, float eps) "
                 "-> (Tensor, Tensor, Tensor)",
       .infer = [](const MetaArgs& args) -> Metas {
         const TensorMeta& input = *args.tensor("input");
         const int64_t groups = args.integer("group");
         check_groups(input, groups, args.schema().name);
         const TensorMeta statistics = contiguous_meta(statistics_dtype(input.dtype, args.optional_tensor("weight")),
                                                       {args.sym("N"), SymInt(groups)});
         return {TensorMeta{input.dtype, input.sizes, strides_like(input, input.sizes)}, statistics, statistics};
       },
       .kernel = [](const KernelArgs& args) { return run_group_norm(args, args.integer("group"), true); },
       .out_variant = "aten::native_group_norm.out",
       .tags = Tag::Core});
}

}  // namespace exformer
