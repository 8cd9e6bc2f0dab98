// Ops that give numbers instead of tensors: sizes, and the value of a one-element tensor.
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

/// An integer that data defines would be a new symbol, whose bounds no one has stated.
void declare_item(OpRegistry& ops, std::string_view schema, std::string_view out_variant, Tag tags) {
  ops.declare({.schema = schema,
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const TensorMeta& self = *args.tensor("self");
                 const std::string& op = args.schema().name;
                 if (!known_equal(element_count(self.sizes), 1))
                   fail("{}: expected one element, got sizes {}", op, to_string(self.sizes));
                 const ValueKind kind = number_kind(self.dtype, op);
                 if (kind == ValueKind::SymInt)
                   unsupported("{}: an integer that depends on data cannot be used as a number", op);
                 return {OutputMeta(kind, SymInt(0))};
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
}

}  // namespace exformer
