// Ops that take parts of a tensor by position: windows on the same memory, and their scatter counterparts, which return
// a changed copy.
#include <algorithm>
#include <limits>

#include "exformer/ops/builder.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/host_copy.h"
#include "exformer/ops/shape_rules.h"
#include "exformer/ops/view_rules.h"
#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

/// The smaller of two sizes, in the plainest form that is known to be right.
SymInt smaller(const SymInt& a, const SymInt& b) {
  if (less_equal(a, b) == Truth::Yes) return a;
  return less_equal(b, a) == Truth::Yes ? b : sym_min(a, b);
}

SymInt larger(const SymInt& a, const SymInt& b) {
  if (less_equal(a, b) == Truth::Yes) return b;
  return less_equal(b, a) == Truth::Yes ? a : sym_max(a, b);
}

/// A bound of a slice within [0, size]: negative ones count from the end.
SymInt clamp_bound(const SymInt& bound, const SymInt& size, std::string_view which, std::string_view op) {
  const Truth negative = less(bound, 0);
  if (negative == Truth::Unknown) fail("{}: whether {} = {} is negative is not known", op, which, to_string(bound));
  if (negative == Truth::Yes) return larger(bound + size, 0);
  return smaller(bound, size);
}

/// Splits of `split` each (the last may be shorter).
std::vector<ViewGeometry> split_geometry(const TensorMeta& self, const SymInt& split, int64_t given,
                                         std::string_view op) {
  if (self.rank() == 0) fail("{}: expected at least 1 dim, got a 0-d tensor", op);
  const int64_t dim = wrap_dim(given, self.rank(), op);
  const SymInt& size = self.sizes[dim];
  if (less(split, 0) != Truth::No) fail("{}: split_size must not be negative, got {}", op, to_string(split));
  SymInt count = 1;
  if (!known_equal(size, split)) {
    if (known_equal(split, 0)) fail("{}: split_size is 0 but dimension {} is {}", op, dim, to_string(size));
    count = less_equal(size, split) == Truth::Yes ? SymInt(1) : ceildiv(size, split);
  }
  if (!count.is_constant()) {
    const Interval range = bounds(count);
    if (range.min != range.max) {
      fail("{}: the number of parts of dimension {} of size {} by {} is not known", op, dim, to_string(size),
           to_string(split));
    }
    count = range.min;
  }
  std::vector<ViewGeometry> parts;
  const int64_t parts_count = std::max<int64_t>(count.value(), 1);
  for (int64_t i = 0; i < parts_count; ++i) {
    ViewGeometry part{self.sizes, self.strides, split * i * self.strides[dim]};
    part.sizes[dim] = i + 1 < parts_count ? split : size - split * (parts_count - 1);
    parts.push_back(std::move(part));
  }
  return parts;
}

std::vector<ViewGeometry> split_with_sizes_geometry(const TensorMeta& self, const std::vector<SymInt>& sizes,
                                                    int64_t given, std::string_view op) {
  if (self.rank() == 0) fail("{}: expected at least 1 dim, got a 0-d tensor", op);
  const int64_t dim = wrap_dim(given, self.rank(), op);
  std::vector<ViewGeometry> parts;
  SymInt start = 0;
  for (const SymInt& size : sizes) {
    if (less(size, 0) == Truth::Yes) fail("{}: sizes must not be negative, got {}", op, to_string(sizes));
    ViewGeometry part{self.sizes, self.strides, start * self.strides[dim]};
    part.sizes[dim] = size;
    start = start + size;
    parts.push_back(std::move(part));
  }
  if (!known_equal(start, self.sizes[dim])) {
    fail("{}: sizes {} {} dimension {} of size {}", op, to_string(sizes),
         equal(start, self.sizes[dim]) == Truth::No ? "do not add up to" : "are not known to add up to", dim,
         to_string(self.sizes[dim]));
  }
  return parts;
}

/// chunk: parts of ceil(size / chunks), maybe fewer than asked for.
SymInt chunk_size(const TensorMeta& self, int64_t chunks, int64_t given, std::string_view op) {
  if (self.rank() == 0) fail("{}: expected at least 1 dim, got a 0-d tensor", op);
  if (chunks <= 0) fail("{}: chunks must be at least 1, got {}", op, chunks);
  return ceildiv(self.sizes[wrap_dim(given, self.rank(), op)], chunks);
}

std::vector<ViewGeometry> chunk_geometry(const TensorMeta& self, int64_t chunks, int64_t dim, std::string_view op) {
  const SymInt split = chunk_size(self, chunks, dim, op);
  // An empty dim gives `chunks` empty parts.
  if (known_equal(split, 0))
    return split_with_sizes_geometry(self, std::vector<SymInt>(static_cast<size_t>(chunks), SymInt(0)), dim, op);
  return split_geometry(self, split, dim, op);
}

std::vector<ViewGeometry> unbind_geometry(const TensorMeta& self, int64_t given, std::string_view op) {
  if (self.rank() == 0) fail("{}: expected at least 1 dim, got a 0-d tensor", op);
  const int64_t dim = wrap_dim(given, self.rank(), op);
  if (!self.sizes[dim].is_constant())
    fail("{}: the size {} of dimension {} must be a constant", op, to_string(self.sizes[dim]), dim);
  std::vector<ViewGeometry> parts;
  for (int64_t i = 0; i < self.sizes[dim].value(); ++i) parts.push_back(select_geometry(self, dim, i, op));
  return parts;
}

ViewGeometry diagonal_geometry(const TensorMeta& self, int64_t offset, int64_t given1, int64_t given2,
                               std::string_view op) {
  const int64_t dim1 = wrap_dim(given1, self.rank(), op);
  const int64_t dim2 = wrap_dim(given2, self.rank(), op);
  if (dim1 == dim2) fail("{}: the two dims must differ, got {} and {}", op, given1, given2);
  const SymInt length = offset >= 0 ? smaller(self.sizes[dim1], self.sizes[dim2] - offset)
                                    : smaller(self.sizes[dim1] + offset, self.sizes[dim2]);
  ViewGeometry view;
  const SymInt size = larger(length, 0);
  if (!known_equal(size, 0)) view.offset = offset >= 0 ? self.strides[dim2] * offset : self.strides[dim1] * -offset;
  for (int64_t dim = 0; dim < self.rank(); ++dim) {
    if (dim == dim1 || dim == dim2) continue;
    view.sizes.push_back(self.sizes[dim]);
    view.strides.push_back(self.strides[dim]);
  }
  view.sizes.push_back(size);
  view.strides.push_back(self.strides[dim1] + self.strides[dim2]);
  return view;
}

ViewGeometry unfold_geometry(const TensorMeta& self, int64_t given, int64_t size, int64_t step, std::string_view op) {
  const int64_t dim = wrap_dim(given, self.rank(), op);
  const SymInt whole = self.rank() == 0 ? SymInt(1) : self.sizes[dim];
  const SymInt stride = self.rank() == 0 ? SymInt(1) : self.strides[dim];
  if (step <= 0) fail("{}: step must be at least 1, got {}", op, step);
  if (size < 0 || less_equal(size, whole) == Truth::No)
    fail("{}: size {} is outside [0, {}]", op, size, to_string(whole));
  ViewGeometry view{self.sizes, self.strides};
  view.sizes.push_back(size);
  view.strides.push_back(stride);
  if (self.rank() > 0) {
    view.sizes[dim] = floordiv(whole - size, step) + 1;
    view.strides[dim] = stride * step;
  }
  return view;
}

/// A changed copy: `self` with the window that `rule` describes replaced by `src`.
template <class Rule>
void declare_scatter(OpRegistry& ops, std::string_view schema, std::string_view out_variant, Rule rule) {
  ops.declare({.schema = schema,
               .infer = [rule](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const TensorMeta& self = *args.tensor("self");
                 const TensorMeta& source = *args.tensor("src");
                 const ViewGeometry window = rule(self, args);
                 bool fits = window.sizes.size() == source.sizes.size();
                 for (size_t i = 0; fits && i < window.sizes.size(); ++i)
                   fits = known_equal(window.sizes[i], source.sizes[i]);
                 if (!fits)
                   fail("{}: src has sizes {}, expected {}", args.schema().name, to_string(source.sizes),
                        to_string(window.sizes));
                 // clone_preserve_strides, unless elements share memory
                 bool overlaps = false;
                 for (size_t i = 0; i < self.sizes.size(); ++i)
                   overlaps |= self.strides[i] == SymInt(0) && self.sizes[i] != SymInt(1);
                 return {TensorMeta{self.dtype, self.sizes, overlaps ? like_strides(self) : self.strides}};
               },
               .kernel = [rule](const KernelArgs& args) -> std::vector<HostTensor> {
                 const HostTensor& self = args.tensor("self");
                 HostTensor result = HostTensor::empty(self.dtype(), self.sizes());
                 copy_elements(self, result);
                 copy_elements(args.tensor("src").to(self.dtype()), window_of(result, rule(meta_of(result), args)));
                 return {result};
               },
               .out_variant = out_variant,
               .tags = Tag::Core});
}

std::vector<Value*> slices(GraphBuilder& builder, Value* self, int64_t dim, const std::vector<SymInt>& sizes) {
  std::vector<Value*> parts;
  SymInt start = 0;
  for (const SymInt& size : sizes) {
    parts.push_back(builder.call("aten::slice.Tensor", {self, dim, start, start + size}));
    start = start + size;
  }
  return parts;
}

}  // namespace

ViewGeometry slice_geometry(const TensorMeta& self, int64_t given, std::optional<SymInt> start,
                            std::optional<SymInt> end, const SymInt& step, std::string_view op) {
  if (self.rank() == 0) fail("{}: a 0-d tensor cannot be sliced", op);
  const int64_t dim = wrap_dim(given, self.rank(), op);
  if (less_equal(step, 0) != Truth::No) fail("{}: step must be at least 1, got {}", op, to_string(step));
  const SymInt& size = self.sizes[dim];
  const SymInt from = start ? clamp_bound(*start, size, "start", op) : SymInt(0);
  // torch writes the largest integer for "to the end".
  const bool to_the_end = !end || *end == SymInt(std::numeric_limits<int64_t>::max());
  const SymInt to = to_the_end ? size : clamp_bound(*end, size, "end", op);
  // Where a bound is cut is not known of many sizes: the length is written without it.
  const bool counts_from_the_end = start && less(*start, 0) == Truth::Yes;
  SymInt length = larger(to - from, 0);
  if (!counts_from_the_end) length = larger(to - start.value_or(0), 0);
  if (counts_from_the_end && to_the_end) length = smaller(-*start, size);
  ViewGeometry view{self.sizes, self.strides, from * self.strides[dim]};
  view.sizes[dim] = ceildiv(length, step);
  view.strides[dim] = self.strides[dim] * step;
  return view;
}

ViewGeometry select_geometry(const TensorMeta& self, int64_t given, const SymInt& index, std::string_view op) {
  if (self.rank() == 0) fail("{}: a 0-d tensor has no dimension to select from", op);
  const int64_t dim = wrap_dim(given, self.rank(), op);
  const SymInt& size = self.sizes[dim];
  if (less(index, size) == Truth::No || less(index, -size) == Truth::Yes) {
    fail("{}: index {} is outside dimension {} of size {}", op, to_string(index), dim, to_string(size));
  }
  const Truth negative = less(index, 0);
  if (negative == Truth::Unknown) fail("{}: whether index {} is negative is not known", op, to_string(index));
  ViewGeometry view{self.sizes, self.strides, (negative == Truth::Yes ? index + size : index) * self.strides[dim]};
  view.sizes.erase(view.sizes.begin() + dim);
  view.strides.erase(view.strides.begin() + dim);
  return view;
}

void declare_slicing_ops(OpRegistry& ops) {
  const auto slice = [](const TensorMeta& self, const auto& args) {
    return slice_geometry(self, args.integer("dim"), args.optional_sym("start"), args.optional_sym("end"),
                          args.sym("step"), args.schema().name);
  };
  const auto select = [](const TensorMeta& self, const auto& args) {
    return select_geometry(self, args.integer("dim"), args.sym("index"), args.schema().name);
  };
  declare_view(
      ops,
      "aten::slice.Tensor(Tensor(a) self, int dim=0, SymInt? start=None, SymInt? end=None, SymInt step=1) -> Tensor(a)",
      slice, Tag::Core);
  declare_view(ops, "aten::select.int(Tensor(a) self, int dim, SymInt index) -> Tensor(a)", select, Tag::Core);
  declare_view(
      ops, "aten::narrow(Tensor(a) self, int dim, SymInt start, SymInt length) -> Tensor(a)",
      [](const TensorMeta& self, const auto& args) {
        const std::string_view op = args.schema().name;
        if (self.rank() == 0) fail("{}: a 0-d tensor cannot be narrowed", op);
        const SymInt& size = self.sizes[wrap_dim(args.integer("dim"), self.rank(), op)];
        SymInt start = args.sym("start");
        if (less(start, 0) == Truth::Yes) start = start + size;
        const SymInt length = args.sym("length");
        if (less(start, 0) == Truth::Yes || less(length, 0) == Truth::Yes ||
            less_equal(start + length, size) == Truth::No) {
          fail("{}: [{}, {}) is outside a dimension of size {}", op, to_string(start), to_string(start + length),
               to_string(size));
        }
        return slice_geometry(self, args.integer("dim"), start, start + length, 1, op);
      },
      Tag::None,
      [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
        Value* self = args.tensor("self");
        const SymInt& size = self->meta.sizes[wrap_dim(args.integer("dim"), self->meta.rank(), args.schema().name)];
        SymInt start = args.sym("start");
        if (less(start, 0) == Truth::Yes) start = start + size;
        return {builder.call("aten::slice.Tensor", {self, args.integer("dim"), start, start + args.sym("length")})};
      });
  declare_view(
      ops, "aten::split.Tensor(Tensor(a -> *) self, SymInt split_size, int dim=0) -> Tensor(a)[]",
      [](const TensorMeta& self, const auto& args) {
        return split_geometry(self, args.sym("split_size"), args.integer("dim"), args.schema().name);
      },
      Tag::None,
      [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
        Value* self = args.tensor("self");
        const int64_t dim = wrap_dim(args.integer("dim"), self->meta.rank(), args.schema().name);
        std::vector<SymInt> sizes;
        for (const ViewGeometry& part : split_geometry(self->meta, args.sym("split_size"), dim, args.schema().name)) {
          sizes.push_back(part.sizes[dim]);
        }
        return slices(builder, self, dim, sizes);
      });
  declare_view(
      ops, "aten::split_with_sizes(Tensor(a -> *) self, SymInt[] split_sizes, int dim=0) -> Tensor(a)[]",
      [](const TensorMeta& self, const auto& args) {
        return split_with_sizes_geometry(self, args.syms("split_sizes"), args.integer("dim"), args.schema().name);
      },
      Tag::Core);
  declare_view(
      ops, "aten::split.sizes(Tensor(a -> *) self, SymInt[] split_size, int dim=0) -> Tensor(a)[]",
      [](const TensorMeta& self, const auto& args) {
        return split_with_sizes_geometry(self, args.syms("split_size"), args.integer("dim"), args.schema().name);
      },
      Tag::None,
      [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
        return builder.call_all("aten::split_with_sizes",
                                {args.tensor("self"), args.syms("split_size"), args.integer("dim")});
      });
  declare_view(
      ops, "aten::chunk(Tensor(a -> *) self, int chunks, int dim=0) -> Tensor(a)[]",
      [](const TensorMeta& self, const auto& args) {
        return chunk_geometry(self, args.integer("chunks"), args.integer("dim"), args.schema().name);
      },
      Tag::None,
      [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
        Value* self = args.tensor("self");
        const int64_t dim = wrap_dim(args.integer("dim"), self->meta.rank(), args.schema().name);
        std::vector<SymInt> sizes;
        for (const ViewGeometry& part : chunk_geometry(self->meta, args.integer("chunks"), dim, args.schema().name)) {
          sizes.push_back(part.sizes[dim]);
        }
        return slices(builder, self, dim, sizes);
      });
  declare_view(
      ops, "aten::unbind.int(Tensor(a -> *) self, int dim=0) -> Tensor(a)[]",
      [](const TensorMeta& self, const auto& args) {
        return unbind_geometry(self, args.integer("dim"), args.schema().name);
      },
      Tag::None,
      [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
        Value* self = args.tensor("self");
        const int64_t dim = wrap_dim(args.integer("dim"), self->meta.rank(), args.schema().name);
        std::vector<Value*> parts;
        for (int64_t i = 0; i < self->meta.sizes[dim].value(); ++i)
          parts.push_back(builder.call("aten::select.int", {self, dim, i}));
        return parts;
      });
  declare_view(
      ops, "aten::as_strided(Tensor(a) self, SymInt[] size, SymInt[] stride, SymInt? storage_offset=None) -> Tensor(a)",
      [](const TensorMeta&, const auto& args) {
        // Exported graphs take windows of whole tensors, whose own offset is 0.
        if (args.syms("size").size() != args.syms("stride").size()) {
          fail("{}: {} sizes but {} strides", args.schema().name, args.syms("size").size(), args.syms("stride").size());
        }
        return ViewGeometry{args.syms("size"), args.syms("stride"),
                            args.optional_sym("storage_offset").value_or(SymInt(0))};
      },
      Tag::Core);
  declare_view(
      ops, "aten::diagonal(Tensor(a) self, int offset=0, int dim1=0, int dim2=1) -> Tensor(a)",
      [](const TensorMeta& self, const auto& args) {
        return diagonal_geometry(self, args.integer("offset"), args.integer("dim1"), args.integer("dim2"),
                                 args.schema().name);
      },
      Tag::Core);
  declare_view(ops, "aten::unfold(Tensor(a) self, int dimension, int size, int step) -> Tensor(a)",
               [](const TensorMeta& self, const auto& args) {
                 return unfold_geometry(self, args.integer("dimension"), args.integer("size"), args.integer("step"),
                                        args.schema().name);
               });
  declare_scatter(ops,
                  "aten::slice_scatter(Tensor self, Tensor src, int dim=0, SymInt? start=None, SymInt? end=None, "
                  "SymInt step=1) -> Tensor",
                  "aten::slice_scatter.out", slice);
  declare_scatter(ops, "aten::select_scatter(Tensor self, Tensor src, int dim, SymInt index) -> Tensor",
                  "aten::select_scatter.out", select);
}

}  // namespace exformer
