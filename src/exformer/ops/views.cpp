// Ops that give a tensor other sizes or another order of dims on the same memory.
// Geometry follows ATen/native/TensorShape.cpp and torch/_meta_registrations.py.
#include <algorithm>
#include <numeric>

#include "exformer/ops/builder.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/shape_rules.h"
#include "exformer/ops/view_rules.h"
#include "exformer/symbolic/printers.h"

namespace exformer {

TensorMeta meta_of(const HostTensor& tensor) {
  return {tensor.dtype(),
          {tensor.sizes().begin(), tensor.sizes().end()},
          {tensor.strides().begin(), tensor.strides().end()}};
}

HostTensor window_of(const HostTensor& self, const ViewGeometry& geometry) {
  std::vector<int64_t> sizes, strides;
  for (const SymInt& size : geometry.sizes) sizes.push_back(size.value());
  for (const SymInt& stride : geometry.strides) strides.push_back(stride.value());
  return self.as_strided(std::move(sizes), std::move(strides), geometry.offset.value());
}

ViewGeometry permute_geometry(const TensorMeta& self, const std::vector<int64_t>& dims, std::string_view op) {
  if (static_cast<int64_t>(dims.size()) != self.rank())
    fail("{}: {} dims given for a tensor of rank {}", op, dims.size(), self.rank());
  std::vector<bool> seen(dims.size(), false);
  ViewGeometry view;
  for (const int64_t given : dims) {
    const int64_t dim = wrap_dim(given, self.rank(), op);
    if (seen[dim]) fail("{}: dimension {} is given twice", op, given);
    seen[dim] = true;
    view.sizes.push_back(self.sizes[dim]);
    view.strides.push_back(self.strides[dim]);
  }
  return view;
}

namespace {

ViewGeometry transpose_geometry(const TensorMeta& self, int64_t dim0, int64_t dim1, std::string_view op) {
  ViewGeometry view{self.sizes, self.strides};
  const int64_t first = wrap_dim(dim0, self.rank(), op);
  const int64_t second = wrap_dim(dim1, self.rank(), op);
  if (first != second) {
    std::swap(view.sizes[first], view.sizes[second]);
    std::swap(view.strides[first], view.strides[second]);
  }
  return view;
}

/// Whether a size is 1; a size that may or may not be is an error, for the rank of the result hangs on it.
bool is_one(const SymInt& size, int64_t dim, std::string_view op) {
  const Truth truth = equal(size, 1);
  if (truth == Truth::Unknown) fail("{}: whether dimension {} of size {} is 1 is not known", op, dim, to_string(size));
  return truth == Truth::Yes;
}

/// Drops the dims among `dims` whose size is 1.
ViewGeometry squeeze_geometry(const TensorMeta& self, const std::vector<int64_t>& dims, std::string_view op) {
  std::vector<bool> listed(static_cast<size_t>(std::max<int64_t>(self.rank(), 1)), false);
  for (const int64_t dim : dims) listed[wrap_dim(dim, self.rank(), op)] = true;
  ViewGeometry view;
  for (int64_t dim = 0; dim < self.rank(); ++dim) {
    if (listed[dim] && is_one(self.sizes[dim], dim, op)) continue;
    view.sizes.push_back(self.sizes[dim]);
    view.strides.push_back(self.strides[dim]);
  }
  return view;
}

ViewGeometry unsqueeze_geometry(const TensorMeta& self, int64_t given, std::string_view op) {
  const int64_t dim = wrap_dim(given, self.rank() + 1, op);
  ViewGeometry view{self.sizes, self.strides};
  const SymInt stride = dim == self.rank() ? SymInt(1) : self.sizes[dim] * self.strides[dim];
  view.sizes.insert(view.sizes.begin() + dim, SymInt(1));
  view.strides.insert(view.strides.begin() + dim, stride);
  return view;
}

/// ATen/ExpandUtils.cpp inferExpandGeometry.
ViewGeometry expand_geometry(const TensorMeta& self, const std::vector<SymInt>& sizes, std::string_view op) {
  const auto rank = static_cast<int64_t>(sizes.size());
  const int64_t added = rank - self.rank();
  if (added < 0) fail("{}: sizes {} are fewer than the tensor's {}", op, to_string(sizes), to_string(self.sizes));
  ViewGeometry view{std::vector<SymInt>(sizes.size()), std::vector<SymInt>(sizes.size())};
  for (int64_t i = rank - 1; i >= 0; --i) {
    const bool is_new = i < added;
    const SymInt size = is_new ? SymInt(1) : self.sizes[i - added];
    SymInt stride =
        is_new ? (i == rank - 1 ? SymInt(1) : view.sizes[i + 1] * view.strides[i + 1]) : self.strides[i - added];
    SymInt target = sizes[i];
    if (target == SymInt(-1)) {
      if (is_new) fail("{}: -1 is not allowed for the new dimension {} of {}", op, i, to_string(sizes));
      target = size;
    }
    if (!known_equal(size, target)) {
      if (size != SymInt(1)) {
        fail("{}: dimension {} of size {} {} {}", op, i, to_string(size),
             equal(size, target) == Truth::No ? "cannot be expanded to" : "is not known to equal", to_string(target));
      }
      stride = 0;
    }
    view.sizes[i] = target;
    view.strides[i] = stride;
  }
  return view;
}

/// Order of dims after `source[i]` has moved to `destination[i]`.
std::vector<int64_t> moved_dims(int64_t rank, const std::vector<int64_t>& source,
                                const std::vector<int64_t>& destination, std::string_view op) {
  if (source.size() != destination.size())
    fail("{}: {} dims to move, {} destinations", op, source.size(), destination.size());
  std::vector<int64_t> order(static_cast<size_t>(rank), -1);
  std::vector<bool> moved(static_cast<size_t>(rank), false);
  for (size_t i = 0; i < source.size(); ++i) {
    const int64_t from = wrap_dim(source[i], rank, op);
    const int64_t to = wrap_dim(destination[i], rank, op);
    if (rank == 0) continue;
    if (moved[from] || order[to] != -1) fail("{}: a dimension is given twice", op);
    moved[from] = true;
    order[to] = from;
  }
  int64_t next = 0;
  for (int64_t& dim : order) {
    if (dim != -1) continue;
    while (moved[next]) ++next;
    dim = next++;
  }
  return order;
}

std::vector<SymInt> flattened_sizes(const TensorMeta& self, int64_t start, int64_t end, std::string_view op) {
  if (self.rank() == 0) return {SymInt(1)};
  const int64_t first = wrap_dim(start, self.rank(), op);
  const int64_t last = wrap_dim(end, self.rank(), op);
  if (first > last) fail("{}: start_dim {} comes after end_dim {}", op, start, end);
  std::vector<SymInt> sizes(self.sizes.begin(), self.sizes.begin() + first);
  SymInt merged = 1;
  for (int64_t dim = first; dim <= last; ++dim) merged = merged * self.sizes[dim];
  sizes.push_back(merged);
  sizes.insert(sizes.end(), self.sizes.begin() + last + 1, self.sizes.end());
  return sizes;
}

std::vector<SymInt> unflattened_sizes(const TensorMeta& self, int64_t given, std::vector<SymInt> sizes,
                                      std::string_view op) {
  const int64_t dim = wrap_dim(given, self.rank(), op);
  if (sizes.empty()) fail("{}: sizes must not be empty", op);
  const TensorMeta one_dim = contiguous_meta(self.dtype, {self.sizes[dim]});
  sizes = resolve_view_sizes(one_dim, sizes, op);
  std::vector<SymInt> result(self.sizes.begin(), self.sizes.begin() + dim);
  result.insert(result.end(), sizes.begin(), sizes.end());
  result.insert(result.end(), self.sizes.begin() + dim + 1, self.sizes.end());
  return result;
}

enum class OnMisfit { Fail, Copy };

/// An op that views with other sizes; what cannot be viewed is copied or refused. `rule` is a generic lambda that gives
/// the sizes. Kernels always copy what they cannot view: intermediate results may lie in memory otherwise than their
/// metas say.
template <class Rule>
void declare_reshape(OpRegistry& ops, std::string_view schema, OnMisfit on_misfit, Tag tags, Rule rule) {
  ops.declare({.schema = schema,
               .infer = [rule, on_misfit](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const TensorMeta& self = *args.tensor("self");
                 std::vector<SymInt> sizes = rule(self, args);
                 auto strides = view_strides(self, sizes);
                 if (!strides && on_misfit == OnMisfit::Fail) {
                   fail("{}: sizes {} cannot be viewed on {} with strides {}; use reshape", args.schema().name,
                        to_string(sizes), to_string(self.sizes), to_string(self.strides));
                 }
                 if (!strides) strides = contiguous_strides(sizes);
                 return {TensorMeta{self.dtype, std::move(sizes), std::move(*strides)}};
               },
               .kernel = [rule](const KernelArgs& args) -> std::vector<HostTensor> {
                 const HostTensor& self = args.tensor("self");
                 const TensorMeta meta = meta_of(self);
                 ViewGeometry view{rule(meta, args), {}};
                 if (auto strides = view_strides(meta, view.sizes)) {
                   view.strides = std::move(*strides);
                   return {window_of(self, view)};
                 }
                 view.strides = contiguous_strides(view.sizes);
                 return {window_of(self.contiguous(), view)};
               },
               .tags = tags,
               .decompose = on_misfit == OnMisfit::Fail && has_tag(tags, Tag::Core)
                                ? DecomposeFunction(nullptr)
                                : [rule](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                 Value* self = args.tensor("self");
                 const std::vector<SymInt> sizes = rule(self->meta, args);
                 if (!view_strides(self->meta, sizes)) {
                   self = builder.call("aten::clone", {self}, {{"memory_format", MemoryFormat::Contiguous}});
                 }
                 return {builder.call("aten::view", {self, sizes})};
               }});
}

}  // namespace

void declare_views_ops(OpRegistry& ops) {
  const auto given_size = [](const TensorMeta& self, const auto& args) {
    return resolve_view_sizes(self, args.syms("size"), args.schema().name);
  };
  const auto size_of_other = [](const TensorMeta& self, const auto& args) {
    return resolve_view_sizes(self, meta_of(args.tensor("other")).sizes, args.schema().name);
  };
  declare_reshape(ops, "aten::view(Tensor(a) self, SymInt[] size) -> Tensor(a)", OnMisfit::Fail, Tag::View | Tag::Core,
                  given_size);
  declare_reshape(ops, "aten::_unsafe_view(Tensor self, SymInt[] size) -> Tensor", OnMisfit::Fail, Tag::View,
                  given_size);
  declare_reshape(ops, "aten::view_as(Tensor(a) self, Tensor other) -> Tensor(a)", OnMisfit::Fail, Tag::View,
                  size_of_other);
  declare_reshape(ops, "aten::reshape(Tensor(a) self, SymInt[] shape) -> Tensor(a)", OnMisfit::Copy, Tag::View,
                  [](const TensorMeta& self, const auto& args) {
                    return resolve_view_sizes(self, args.syms("shape"), args.schema().name);
                  });
  declare_reshape(ops, "aten::reshape_as(Tensor(a) self, Tensor other) -> Tensor(a)", OnMisfit::Copy, Tag::View,
                  size_of_other);
  declare_reshape(ops, "aten::flatten.using_ints(Tensor(a) self, int start_dim=0, int end_dim=-1) -> Tensor(a)",
                  OnMisfit::Copy, Tag::View, [](const TensorMeta& self, const auto& args) {
                    return flattened_sizes(self, args.integer("start_dim"), args.integer("end_dim"),
                                           args.schema().name);
                  });
  declare_reshape(ops, "aten::unflatten.int(Tensor(a) self, int dim, SymInt[] sizes) -> Tensor(a)", OnMisfit::Fail,
                  Tag::View, [](const TensorMeta& self, const auto& args) {
                    return unflattened_sizes(self, args.integer("dim"), args.syms("sizes"), args.schema().name);
                  });

  // Ops over dims rewrite themselves as permute, unsqueeze, squeeze and expand: the core forms.
  const auto as_permute = [](auto order) {
    return [order](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
      Value* self = args.tensor("self");
      std::vector<int64_t> dims = order(self->meta.rank(), args);
      return {builder.call("aten::permute", {self, std::move(dims)})};
    };
  };
  const auto swapped = [](std::string_view first, std::string_view second) {
    return [first, second](int64_t rank, const ValueArgs& args) {
      std::vector<int64_t> order(static_cast<size_t>(rank));
      std::iota(order.begin(), order.end(), 0);
      if (rank > 0) {
        std::swap(order[wrap_dim(args.integer(first), rank, args.schema().name)],
                  order[wrap_dim(args.integer(second), rank, args.schema().name)]);
      }
      return order;
    };
  };
  const auto reversed_last = [](int64_t rank, const ValueArgs&) {
    std::vector<int64_t> order(static_cast<size_t>(rank));
    std::iota(order.begin(), order.end(), 0);
    if (rank >= 2) std::swap(order[rank - 1], order[rank - 2]);
    return order;
  };
  const auto fully_reversed = [](int64_t rank, const ValueArgs&) {
    std::vector<int64_t> order(static_cast<size_t>(rank));
    std::iota(order.rbegin(), order.rend(), 0);
    return order;
  };
  const auto transpose = [](std::string_view first, std::string_view second) {
    return [first, second](const TensorMeta& self, const auto& args) {
      return transpose_geometry(self, args.integer(first), args.integer(second), args.schema().name);
    };
  };
  declare_view(ops, "aten::transpose.int(Tensor(a) self, int dim0, int dim1) -> Tensor(a)", transpose("dim0", "dim1"),
               Tag::None, as_permute(swapped("dim0", "dim1")));
  declare_view(ops, "aten::swapdims(Tensor(a) self, int dim0, int dim1) -> Tensor(a)", transpose("dim0", "dim1"),
               Tag::None, as_permute(swapped("dim0", "dim1")));
  declare_view(ops, "aten::swapaxes(Tensor(a) self, int axis0, int axis1) -> Tensor(a)", transpose("axis0", "axis1"),
               Tag::None, as_permute(swapped("axis0", "axis1")));
  const auto matrix_t = [](const TensorMeta& self, const auto& args) {
    if (self.rank() > 2) fail("{}: expected at most 2 dims, got {}", args.schema().name, self.rank());
    return self.rank() < 2 ? ViewGeometry{self.sizes, self.strides}
                           : transpose_geometry(self, 0, 1, args.schema().name);
  };
  declare_view(ops, "aten::t(Tensor(a) self) -> Tensor(a)", matrix_t, Tag::None, as_permute(reversed_last));
  const auto matrix_transpose = [](const TensorMeta& self, const auto& args) {
    if (self.rank() < 2) fail("{}: expected at least 2 dims, got {}", args.schema().name, self.rank());
    return transpose_geometry(self, -2, -1, args.schema().name);
  };
  declare_view(ops, "aten::mT(Tensor(a) self) -> Tensor(a)", matrix_transpose, Tag::None, as_permute(reversed_last));
  declare_view(ops, "aten::adjoint(Tensor(a) self) -> Tensor(a)", matrix_transpose, Tag::None,
               as_permute(reversed_last));
  declare_view(
      ops, "aten::numpy_T(Tensor(a) self) -> Tensor(a)",
      [](const TensorMeta& self, const auto& args) {
        std::vector<int64_t> order(self.sizes.size());
        std::iota(order.rbegin(), order.rend(), 0);
        return permute_geometry(self, order, args.schema().name);
      },
      Tag::None, as_permute(fully_reversed));
  declare_view(
      ops, "aten::permute(Tensor(a) self, int[] dims) -> Tensor(a)",
      [](const TensorMeta& self, const auto& args) {
        return permute_geometry(self, args.integers("dims"), args.schema().name);
      },
      Tag::Core);
  const auto moved = [](const TensorMeta& self, const auto& args) {
    return permute_geometry(
        self, moved_dims(self.rank(), args.integers("source"), args.integers("destination"), args.schema().name),
        args.schema().name);
  };
  const auto moved_one = [](const TensorMeta& self, const auto& args) {
    return permute_geometry(
        self, moved_dims(self.rank(), {args.integer("source")}, {args.integer("destination")}, args.schema().name),
        args.schema().name);
  };
  const auto moved_order = [](int64_t rank, const ValueArgs& args) {
    return moved_dims(rank, args.integers("source"), args.integers("destination"), args.schema().name);
  };
  const auto moved_one_order = [](int64_t rank, const ValueArgs& args) {
    return moved_dims(rank, {args.integer("source")}, {args.integer("destination")}, args.schema().name);
  };
  declare_view(ops, "aten::movedim.intlist(Tensor(a) self, int[] source, int[] destination) -> Tensor(a)", moved,
               Tag::None, as_permute(moved_order));
  declare_view(ops, "aten::movedim.int(Tensor(a) self, int source, int destination) -> Tensor(a)", moved_one, Tag::None,
               as_permute(moved_one_order));
  declare_view(ops, "aten::moveaxis.int(Tensor(a) self, int source, int destination) -> Tensor(a)", moved_one,
               Tag::None, as_permute(moved_one_order));

  declare_view(
      ops, "aten::expand(Tensor(a) self, SymInt[] size, *, bool implicit=False) -> Tensor(a)",
      [](const TensorMeta& self, const auto& args) {
        return expand_geometry(self, args.syms("size"), args.schema().name);
      },
      Tag::Core);
  declare_view(
      ops, "aten::expand_as(Tensor(a) self, Tensor other) -> Tensor(a)",
      [](const TensorMeta& self, const auto& args) {
        return expand_geometry(self, meta_of(args.tensor("other")).sizes, args.schema().name);
      },
      Tag::None,
      [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
        return {builder.call("aten::expand", {args.tensor("self"), args.tensor("other")->meta.sizes})};
      });
  declare_view(
      ops, "aten::unsqueeze(Tensor(a) self, int dim) -> Tensor(a)",
      [](const TensorMeta& self, const auto& args) {
        return unsqueeze_geometry(self, args.integer("dim"), args.schema().name);
      },
      Tag::Core);
  const auto squeeze_all = [](const TensorMeta& self, const auto& args) {
    std::vector<int64_t> dims(self.sizes.size());
    std::iota(dims.begin(), dims.end(), 0);
    return squeeze_geometry(self, dims, args.schema().name);
  };
  const auto squeeze_dim = [](const TensorMeta& self, const auto& args) {
    return squeeze_geometry(self, {args.integer("dim")}, args.schema().name);
  };
  const auto squeeze_dims = [](const TensorMeta& self, const auto& args) {
    return squeeze_geometry(self, args.integers("dim"), args.schema().name);
  };
  declare_view(ops, "aten::squeeze(Tensor(a) self) -> Tensor(a)", squeeze_all, Tag::None,
               [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                 std::vector<int64_t> dims;
                 for (int64_t i = 0; i < args.tensor("self")->meta.rank(); ++i) {
                   if (known_equal(args.tensor("self")->meta.sizes[i], 1)) dims.push_back(i);
                 }
                 return {builder.call("aten::squeeze.dims", {args.tensor("self"), std::move(dims)})};
               });
  declare_view(ops, "aten::squeeze.dim(Tensor(a) self, int dim) -> Tensor(a)", squeeze_dim, Tag::Core);
  declare_view(ops, "aten::squeeze.dims(Tensor(a) self, int[] dim) -> Tensor(a)", squeeze_dims, Tag::Core);

  const auto same = [](const TensorMeta& self, const auto&) { return ViewGeometry{self.sizes, self.strides}; };
  const auto as_input = [](GraphBuilder&, const ValueArgs& args) -> std::vector<Value*> {
    return {args.tensor("self")};
  };
  declare_view(ops, "aten::alias(Tensor(a) self) -> Tensor(a)", same, Tag::Core);
  declare_view(ops, "aten::detach(Tensor(a) self) -> Tensor(a)", same, Tag::None, as_input);
  declare_view(ops, "aten::lift_fresh(Tensor(a) self) -> Tensor(a)", same, Tag::None, as_input);

  // These change the tensor's own geometry; no element is written.
  declare_view(
      ops, "aten::unsqueeze_(Tensor(a!) self, int dim) -> Tensor(a!)",
      [](const TensorMeta& self, const auto& args) {
        return unsqueeze_geometry(self, args.integer("dim"), args.schema().name);
      },
      Tag::Inplace);
  declare_view(ops, "aten::squeeze_(Tensor(a!) self) -> Tensor(a!)", squeeze_all, Tag::Inplace);
  declare_view(ops, "aten::squeeze_.dim(Tensor(a!) self, int dim) -> Tensor(a!)", squeeze_dim, Tag::Inplace);
  declare_view(ops, "aten::squeeze_.dims(Tensor(a!) self, int[] dim) -> Tensor(a!)", squeeze_dims, Tag::Inplace);
  declare_view(ops, "aten::transpose_(Tensor(a!) self, int dim0, int dim1) -> Tensor(a!)", transpose("dim0", "dim1"),
               Tag::Inplace);
  declare_view(ops, "aten::swapdims_(Tensor(a!) self, int dim0, int dim1) -> Tensor(a!)", transpose("dim0", "dim1"),
               Tag::Inplace);
  declare_view(ops, "aten::swapaxes_(Tensor(a!) self, int axis0, int axis1) -> Tensor(a!)", transpose("axis0", "axis1"),
               Tag::Inplace);
  declare_view(ops, "aten::t_(Tensor(a!) self) -> Tensor(a!)", matrix_t, Tag::Inplace);
  declare_view(ops, "aten::detach_(Tensor(a!) self) -> Tensor(a!)", same, Tag::Inplace);
}

}  // namespace exformer
