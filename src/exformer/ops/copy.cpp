// Ops that copy a tensor's values, perhaps to another dtype or layout, or write values over it.
#include "exformer/ops/builder.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/fill.h"
#include "exformer/ops/host_copy.h"
#include "exformer/ops/layout_rules.h"
#include "exformer/ops/pointwise_rules.h"
#include "exformer/ops/shape_rules.h"
#include "exformer/symbolic/printers.h"

namespace exformer {

std::vector<SymInt> format_strides(const TensorMeta& self, std::optional<MemoryFormat> format, std::string_view op) {
  switch (format.value_or(MemoryFormat::Preserve)) {
    case MemoryFormat::Contiguous: return contiguous_strides(self.sizes);
    case MemoryFormat::Preserve: return like_strides(self);
    case MemoryFormat::ChannelsLast:
      if (self.rank() != 4) fail("{}: channels_last takes a 4-d tensor, got sizes {}", op, to_string(self.sizes));
      return channels_last_strides(self.sizes);
    case MemoryFormat::ChannelsLast3d:
      if (self.rank() != 5) fail("{}: channels_last_3d takes a 5-d tensor, got sizes {}", op, to_string(self.sizes));
      return channels_last_strides(self.sizes);
  }
  return like_strides(self);
}

namespace {

/// Whether Tensor.to sees no change of layout: channels last is one layout, everything else counts as contiguous.
bool suggests_format(const TensorMeta& self, std::optional<MemoryFormat> format, std::string_view op) {
  if (!format || *format == MemoryFormat::Preserve) return true;
  format_strides(self, format, op);  // the rank must fit
  if (!is_channels_last(self)) return *format == MemoryFormat::Contiguous;
  return *format == (self.rank() == 4 ? MemoryFormat::ChannelsLast : MemoryFormat::ChannelsLast3d);
}

/// Whether the tensor already lies in the format.
bool has_format(const TensorMeta& self, MemoryFormat format, std::string_view op) {
  if (format == MemoryFormat::Contiguous) return is_contiguous(self);
  const std::vector<SymInt> strides = format_strides(self, format, op);
  for (size_t i = 0; i < strides.size(); ++i) {
    if (self.sizes[i] != SymInt(1) && self.strides[i] != strides[i]) return false;
  }
  return true;
}

HostTensor copied(const HostTensor& self, DType dtype) {
  if (self.dtype() != dtype) return self.to(dtype);
  HostTensor result = HostTensor::empty(dtype, self.sizes());
  copy_elements(self, result);
  return result;
}

/// Tensor.to: the tensor itself when nothing changes, else a copy. `dtype` gives the wanted dtype from the arguments.
template <class DTypeOf>
void declare_to(OpRegistry& ops, std::string_view schema, DTypeOf dtype_of) {
  const auto format_of = [](const auto& args) -> std::optional<MemoryFormat> {
    for (const SchemaArgument& argument : args.schema().arguments) {
      if (argument.name == "memory_format") return args.memory_format("memory_format");
    }
    return std::nullopt;
  };
  const auto must_copy = [](const auto& args) {
    for (const SchemaArgument& argument : args.schema().arguments) {
      if (argument.name == "copy") return args.boolean("copy");
    }
    return false;
  };
  ops.declare({.schema = schema,
               .infer = [=](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const TensorMeta& self = *args.tensor("self");
                 const DType dtype = dtype_of(args);
                 const auto format = format_of(args);
                 const bool is_same =
                     dtype == self.dtype && !must_copy(args) && suggests_format(self, format, args.schema().name);
                 return {TensorMeta{dtype, self.sizes,
                                    is_same ? self.strides : format_strides(self, format, args.schema().name)}};
               },
               .kernel = [=](const KernelArgs& args) -> std::vector<HostTensor> {
                 return {args.tensor("self").to(dtype_of(args))};
               },
               .decompose = [=](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                 Value* self = args.tensor("self");
                 const DType dtype = dtype_of(args);
                 const auto format = format_of(args);
                 if (dtype == self->meta.dtype && !must_copy(args) &&
                     suggests_format(self->meta, format, args.schema().name))
                   return {self};
                 std::vector<NamedArgument> named{{"dtype", dtype}};
                 if (format) named.push_back({"memory_format", *format});
                 return {builder.call("aten::_to_copy", {self}, std::move(named))};
               }});
}

DType dtype_of(const TensorMeta* tensor) { return tensor->dtype; }
DType dtype_of(const HostTensor& tensor) { return tensor.dtype(); }
DType dtype_of(const Value* value) { return value->meta.dtype; }

void declare_to_family(OpRegistry& ops) {
  const auto named = [](const auto& args) { return args.dtype("dtype").value_or(dtype_of(args.tensor("self"))); };
  const auto other = [](const auto& args) { return dtype_of(args.tensor("other")); };
  declare_to(ops,
             "aten::to.dtype(Tensor(a) self, ScalarType dtype, bool non_blocking=False, bool copy=False, MemoryFormat? "
             "memory_format=None) -> "
             "Tensor(a)",
             named);
  declare_to(ops,
             "aten::to.device(Tensor(a) self, Device device, ScalarType dtype, bool non_blocking=False, bool "
             "copy=False, MemoryFormat? "
             "memory_format=None) -> Tensor(a)",
             named);
  declare_to(ops,
             "aten::to.dtype_layout(Tensor(a) self, *, ScalarType? dtype=None, Layout? layout=None, Device? "
             "device=None, bool? pin_memory=None, "
             "bool non_blocking=False, bool copy=False, MemoryFormat? memory_format=None) -> Tensor(a)",
             named);
  declare_to(ops,
             "aten::to.other(Tensor(a) self, Tensor other, bool non_blocking=False, bool copy=False, MemoryFormat? "
             "memory_format=None) -> Tensor(a)",
             other);
  declare_to(ops, "aten::type_as(Tensor self, Tensor other) -> Tensor", other);
}

void declare_copies(OpRegistry& ops) {
  ops.declare({.schema = "aten::clone(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const TensorMeta& self = *args.tensor("self");
                 return {TensorMeta{self.dtype, self.sizes,
                                    format_strides(self, args.memory_format("memory_format"), args.schema().name)}};
               },
               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                 return {copied(args.tensor("self"), args.tensor("self").dtype())};
               },
               .out_variant = "aten::clone.out",
               .tags = Tag::Core | Tag::Pointwise});
  ops.declare({.schema = "aten::_to_copy(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? "
                         "device=None, bool? pin_memory=None, "
                         "bool non_blocking=False, MemoryFormat? memory_format=None) -> Tensor",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const TensorMeta& self = *args.tensor("self");
                 return {TensorMeta{args.dtype("dtype").value_or(self.dtype), self.sizes,
                                    format_strides(self, args.memory_format("memory_format"), args.schema().name)}};
               },
               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                 const HostTensor& self = args.tensor("self");
                 return {copied(self, args.dtype("dtype").value_or(self.dtype()))};
               },
               .out_variant = "aten::_to_copy.out",
               .tags = Tag::Core | Tag::Pointwise});
  ops.declare(
      {.schema = "aten::contiguous(Tensor(a) self, *, MemoryFormat memory_format=contiguous_format) -> Tensor(a)",
       .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
         const TensorMeta& self = *args.tensor("self");
         const MemoryFormat format = args.memory_format("memory_format").value_or(MemoryFormat::Contiguous);
         if (format == MemoryFormat::Preserve) {
           if (is_contiguous(self)) return {self};
           fail("{}: preserve_format is not a layout", args.schema().name);
         }
         if (has_format(self, format, args.schema().name)) return {self};
         return {TensorMeta{self.dtype, self.sizes, format_strides(self, format, args.schema().name)}};
       },
       .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> { return {args.tensor("self").contiguous()}; },
       .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
         Value* self = args.tensor("self");
         const MemoryFormat format = args.memory_format("memory_format").value_or(MemoryFormat::Contiguous);
         if (format == MemoryFormat::Preserve || has_format(self->meta, format, args.schema().name)) return {self};
         return {builder.call("aten::clone", {self}, {{"memory_format", format}})};
       }});
  ops.declare({.schema = "aten::lift_fresh_copy(Tensor self) -> Tensor",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const TensorMeta& self = *args.tensor("self");
                 return {contiguous_meta(self.dtype, self.sizes)};
               },
               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                 return {copied(args.tensor("self"), args.tensor("self").dtype())};
               },
               .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                 return {
                     builder.call("aten::clone", {args.tensor("self")}, {{"memory_format", MemoryFormat::Contiguous}})};
               }});
}

/// Values are written over a tensor: `self` gives sizes, dtype and layout.
void declare_overwriting(OpRegistry& ops) {
  const auto like_self = [](const MetaArgs& args) -> std::vector<OutputMeta> {
    const TensorMeta& self = *args.tensor("self");
    return {TensorMeta{self.dtype, self.sizes, like_strides(self)}};
  };
  declare_with_inplace(ops,
                       {.schema = "aten::copy(Tensor self, Tensor src, bool non_blocking=False) -> Tensor",
                        .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                          const TensorMeta& self = *args.tensor("self");
                          const TensorMeta& source = *args.tensor("src");
                          const auto sizes = broadcast_sizes(self.sizes, source.sizes, args.schema().name);
                          if (sizes.size() != self.sizes.size() || element_count(sizes) != element_count(self.sizes)) {
                            fail("{}: sizes {} cannot be written to {}", args.schema().name, to_string(source.sizes),
                                 to_string(self.sizes));
                          }
                          bool overlaps = false;
                          for (size_t i = 0; i < self.sizes.size(); ++i)
                            overlaps |= self.strides[i] == SymInt(0) && self.sizes[i] != SymInt(1);
                          return {TensorMeta{self.dtype, self.sizes, overlaps ? like_strides(self) : self.strides}};
                        },
                        .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                          const HostTensor& self = args.tensor("self");
                          const HostTensor source = args.tensor("src").to(self.dtype());
                          std::vector<int64_t> strides(self.sizes().size(), 0);
                          const size_t offset = strides.size() - source.sizes().size();
                          for (size_t i = 0; i < source.sizes().size(); ++i) {
                            if (source.sizes()[i] != 1) strides[offset + i] = source.strides()[i];
                          }
                          HostTensor result = HostTensor::empty(self.dtype(), self.sizes());
                          copy_elements(source.as_strided(self.sizes(), std::move(strides), 0), result);
                          return {result};
                        },
                        .out_variant = "aten::copy.out",
                        .tags = Tag::Core | Tag::Pointwise});
  declare_with_inplace(ops, {.schema = "aten::fill.Scalar(Tensor self, Scalar value) -> Tensor",
                             .infer = like_self,
                             .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                               const HostTensor& self = args.tensor("self");
                               return {filled(self.dtype(), self.sizes(), args.scalar("value"))};
                             },
                             .out_variant = "aten::fill.Scalar_out",
                             .tags = Tag::Core | Tag::Pointwise});
  declare_with_inplace(ops, {.schema = "aten::fill.Tensor(Tensor self, Tensor value) -> Tensor",
                             .infer =
                                 [like_self](const MetaArgs& args) {
                                   if (args.tensor("value")->rank() != 0)
                                     fail("{}: value must be 0-d", args.schema().name);
                                   return like_self(args);
                                 },
                             .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                               const HostTensor& self = args.tensor("self");
                               return {filled_with(args.tensor("value").to(self.dtype()), self.sizes())};
                             },
                             .tags = Tag::Pointwise,
                             .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                               return {builder.call("aten::copy", {args.tensor("self"), args.tensor("value")})};
                             }});
  declare_with_inplace(ops, {.schema = "aten::zero(Tensor self) -> Tensor",
                             .infer = like_self,
                             .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                               return {HostTensor::zeros(args.tensor("self").dtype(), args.tensor("self").sizes())};
                             },
                             .tags = Tag::Pointwise,
                             .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                               return {builder.call("aten::full_like", {args.tensor("self"), 0})};
                             }});
}

}  // namespace

void declare_copy_ops(OpRegistry& ops) {
  declare_to_family(ops);
  declare_copies(ops);
  declare_overwriting(ops);
}

}  // namespace exformer
