// upsample_*: images and sequences at another size. The .vec overloads take sizes or factors, the others sizes.
#include <cmath>

#include "exformer/ops/builder.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/layout_rules.h"
#include "exformer/ops/matmul_kernels.h"
#include "exformer/ops/resample_kernels.h"
#include "exformer/ops/shape_rules.h"
#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

struct Form {
  std::string_view vec_schema, schema;
  ResampleOptions options;
  int dims = 2;
  bool has_corners = false;  // an align_corners argument
  Tag vec_tags = Tag::None;
  std::string_view vec_out = {}, out = {};
};

/// floor(size * factor) for a factor that is a fraction with a small power of two below it, on sizes known or not.
SymInt scaled_size(const SymInt& size, double factor, std::string_view op) {
  if (size.is_constant()) return static_cast<int64_t>(std::floor(static_cast<double>(size.value()) * factor));
  for (int64_t denominator = 1; denominator <= 1024; denominator *= 2) {
    const double numerator = factor * static_cast<double>(denominator);
    if (numerator == std::floor(numerator) && numerator < 1e6)
      return floordiv(size * static_cast<int64_t>(numerator), denominator);
  }
  for (int64_t denominator = 3; denominator <= 64; ++denominator) {  // 1/3, 1/14, ...
    if (factor == 1.0 / static_cast<double>(denominator)) return floordiv(size, denominator);
  }
  unsupported("{}: the scale factor {} of a dynamic size {}; give the output size", op, factor, to_string(size));
}

std::vector<double> factors_of(const auto& argument) {
  const auto* factors = argument.template get_if<std::vector<double>>();
  return factors ? *factors : std::vector<double>();
}

template <class A>
std::vector<SymInt> target_sizes(const std::vector<SymInt>& input, const A& args, int dims) {
  const std::string_view op = args.schema().name;
  if (input.size() != static_cast<size_t>(dims) + 2)
    fail("{}: input must have {} dims, got sizes {}", op, dims + 2, to_string(input));
  const std::vector<double> factors = factors_of(args["scale_factors"]);
  std::vector<SymInt> target = args.syms("output_size");
  if (args.has("output_size") == !factors.empty())
    fail("{}: exactly one of output_size and scale_factors must be given", op);
  if (!factors.empty()) {
    if (factors.size() != static_cast<size_t>(dims)) fail("{}: {} scale factors for {} dims", op, factors.size(), dims);
    for (int i = 0; i < dims; ++i) target.push_back(scaled_size(input[i + 2], factors[i], op));
  }
  return target;
}

TensorMeta resized_meta(const TensorMeta& input, const std::vector<SymInt>& target, int dims, std::string_view op) {
  if (input.rank() != dims + 2 || target.size() != static_cast<size_t>(dims)) {
    fail("{}: {} output sizes for an input of sizes {}", op, target.size(), to_string(input.sizes));
  }
  std::vector<SymInt> sizes(input.sizes.begin(), input.sizes.begin() + 2);
  sizes.insert(sizes.end(), target.begin(), target.end());
  for (const SymInt& size : target) {
    if (less(size, 1) == Truth::Yes) fail("{}: output sizes must be at least 1, got {}", op, to_string(target));
  }
  auto strides = strides_like(input, sizes);
  return {input.dtype, std::move(sizes), std::move(strides)};
}

HostTensor resize(const HostTensor& given, const std::vector<int64_t>& target,
                  const std::vector<std::optional<double>>& scales, ResampleOptions options, std::string_view op) {
  const bool nearest = options.filter == Filter::Nearest || options.filter == Filter::NearestExact;
  if (!nearest && !is_floating_point(given.dtype()))
    unsupported("{}: not supported for {}", op, dtype_name(given.dtype()));
  const DType dtype = is_floating_point(given.dtype()) ? compute_dtype(given.dtype(), op) : DType::Float64;
  HostTensor result = given.to(dtype).contiguous();
  for (size_t i = target.size(); i-- > 0;) {
    const int64_t dim = static_cast<int64_t>(i) + 2;
    result = resample_dim(result, dim, make_taps(result.size(dim), target[i], options, scales[i]));
  }
  return result.to(given.dtype());
}

std::vector<int64_t> constants(const std::vector<SymInt>& values) {
  std::vector<int64_t> result;
  for (const SymInt& value : values) result.push_back(value.value());
  return result;
}

/// Names of the scale arguments of the overload with sizes.
std::vector<std::string_view> scale_names(int dims) {
  if (dims == 1) return {"scales"};
  if (dims == 2) return {"scales_h", "scales_w"};
  return {"scales_d", "scales_h", "scales_w"};
}

template <class A>
ResampleOptions options_of(const Form& form, const A& args) {
  ResampleOptions options = form.options;
  if (form.has_corners) options.align_corners = args.boolean("align_corners");
  return options;
}

void declare_form(OpRegistry& ops, const Form& form) {
  const std::string plain_name(form.schema.substr(0, form.schema.find('(')));
  ops.declare({.schema = form.vec_schema,
               .infer = [form](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const TensorMeta& input = *args.tensor("input");
                 return {
                     resized_meta(input, target_sizes(input.sizes, args, form.dims), form.dims, args.schema().name)};
               },
               .kernel = [form](const KernelArgs& args) -> std::vector<HostTensor> {
                 const HostTensor& input = args.tensor("input");
                 const auto target = target_sizes({input.sizes().begin(), input.sizes().end()}, args, form.dims);
                 std::vector<std::optional<double>> scales(static_cast<size_t>(form.dims));
                 const std::vector<double> factors = factors_of(args["scale_factors"]);
                 for (size_t i = 0; i < factors.size(); ++i) scales[i] = factors[i];
                 return {resize(input, constants(target), scales, options_of(form, args), args.schema().name)};
               },
               .out_variant = form.vec_out,
               .tags = form.vec_tags,
               .decompose = [form, plain_name](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                 Value* input = args.tensor("input");
                 std::vector<Argument> arguments{input, target_sizes(input->meta.sizes, args, form.dims)};
                 if (form.has_corners) arguments.push_back(args["align_corners"]);
                 for (const double factor : factors_of(args["scale_factors"])) arguments.emplace_back(factor);
                 return {builder.call(plain_name, std::move(arguments))};
               }});
  ops.declare({.schema = form.schema,
               .infer = [form](const MetaArgs& args) -> std::vector<OutputMeta> {
                 return {resized_meta(*args.tensor("self"), args.syms("output_size"), form.dims, args.schema().name)};
               },
               .kernel = [form](const KernelArgs& args) -> std::vector<HostTensor> {
                 std::vector<std::optional<double>> scales;
                 for (const std::string_view name : scale_names(form.dims)) scales.push_back(args.optional_real(name));
                 return {resize(args.tensor("self"), args.integers("output_size"), scales, options_of(form, args),
                                args.schema().name)};
               },
               .out_variant = form.out});
}

}  // namespace

void declare_interpolation_ops(OpRegistry& ops) {
  const std::vector<Form> forms{
      {.vec_schema =
           "aten::upsample_nearest1d.vec(Tensor input, SymInt[]? output_size, float[]? scale_factors) -> Tensor",
       .schema = "aten::upsample_nearest1d(Tensor self, SymInt[1] output_size, float? scales=None) -> Tensor",
       .options = {.filter = Filter::Nearest},
       .dims = 1},
      {.vec_schema =
           "aten::upsample_nearest2d.vec(Tensor input, SymInt[]? output_size, float[]? scale_factors) -> Tensor",
       .schema = "aten::upsample_nearest2d(Tensor self, SymInt[2] output_size, float? scales_h=None, float? "
                 "scales_w=None) -> Tensor",
       .options = {.filter = Filter::Nearest},
       .vec_tags = Tag::Core,
       .vec_out = "aten::upsample_nearest2d.vec_out"},
      {.vec_schema =
           "aten::_upsample_nearest_exact1d.vec(Tensor input, SymInt[]? output_size, float[]? scale_factors) -> Tensor",
       .schema = "aten::_upsample_nearest_exact1d(Tensor self, SymInt[1] output_size, float? scales=None) -> Tensor",
       .options = {.filter = Filter::NearestExact},
       .dims = 1},
      {.vec_schema =
           "aten::_upsample_nearest_exact2d.vec(Tensor input, SymInt[]? output_size, float[]? scale_factors) -> Tensor",
       .schema = "aten::_upsample_nearest_exact2d(Tensor self, SymInt[2] output_size, float? scales_h=None, float? "
                 "scales_w=None) -> Tensor",
       .options = {.filter = Filter::NearestExact}},
      {.vec_schema = "aten::upsample_linear1d.vec(Tensor input, SymInt[]? output_size, bool align_corners, float[]? "
                     "scale_factors) -> Tensor",
       .schema = "aten::upsample_linear1d(Tensor self, SymInt[1] output_size, bool align_corners, float? scales=None) "
                 "-> Tensor",
       .options = {.filter = Filter::Linear},
       .dims = 1,
       .has_corners = true},
      {.vec_schema = "aten::upsample_bilinear2d.vec(Tensor input, SymInt[]? output_size, bool align_corners, float[]? "
                     "scale_factors) -> Tensor",
       .schema = "aten::upsample_bilinear2d(Tensor self, SymInt[2] output_size, bool align_corners, float? "
                 "scales_h=None, float? scales_w=None) -> "
                 "Tensor",
       .options = {.filter = Filter::Linear},
       .has_corners = true,
       .vec_tags = Tag::Core,
       .vec_out = "aten::upsample_bilinear2d.vec_out"},
      {.vec_schema = "aten::upsample_bicubic2d.vec(Tensor input, SymInt[]? output_size, bool align_corners, float[]? "
                     "scale_factors) -> Tensor",
       .schema = "aten::upsample_bicubic2d(Tensor self, SymInt[2] output_size, bool align_corners, float? "
                 "scales_h=None, float? scales_w=None) -> "
                 "Tensor",
       .options = {.filter = Filter::Cubic},
       .has_corners = true},
      {.vec_schema = "aten::_upsample_bilinear2d_aa.vec(Tensor input, SymInt[]? output_size, bool align_corners, "
                     "float[]? scale_factors) -> Tensor",
       .schema = "aten::_upsample_bilinear2d_aa(Tensor self, SymInt[2] output_size, bool align_corners, float? "
                 "scales_h=None, float? scales_w=None) "
                 "-> Tensor",
       .options = {.filter = Filter::Linear, .antialias = true},
       .has_corners = true,
       .out = "aten::_upsample_bilinear2d_aa.out"},
      {.vec_schema = "aten::_upsample_bicubic2d_aa.vec(Tensor input, SymInt[]? output_size, bool align_corners, "
                     "float[]? scale_factors) -> Tensor",
       .schema = "aten::_upsample_bicubic2d_aa(Tensor self, SymInt[2] output_size, bool align_corners, float? "
                 "scales_h=None, float? scales_w=None) "
                 "-> Tensor",
       .options = {.filter = Filter::Cubic, .antialias = true},
       .has_corners = true},
  };
  for (const Form& form : forms) declare_form(ops, form);
}

}  // namespace exformer
