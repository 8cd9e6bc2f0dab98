// Ops that give numbers instead of tensors: sizes, and the value of a one-element tensor.
#include <limits>

#include "exformer/ops/data_sizes.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/shape_rules.h"
#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

/// The kind of number that an element of a dtype is.
ValueKind number_kind(DType dtype, std::string_view op) {
  if (dtype == DType::Bool) return ValueKind::SymBool;
  if (is_floating_point(dtype)) return ValueKind::SymFloat;
  if (is_integer(dtype)) return ValueKind::SymInt;
  unsupported("{}: not supported for {}", op, dtype_name(dtype));
}

/// Whether a condition on sizes holds: a number that is not zero.
void declare_assertions(OpRegistry& ops) {
  ops.declare({.schema = "aten::_assert_scalar(Scalar self, str assert_msg) -> ()",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const Scalar condition = args.scalar("self");
                 if (condition.kind != Scalar::Kind::Float && known_equal(condition.integer, 0))
                   fail("{}: {}", args.schema().name, args.string("assert_msg"));
                 return {};
               },
               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                 if (args.scalar("self").to_double() == 0.0) fail("{}", args.string("assert_msg"));
                 return {};
               }});
  const auto is_true = [](const HostTensor& condition) {
    return condition.to(DType::Bool).contiguous().reshaped({}).item_int() != 0;
  };
  const auto no_result = [](const MetaArgs&) -> std::vector<OutputMeta> { return {}; };
  ops.declare({.schema = "aten::_assert_async.msg(Tensor self, str assert_msg) -> ()",
               .infer = no_result,
               .kernel = [is_true](const KernelArgs& args) -> std::vector<HostTensor> {
                 if (!is_true(args.tensor("self"))) fail("{}", args.string("assert_msg"));
                 return {};
               }});
  ops.declare({.schema = "aten::_assert_async(Tensor self) -> ()",
               .infer = no_result,
               .kernel = [is_true](const KernelArgs& args) -> std::vector<HostTensor> {
                 if (!is_true(args.tensor("self"))) fail("an assertion of the program failed");
                 return {};
               }});
  ops.declare({.schema =
                   "aten::_assert_tensor_metadata(Tensor a, SymInt[]? size=None, SymInt[]? stride=None, ScalarType? "
                   "dtype=None, *, Device? device=None, Layout? layout=None) -> ()",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const TensorMeta& tensor = *args.tensor("a");
                 if (args.dtype("dtype").value_or(tensor.dtype) != tensor.dtype) {
                   fail("{}: expected {}, got {}", args.schema().name, dtype_name(*args.dtype("dtype")),
                        dtype_name(tensor.dtype));
                 }
                 return {};
               },
               // Strides are what the meta says; how a run lays out its values is its own affair.
               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                 const HostTensor& tensor = args.tensor("a");
                 if (args.dtype("dtype").value_or(tensor.dtype()) != tensor.dtype()) {
                   fail("expected {}, got {}", dtype_name(*args.dtype("dtype")), dtype_name(tensor.dtype()));
                 }
                 if (args.has("size") && args.integers("size") != tensor.sizes())
                   fail("expected sizes {}, got {}", to_string(args.syms("size")),
                        to_string(std::vector<SymInt>(tensor.sizes().begin(), tensor.sizes().end())));
                 return {};
               }});
}

void declare_item(OpRegistry& ops, std::string_view schema, std::string_view out_variant, Tag tags) {
  ops.declare(
      {.schema = schema,
       .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
         const TensorMeta& self = *args.tensor("self");
         const std::string& op = args.schema().name;
         if (!known_equal(element_count(self.sizes), 1))
           fail("{}: expected one element, got sizes {}", op, to_string(self.sizes));
         const ValueKind kind = number_kind(self.dtype, op);
         if (kind == ValueKind::SymFloat) return {OutputMeta(kind, SymInt(0))};
         if (kind == ValueKind::SymBool) return {OutputMeta(kind, declare_data_size(args, 0, 1))};
         constexpr auto kLimits = std::numeric_limits<int64_t>();
         const bool is_byte = self.dtype == DType::UInt8;
         return {OutputMeta(kind, declare_data_size(args, is_byte ? 0 : kLimits.min(), is_byte ? 255 : kUnbounded))};
       },
       .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
         return {args.tensor("self").contiguous().reshaped({})};
       },
       .out_variant = out_variant,
       .tags = tags | Tag::DataDependent});
}

}  // namespace

void declare_symbolic_ops(OpRegistry& ops) {
  ops.declare({.schema = "aten::sym_size.int(Tensor self, int dim) -> SymInt",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const TensorMeta& self = *args.tensor("self");
                 if (self.rank() == 0) fail("{}: a 0-d tensor has no sizes", args.schema().name);
                 return {OutputMeta(
                     ValueKind::SymInt,
                     self.sizes[static_cast<size_t>(wrap_dim(args.integer("dim"), self.rank(), args.schema().name))])};
               },
               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                 return {HostTensor::scalar_int(DType::Int64, args.tensor("self").size(args.integer("dim")))};
               },
               .tags = Tag::Core});
  ops.declare({.schema = "aten::sym_numel(Tensor self) -> SymInt",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 return {OutputMeta(ValueKind::SymInt, element_count(args.tensor("self")->sizes))};
               },
               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                 return {HostTensor::scalar_int(DType::Int64, args.tensor("self").element_count())};
               },
               .tags = Tag::Core});
  declare_item(ops, "aten::item(Tensor self) -> Scalar", {}, Tag::None);
  declare_item(ops, "aten::_local_scalar_dense(Tensor self) -> Scalar", {}, Tag::Core);
  declare_assertions(ops);
}

}  // namespace exformer
