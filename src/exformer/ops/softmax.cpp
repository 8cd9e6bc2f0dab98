// softmax and log_softmax: the composite overloads and the core ops they become.
#include <limits>

#include "exformer/ops/builder.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/matmul_kernels.h"
#include "exformer/ops/row_kernels.h"
#include "exformer/ops/shape_rules.h"

namespace exformer {
namespace {

enum class Form { Plain, Safe, Log };

HostTensor softmax_tensor(const HostTensor& self, int64_t given, DType result_dtype, Form form, std::string_view op) {
  const int64_t dim = wrap_dim(given, self.rank(), op);
  const DType dtype = compute_dtype(result_dtype, op);
  HostTensor input = self.to(dtype);
  const bool inner = self.rank() == 0 || dim == self.rank() - 1;
  if (!inner) input = transposed(input, dim, -1);
  input = input.contiguous();
  HostTensor output = HostTensor::empty(dtype, input.sizes());
  const int64_t length = self.rank() == 0 ? 1 : input.size(-1);
  if (input.element_count() > 0) {
    with_float_type(dtype, [&](auto zero) {
      using T = decltype(zero);
      const RowShape shape{input.element_count() / length, length};
      if (form == Form::Log) {
        log_softmax_rows(input.data<T>(), output.data<T>(), shape);
      } else {
        softmax_rows(input.data<T>(), output.data<T>(), shape, form == Form::Safe);
      }
    });
  }
  if (!inner) output = transposed(output, dim, -1).contiguous();
  return output.to(result_dtype);
}

DType floating_result(DType dtype, std::string_view op) {
  if (!is_floating_point(dtype)) fail("{}: expected a floating dtype, got {}; give dtype", op, dtype_name(dtype));
  return dtype;
}

void declare_composite(OpRegistry& ops, std::string_view schema, std::string_view core, Form form) {
  ops.declare({.schema = schema,
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const TensorMeta& self = *args.tensor("self");
                 wrap_dim(args.integer("dim"), self.rank(), args.schema().name);
                 return {contiguous_meta(floating_result(args.dtype("dtype").value_or(self.dtype), args.schema().name),
                                         self.sizes)};
               },
               .kernel = [form](const KernelArgs& args) -> std::vector<HostTensor> {
                 const HostTensor& self = args.tensor("self");
                 const DType dtype = floating_result(args.dtype("dtype").value_or(self.dtype()), args.schema().name);
                 return {softmax_tensor(self.to(dtype), args.integer("dim"), dtype, form, args.schema().name)};
               },
               .tags = Tag::Reduction,
               .decompose = [core](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                 Value* self = args.tensor("self");
                 const auto dtype = args.dtype("dtype");
                 if (dtype && *dtype != self->meta.dtype)
                   self = builder.call("aten::_to_copy", {self}, {{"dtype", *dtype}});
                 return {builder.call(core, {self, args.integer("dim"), false})};
               }});
}

void declare_core(OpRegistry& ops, std::string_view schema, std::string_view out_variant, Form form) {
  ops.declare({.schema = schema,
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const TensorMeta& self = *args.tensor("self");
                 wrap_dim(args.integer("dim"), self.rank(), args.schema().name);
                 floating_result(self.dtype, args.schema().name);
                 const bool widen = args.boolean("half_to_float");
                 if (widen && self.dtype != DType::Float16)
                   fail("{}: half_to_float takes float16, got {}", args.schema().name, dtype_name(self.dtype));
                 return {contiguous_meta(widen ? DType::Float32 : self.dtype, self.sizes)};
               },
               .kernel = [form](const KernelArgs& args) -> std::vector<HostTensor> {
                 const HostTensor& self = args.tensor("self");
                 const DType dtype = args.boolean("half_to_float") ? DType::Float32 : self.dtype();
                 return {softmax_tensor(self, args.integer("dim"), dtype, form, args.schema().name)};
               },
               .out_variant = out_variant,
               .tags = Tag::Core | Tag::Reduction});
}

}  // namespace

void declare_softmax_ops(OpRegistry& ops) {
  declare_composite(ops, "aten::softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor", "aten::_softmax",
                    Form::Plain);
  declare_composite(ops, "aten::log_softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",
                    "aten::_log_softmax", Form::Log);
  declare_core(ops, "aten::_softmax(Tensor self, int dim, bool half_to_float) -> Tensor", "aten::_softmax.out",
               Form::Plain);
  declare_core(ops, "aten::_log_softmax(Tensor self, int dim, bool half_to_float) -> Tensor", "aten::_log_softmax.out",
               Form::Log);
  // A row that is masked everywhere gives 0; as torch 2.13 decomposes it.
  ops.declare({.schema = "aten::_safe_softmax(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const TensorMeta& self = *args.tensor("self");
                 wrap_dim(args.integer("dim"), self.rank(), args.schema().name);
                 return {contiguous_meta(floating_result(args.dtype("dtype").value_or(self.dtype), args.schema().name),
                                         self.sizes)};
               },
               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                 const HostTensor& self = args.tensor("self");
                 const DType dtype = floating_result(args.dtype("dtype").value_or(self.dtype()), args.schema().name);
                 return {softmax_tensor(self.to(dtype), args.integer("dim"), dtype, Form::Safe, args.schema().name)};
               },
               .tags = Tag::Reduction,
               .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                 Value* self = args.tensor("self");
                 Value* rows = builder.call("aten::softmax.int", {self, args.integer("dim"), args["dtype"]});
                 Value* masked = builder.call("aten::eq.Scalar", {self, -std::numeric_limits<double>::infinity()});
                 Value* open = builder.call("aten::any.dim",
                                            {builder.call("aten::logical_not", {masked}), args.integer("dim"), true});
                 Value* zeros = builder.call("aten::full_like", {rows, 0});
                 return {builder.call("aten::where.self", {builder.call("aten::logical_not", {open}), zeros, rows})};
               }});
}

}  // namespace exformer
