// Ops that read or write along one dim, with one index for every element: gather, scatter and their kin.
#include <algorithm>
#include <limits>

#include "exformer/ops/builder.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/dispatch.h"
#include "exformer/ops/fill.h"
#include "exformer/ops/index_walk.h"
#include "exformer/ops/pointwise_rules.h"
#include "exformer/ops/shape_rules.h"
#include "exformer/ops/view_rules.h"
#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

std::vector<SymInt> at_least_1d(const std::vector<SymInt>& sizes) {
  return sizes.empty() ? std::vector<SymInt>{1} : sizes;
}
HostTensor at_least_1d(const HostTensor& tensor) {
  return tensor.rank() == 0 ? tensor.contiguous().reshaped({1}) : tensor;
}

enum class Along { SkipDim, EveryDim };

/// `index` has the rank of `whole`, and fits into it (along all dims, or all but `dim`).
void check_fits(const TensorMeta& index, const TensorMeta& whole, int64_t dim, Along along, std::string_view what,
                std::string_view op) {
  const std::vector<SymInt> inner = at_least_1d(index.sizes), outer = at_least_1d(whole.sizes);
  if (inner.size() != outer.size())
    fail("{}: index has sizes {}, {} has {}: ranks differ", op, to_string(index.sizes), what, to_string(whole.sizes));
  for (size_t i = 0; i < inner.size(); ++i) {
    if (along == Along::SkipDim && static_cast<int64_t>(i) == dim) continue;
    if (less_equal(inner[i], outer[i]) == Truth::No) {
      fail("{}: index of sizes {} reaches beyond {} of sizes {} in dimension {}", op, to_string(index.sizes), what,
           to_string(whole.sizes), i);
    }
  }
}

void check_index_dtype(DType dtype, std::string_view op) {
  if (dtype != DType::Int64 && dtype != DType::Int32) fail("{}: index must be int64, got {}", op, dtype_name(dtype));
}

std::vector<OutputMeta> gather_infer(const MetaArgs& args) {
  const std::string& op = args.schema().name;
  const TensorMeta& self = *args.tensor("self");
  const TensorMeta& index = *args.tensor("index");
  check_index_dtype(index.dtype, op);
  check_fits(index, self, wrap_dim(args.integer("dim"), self.rank(), op), Along::SkipDim, "self", op);
  return {contiguous_meta(self.dtype, index.sizes)};
}

/// Visits each element of `index`: visit(i, place), `place` being the offset in a tensor of `strides` of the element
/// that it names.
template <class F>
void walk_places(const HostTensor& index, int64_t dim, int64_t size, const std::vector<int64_t>& strides,
                 std::string_view op, const F& visit) {
  const HostTensor positions = index.to(DType::Int64).contiguous();
  const int64_t* values = positions.data<int64_t>();
  std::vector<int64_t> steps = strides;
  steps[static_cast<size_t>(dim)] = 0;
  const int64_t along = strides[static_cast<size_t>(dim)];
  walk_offsets(positions.sizes(), steps, [&](int64_t i, int64_t offset) {
    if (values[i] < 0 || values[i] >= size) fail("{}: index {} is outside a dimension of size {}", op, values[i], size);
    visit(i, offset + values[i] * along);
  });
}

HostTensor gather_elements(const HostTensor& given, int64_t dim, const HostTensor& given_index, std::string_view op) {
  const HostTensor self = at_least_1d(given);
  const HostTensor index = at_least_1d(given_index);
  HostTensor result = HostTensor::empty(self.dtype(), given_index.sizes());
  visit_storage(self.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = self.data<T>();
    T* to = result.data<T>();
    walk_places(index, dim, self.size(dim), self.strides(), op, [&](int64_t i, int64_t place) { to[i] = from[place]; });
  });
  return result;
}

std::vector<HostTensor> gather_kernel(const KernelArgs& args) {
  const HostTensor& self = args.tensor("self");
  return {gather_elements(self, wrap_dim(args.integer("dim"), self.rank(), args.schema().name), args.tensor("index"),
                          args.schema().name)};
}

// scatter
// ---------------------------------------------------------------------------------------------------------------------------

/// What happens to the element that is written.
enum class Write { Replace, Add, Multiply, Mean, Largest, Smallest };

Write write_of(const std::string& reduce, std::string_view op) {
  if (reduce == "sum" || reduce == "add") return Write::Add;
  if (reduce == "prod" || reduce == "multiply") return Write::Multiply;
  if (reduce == "mean") return Write::Mean;
  if (reduce == "amax") return Write::Largest;
  if (reduce == "amin") return Write::Smallest;
  fail("{}: reduce is '{}', allowed are sum, prod, mean, amax and amin", op, reduce);
}

std::vector<OutputMeta> scatter_infer(const MetaArgs& args) {
  const std::string& op = args.schema().name;
  const TensorMeta& self = *args.tensor("self");
  const TensorMeta& index = *args.tensor("index");
  check_index_dtype(index.dtype, op);
  const int64_t dim = wrap_dim(args.integer("dim"), self.rank(), op);
  check_fits(index, self, dim, Along::SkipDim, "self", op);
  if (args.schema().arguments[3].name == "src") {
    const TensorMeta& source = *args.tensor("src");
    if (source.dtype != self.dtype)
      fail("{}: src is {}, expected {} like self", op, dtype_name(source.dtype), dtype_name(self.dtype));
    check_fits(index, source, dim, Along::EveryDim, "src", op);
  }
  return {contiguous_meta(self.dtype, self.sizes)};
}

template <class T>
T combine(Write write, T old, T value) {
  switch (write) {
    case Write::Replace: return value;
    case Write::Add:
    case Write::Mean: return old + value;
    case Write::Multiply: return old * value;
    case Write::Largest: return old != old || old > value ? old : value;
    case Write::Smallest: return old != old || old < value ? old : value;
  }
  return value;
}

/// What a reduction without self starts from.
template <class T>
T neutral(Write write) {
  using Limits = std::numeric_limits<T>;
  if (write == Write::Multiply) return T(1);
  if (write == Write::Largest) return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  if (write == Write::Smallest) return Limits::has_infinity ? Limits::infinity() : Limits::max();
  return T(0);
}

enum class IncludeSelf { No, Yes };

std::vector<HostTensor> scatter_kernel(const KernelArgs& args, Write write, IncludeSelf include) {
  const std::string& op = args.schema().name;
  const HostTensor& self = args.tensor("self");
  const DType dtype = arithmetic_dtype(self.dtype(), op);
  HostTensor result = at_least_1d(fresh_copy(self, dtype));
  const HostTensor index = at_least_1d(args.tensor("index"));
  const bool has_source = args.schema().arguments[3].name == "src";
  const HostTensor source = has_source
                                ? at_least_1d(args.tensor("src").to(dtype))
                                : expanded(filled(self.dtype(), {}, args.scalar("value")).to(dtype), index.sizes());
  const int64_t dim = wrap_dim(args.integer("dim"), result.rank(), op);
  visit_arithmetic(dtype, op, [&](auto zero) {
    using T = decltype(zero);
    T* to = result.data<T>();
    const auto each = [&](const auto& visit) {
      walk_places(index, dim, result.size(dim), result.strides(), op, visit);
    };
    if (include == IncludeSelf::No) each([&](int64_t, int64_t place) { to[place] = neutral<T>(write); });
    // The row-major order of `index` read with the strides of the source.
    std::vector<int64_t> from(static_cast<size_t>(index.element_count()));
    walk_offsets(index.sizes(), source.strides(),
                 [&](int64_t i, int64_t offset) { from[static_cast<size_t>(i)] = offset; });
    const T* values = source.data<T>();
    each(
        [&](int64_t i, int64_t place) { to[place] = combine(write, to[place], values[from[static_cast<size_t>(i)]]); });
    if (write == Write::Mean) {
      std::vector<int64_t> counts(static_cast<size_t>(result.element_count()), include == IncludeSelf::Yes ? 1 : 0);
      each([&](int64_t, int64_t place) { ++counts[static_cast<size_t>(place)]; });
      for (size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] < 2) continue;
        const T count = static_cast<T>(counts[i]);
        // Integers round towards minus infinity.
        if constexpr (std::is_integral_v<T>) {
          to[i] = to[i] / count - (to[i] % count < 0 ? 1 : 0);
        } else {
          to[i] /= count;
        }
      }
    }
  });
  return {result.reshaped(self.sizes()).to(self.dtype())};
}

void declare_scatters(OpRegistry& ops) {
  const auto kernel = [](Write write) -> KernelFunction {
    return [write](const KernelArgs& args) { return scatter_kernel(args, write, IncludeSelf::Yes); };
  };
  declare_with_inplace(ops, {"aten::scatter.src(Tensor self, int dim, Tensor index, Tensor src) -> Tensor",
                             scatter_infer, kernel(Write::Replace), "aten::scatter.src_out", Tag::Core});
  declare_with_inplace(ops, {"aten::scatter.value(Tensor self, int dim, Tensor index, Scalar value) -> Tensor",
                             scatter_infer, kernel(Write::Replace), "aten::scatter.value_out", Tag::Core});
  declare_with_inplace(ops, {"aten::scatter_add(Tensor self, int dim, Tensor index, Tensor src) -> Tensor",
                             scatter_infer, kernel(Write::Add), "aten::scatter_add.out", Tag::Core});
  const auto reducing = [](const KernelArgs& args) {
    return scatter_kernel(args, write_of(args.string("reduce"), args.schema().name), IncludeSelf::Yes);
  };
  declare_with_inplace(
      ops, {"aten::scatter.reduce(Tensor self, int dim, Tensor index, Tensor src, *, str reduce) -> Tensor",
            scatter_infer,
            reducing,
            {},
            Tag::None,
            [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
              const bool adds = write_of(args.string("reduce"), args.schema().name) == Write::Add;
              return {builder.call("aten::scatter_reduce.two", {args.tensor("self"), args["dim"], args.tensor("index"),
                                                                args.tensor("src"), adds ? "sum" : "prod"})};
            }});
  declare_with_inplace(ops, {"aten::scatter_reduce.two(Tensor self, int dim, Tensor index, Tensor src, str reduce, *, "
                             "bool include_self=True) -> Tensor",
                             [](const MetaArgs& args) {
                               write_of(args.string("reduce"), args.schema().name);
                               return scatter_infer(args);
                             },
                             [](const KernelArgs& args) {
                               return scatter_kernel(args, write_of(args.string("reduce"), args.schema().name),
                                                     args.boolean("include_self") ? IncludeSelf::Yes : IncludeSelf::No);
                             },
                             {},
                             Tag::Core});
}

// masked_scatter and take_along_dim
// ---------------------------------------------------------------------------------------------------

std::vector<OutputMeta> masked_scatter_infer(const MetaArgs& args) {
  const std::string& op = args.schema().name;
  const TensorMeta& self = *args.tensor("self");
  const TensorMeta& mask = *args.tensor("mask");
  if (mask.dtype != DType::Bool) fail("{}: mask must be bool, got {}", op, dtype_name(mask.dtype));
  if (args.tensor("source")->dtype != self.dtype) {
    fail("{}: source is {}, expected {} like self", op, dtype_name(args.tensor("source")->dtype),
         dtype_name(self.dtype));
  }
  return {contiguous_meta(self.dtype, broadcast_sizes(self.sizes, mask.sizes, op))};
}

std::vector<HostTensor> masked_scatter_kernel(const KernelArgs& args) {
  const std::vector<HostTensor> both{args.tensor("self"), args.tensor("mask")};
  const std::vector<int64_t> sizes = broadcast_host_sizes(both);
  HostTensor result = fresh_copy(expanded(both[0], sizes), both[0].dtype());
  const HostTensor mask = expanded(both[1], sizes);
  const HostTensor source = args.tensor("source").contiguous();
  visit_storage(result.dtype(), [&](auto zero) {
    using T = decltype(zero);
    int64_t next = 0;
    walk_offsets(sizes, mask.strides(), [&](int64_t i, int64_t offset) {
      if (mask.data<uint8_t>()[offset] == 0) return;
      if (next >= source.element_count())
        fail("{}: source has only {} elements, the mask asks for more", args.schema().name, source.element_count());
      result.data<T>()[i] = source.data<T>()[next++];
    });
  });
  return {result};
}

/// Both tensors broadcast along all dims but `dim`.
struct AlongSizes {
  std::vector<SymInt> self, indices;
};

AlongSizes along_sizes(const TensorMeta& self, const TensorMeta& indices, int64_t dim, std::string_view op) {
  if (self.sizes.size() != indices.sizes.size())
    fail("{}: self has rank {}, indices {}", op, self.rank(), indices.rank());
  std::vector<SymInt> a = self.sizes, b = indices.sizes;
  a[static_cast<size_t>(dim)] = 1;
  b[static_cast<size_t>(dim)] = 1;
  AlongSizes result;
  result.self = result.indices = broadcast_sizes(a, b, op);
  result.self[static_cast<size_t>(dim)] = self.sizes[static_cast<size_t>(dim)];
  result.indices[static_cast<size_t>(dim)] = indices.sizes[static_cast<size_t>(dim)];
  return result;
}

std::vector<HostTensor> take_along_dim_kernel(const KernelArgs& args) {
  const std::string& op = args.schema().name;
  const HostTensor& self = args.tensor("self");
  const HostTensor& indices = args.tensor("indices");
  const auto dim = args.optional_integer("dim");
  const auto flat = [](const HostTensor& tensor) { return tensor.contiguous().reshaped({tensor.element_count()}); };
  if (!dim) return {gather_elements(flat(self), 0, flat(indices), op)};
  const int64_t along = wrap_dim(*dim, self.rank(), op);
  const AlongSizes sizes = along_sizes(meta_of(self), meta_of(indices), along, op);
  const auto values = [](const std::vector<SymInt>& list) {
    std::vector<int64_t> result;
    for (const SymInt& size : list) result.push_back(size.value());
    return result;
  };
  return {gather_elements(expanded(self, values(sizes.self)), along, expanded(indices, values(sizes.indices)), op)};
}

void declare_take_along_dim(OpRegistry& ops) {
  ops.declare(
      {.schema = "aten::take_along_dim(Tensor self, Tensor indices, int? dim=None) -> Tensor",
       .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
         const TensorMeta& self = *args.tensor("self");
         const TensorMeta& indices = *args.tensor("indices");
         const auto dim = args.optional_integer("dim");
         if (!dim) return {contiguous_meta(self.dtype, {element_count(indices.sizes)})};
         return {contiguous_meta(
             self.dtype,
             along_sizes(self, indices, wrap_dim(*dim, self.rank(), args.schema().name), args.schema().name).indices)};
       },
       .kernel = take_along_dim_kernel,
       .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
         Value* self = args.tensor("self");
         Value* indices = args.tensor("indices");
         const auto dim = args.optional_integer("dim");
         if (!dim) {
           const auto flat = [&](Value* value) {
             return builder.call("aten::reshape", {value, std::vector<SymInt>{element_count(value->meta.sizes)}});
           };
           return {builder.call("aten::gather", {flat(self), 0, flat(indices)})};
         }
         const int64_t along = wrap_dim(*dim, self->meta.rank(), args.schema().name);
         const AlongSizes sizes = along_sizes(self->meta, indices->meta, along, args.schema().name);
         return {builder.call("aten::gather", {builder.call("aten::expand", {self, sizes.self}), along,
                                               builder.call("aten::expand", {indices, sizes.indices})})};
       }});
}

}  // namespace

void declare_gather_scatter_ops(OpRegistry& ops) {
  ops.declare({.schema = "aten::gather(Tensor self, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor",
               .infer = gather_infer,
               .kernel = gather_kernel,
               .out_variant = "aten::gather.out",
               .tags = Tag::Core});
  declare_scatters(ops);
  declare_with_inplace(ops, {.schema = "aten::masked_scatter(Tensor self, Tensor mask, Tensor source) -> Tensor",
                             .infer = masked_scatter_infer,
                             .kernel = masked_scatter_kernel,
                             .out_variant = "aten::masked_scatter.out",
                             .tags = Tag::Core});
  declare_take_along_dim(ops);
}

}  // namespace exformer
