// Ops that put several tensors together: cat, stack and their NumPy-named forms.
#include "exformer/ops/builder.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/host_copy.h"
#include "exformer/ops/layout_rules.h"
#include "exformer/ops/shape_rules.h"
#include "exformer/ops/view_rules.h"
#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

/// cat passes over 1-d tensors without elements, whatever the rank of the others.
template <class Meta>
bool is_legacy_empty(const Meta& meta) {
  return meta.sizes.size() == 1 && meta.sizes[0] == SymInt(0);
}

DType common_dtype(const std::vector<const TensorMeta*>& tensors) {
  Promotion promotion;
  for (const TensorMeta* tensor : tensors) promotion.add(*tensor);
  return promotion.result();
}

/// torch._prims_common.suggest_memory_format: whether every tensor lies channels last.
bool all_channels_last(const std::vector<const TensorMeta*>& tensors) {
  for (const TensorMeta* tensor : tensors) {
    if (!is_channels_last(*tensor)) return false;
  }
  return true;
}

TensorMeta cat_meta(const std::vector<const TensorMeta*>& tensors, int64_t given, std::string_view op) {
  if (tensors.empty()) fail("{}: expected at least one tensor, got none", op);
  std::vector<const TensorMeta*> joined;
  for (const TensorMeta* tensor : tensors) {
    if (tensor->rank() == 0) fail("{}: a 0-d tensor cannot be concatenated", op);
    if (!is_legacy_empty(*tensor)) joined.push_back(tensor);
  }
  if (joined.empty()) return contiguous_meta(common_dtype(tensors), {SymInt(0)});
  const int64_t rank = joined.front()->rank();
  const int64_t dim = wrap_dim(given, rank, op);
  std::vector<SymInt> sizes = joined.front()->sizes;
  for (size_t i = 1; i < joined.size(); ++i) {
    const TensorMeta& next = *joined[i];
    if (next.rank() != rank)
      fail("{}: tensors of rank {} and {}: {} and {}", op, rank, next.rank(), to_string(sizes), to_string(next.sizes));
    for (int64_t d = 0; d < rank; ++d) {
      if (d == dim) continue;
      if (!known_equal(sizes[d], next.sizes[d])) {
        fail("{}: sizes {} and {} {} in dimension {}", op, to_string(joined.front()->sizes), to_string(next.sizes),
             equal(sizes[d], next.sizes[d]) == Truth::No ? "differ" : "are not known to be equal", d);
      }
      if (next.sizes[d].is_constant()) sizes[d] = next.sizes[d];
    }
    sizes[dim] = sizes[dim] + next.sizes[dim];
  }
  TensorMeta result = contiguous_meta(common_dtype(tensors), std::move(sizes));
  if (all_channels_last(tensors)) result.strides = channels_last_strides(result.sizes);
  return result;
}

HostTensor cat_tensors(const std::vector<HostTensor>& tensors, int64_t dim, std::string_view op) {
  std::vector<TensorMeta> metas;
  std::vector<const TensorMeta*> pointers;
  for (const HostTensor& tensor : tensors) metas.push_back(meta_of(tensor));
  for (const TensorMeta& meta : metas) pointers.push_back(&meta);
  const TensorMeta joined = cat_meta(pointers, dim, op);
  std::vector<int64_t> sizes;
  for (const SymInt& size : joined.sizes) sizes.push_back(size.value());
  HostTensor result = HostTensor::empty(joined.dtype, sizes);
  const int64_t axis = wrap_dim(dim, result.rank(), op);
  int64_t start = 0;
  for (const HostTensor& tensor : tensors) {
    if (tensor.rank() == 1 && tensor.size(0) == 0) continue;
    copy_elements(tensor.to(result.dtype()),
                  result.as_strided(tensor.sizes(), result.strides(), start * result.strides()[axis]));
    start += tensor.size(axis);
  }
  return result;
}

TensorMeta unsqueezed(const TensorMeta& meta, int64_t given, std::string_view op) {
  const int64_t dim = wrap_dim(given, meta.rank() + 1, op);
  TensorMeta result = meta;
  result.sizes.insert(result.sizes.begin() + dim, SymInt(1));
  return contiguous_meta(result.dtype, result.sizes);
}

HostTensor with_sizes(const HostTensor& tensor, std::vector<int64_t> sizes) {
  return tensor.contiguous().reshaped(std::move(sizes));
}

/// atleast_1d/2d/3d, as hstack, vstack and dstack apply them.
std::vector<SymInt> at_least(const std::vector<SymInt>& sizes, int rank) {
  std::vector<SymInt> result = sizes;
  if (rank >= 1 && result.empty()) result = {SymInt(1)};
  if (rank >= 2 && result.size() == 1) result.insert(result.begin(), SymInt(1));
  if (rank >= 3 && result.size() == 2) result.emplace_back(1);
  return result;
}

/// cat over tensors of at least `rank` dims; `columns` turns 1-d tensors into columns first (column_stack).
struct StackForm {
  int rank = 1;
  bool columns = false;
};

std::vector<SymInt> form_sizes(const TensorMeta& meta, StackForm form) {
  if (form.columns) {
    if (meta.rank() > 1) return meta.sizes;
    return {element_count(meta.sizes), SymInt(1)};
  }
  return at_least(meta.sizes, form.rank);
}

int64_t form_dim(size_t rank, StackForm form) {
  if (form.columns) return 1;
  return form.rank == 3 ? 2 : form.rank == 2 ? 0 : (rank == 1 ? 0 : 1);
}

void declare_stack_form(OpRegistry& ops, std::string_view schema, StackForm form) {
  ops.declare({.schema = schema,
               .infer = [form](const MetaArgs& args) -> std::vector<OutputMeta> {
                 std::vector<TensorMeta> metas;
                 for (const TensorMeta* tensor : args.tensors("tensors")) {
                   std::vector<SymInt> sizes = form_sizes(*tensor, form);
                   metas.push_back(sizes == tensor->sizes ? *tensor : contiguous_meta(tensor->dtype, std::move(sizes)));
                 }
                 std::vector<const TensorMeta*> pointers;
                 for (const TensorMeta& meta : metas) pointers.push_back(&meta);
                 if (metas.empty()) fail("{}: expected at least one tensor, got none", args.schema().name);
                 return {cat_meta(pointers, form_dim(metas.front().sizes.size(), form), args.schema().name)};
               },
               .kernel = [form](const KernelArgs& args) -> std::vector<HostTensor> {
                 std::vector<HostTensor> tensors;
                 for (const HostTensor& tensor : args.tensors("tensors")) {
                   std::vector<int64_t> sizes;
                   for (const SymInt& size : form_sizes(meta_of(tensor), form)) sizes.push_back(size.value());
                   tensors.push_back(sizes == tensor.sizes() ? tensor : with_sizes(tensor, std::move(sizes)));
                 }
                 return {cat_tensors(tensors, form_dim(tensors.front().sizes().size(), form), args.schema().name)};
               },
               .decompose = [form](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                 std::vector<Value*> tensors;
                 for (Value* tensor : args.tensors("tensors")) {
                   std::vector<SymInt> sizes = form_sizes(tensor->meta, form);
                   tensors.push_back(sizes == tensor->meta.sizes ? tensor
                                                                 : builder.call("aten::reshape", {tensor, sizes}));
                 }
                 const int64_t dim = form_dim(tensors.front()->meta.sizes.size(), form);
                 return {builder.call("aten::cat", {tensors, dim})};
               }});
}

}  // namespace

void declare_joining_ops(OpRegistry& ops) {
  const InferFunction infer_cat = [](const MetaArgs& args) -> std::vector<OutputMeta> {
    return {cat_meta(args.tensors("tensors"), args.integer("dim"), args.schema().name)};
  };
  const KernelFunction run_cat = [](const KernelArgs& args) -> std::vector<HostTensor> {
    return {cat_tensors(args.tensors("tensors"), args.integer("dim"), args.schema().name)};
  };
  ops.declare({.schema = "aten::cat(Tensor[] tensors, int dim=0) -> Tensor",
               .infer = infer_cat,
               .kernel = run_cat,
               .out_variant = "aten::cat.out",
               .tags = Tag::Core});
  for (const std::string_view schema : {"aten::concat(Tensor[] tensors, int dim=0) -> Tensor",
                                        "aten::concatenate(Tensor[] tensors, int dim=0) -> Tensor"}) {
    ops.declare({.schema = schema,
                 .infer = infer_cat,
                 .kernel = run_cat,
                 .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                   return {builder.call("aten::cat", {args.tensors("tensors"), args.integer("dim")})};
                 }});
  }
  ops.declare({.schema = "aten::stack(Tensor[] tensors, int dim=0) -> Tensor",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const std::string_view op = args.schema().name;
                 if (args.tensors("tensors").empty()) fail("{}: expected at least one tensor, got none", op);
                 const TensorMeta& first = *args.tensors("tensors").front();
                 std::vector<TensorMeta> metas;
                 for (const TensorMeta* tensor : args.tensors("tensors")) {
                   bool same = tensor->rank() == first.rank();
                   for (int64_t i = 0; same && i < first.rank(); ++i)
                     same = known_equal(tensor->sizes[i], first.sizes[i]);
                   if (!same)
                     fail("{}: tensors must have equal sizes, got {} and {}", op, to_string(first.sizes),
                          to_string(tensor->sizes));
                   metas.push_back(unsqueezed(*tensor, args.integer("dim"), op));
                 }
                 std::vector<const TensorMeta*> pointers;
                 for (const TensorMeta& meta : metas) pointers.push_back(&meta);
                 TensorMeta result = cat_meta(pointers, args.integer("dim"), op);
                 result.strides = contiguous_strides(result.sizes);
                 return {result};
               },
               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                 std::vector<HostTensor> tensors;
                 const int64_t dim =
                     wrap_dim(args.integer("dim"), args.tensors("tensors").front().rank() + 1, args.schema().name);
                 for (const HostTensor& tensor : args.tensors("tensors")) {
                   std::vector<int64_t> sizes = tensor.sizes(), strides = tensor.strides();
                   sizes.insert(sizes.begin() + dim, 1);
                   strides.insert(strides.begin() + dim, 1);
                   tensors.push_back(tensor.as_strided(std::move(sizes), std::move(strides), 0));
                 }
                 return {cat_tensors(tensors, dim, args.schema().name)};
               },
               .out_variant = "aten::stack.out",
               .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                 std::vector<Value*> tensors;
                 for (Value* tensor : args.tensors("tensors"))
                   tensors.push_back(builder.call("aten::unsqueeze", {tensor, args.integer("dim")}));
                 return {builder.call("aten::cat", {tensors, wrap_dim(args.integer("dim"), tensors.front()->meta.rank(),
                                                                      args.schema().name)})};
               }});
  declare_stack_form(ops, "aten::hstack(Tensor[] tensors) -> Tensor", {.rank = 1});
  declare_stack_form(ops, "aten::vstack(Tensor[] tensors) -> Tensor", {.rank = 2});
  declare_stack_form(ops, "aten::dstack(Tensor[] tensors) -> Tensor", {.rank = 3});
  declare_stack_form(ops, "aten::column_stack(Tensor[] tensors) -> Tensor", {.rank = 2, .columns = true});
}

}  // namespace exformer
