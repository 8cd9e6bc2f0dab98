// Reading and writing by tensors of indices, one for each of some dims: index.Tensor, index_put and what follows from
// them. Result geometry follows ATen/native/TensorAdvancedIndexing.cpp and torch/_meta_registrations.py.
#include <algorithm>
#include <cstring>
#include <optional>

#include "exformer/ops/builder.h"
#include "exformer/ops/data_sizes.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/dispatch.h"
#include "exformer/ops/fill.h"
#include "exformer/ops/host_copy.h"
#include "exformer/ops/index_walk.h"
#include "exformer/ops/pointwise_rules.h"
#include "exformer/ops/shape_rules.h"
#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

/// Where the dims that are indexed go: to the place of the first of them when they lie side by side, else to the front.
struct IndexedDims {
  std::vector<size_t> outer, indexed, inner;
};

IndexedDims split_dims(const std::vector<bool>& has_index, size_t rank) {
  IndexedDims dims;
  for (size_t i = 0; i < has_index.size(); ++i) {
    if (has_index[i]) dims.indexed.push_back(i);
  }
  EXFORMER_ASSERT(!dims.indexed.empty());
  const size_t first = dims.indexed.front(), last = dims.indexed.back();
  const bool is_adjacent = last - first + 1 == dims.indexed.size();
  for (size_t i = 0; i < rank; ++i) {
    const bool is_indexed = i < has_index.size() && has_index[i];
    if (!is_indexed) (is_adjacent && i < first ? dims.outer : dims.inner).push_back(i);
  }
  return dims;
}

/// The dims that the given indices name; throws ExportError for a call without any or with too many.
template <class T, class IsGiven>
IndexedDims read_dims(const std::vector<T>& indices, size_t rank, IsGiven is_given, std::string_view op) {
  if (indices.size() > rank) fail("{}: {} indices for a tensor of rank {}", op, indices.size(), rank);
  std::vector<bool> has_index;
  for (const T& index : indices) has_index.push_back(is_given(index));
  if (std::find(has_index.begin(), has_index.end(), true) == has_index.end())
    fail("{}: at least one index must be given", op);
  return split_dims(has_index, rank);
}

bool is_mask(DType dtype) { return dtype == DType::Bool || dtype == DType::UInt8; }

void check_index_dtype(DType dtype, std::string_view op) {
  if (dtype == DType::Int64 || dtype == DType::Int32) return;
  fail("{}: an index must be int64 or int32, got {}", op, dtype_name(dtype));
}

/// Each mask as the int64 indices that it stands for, one per dim of its own, of as many elements as are true.
std::vector<std::optional<TensorMeta>> without_masks(const MetaArgs& args) {
  const TensorMeta& self = *args.tensor("self");
  const auto& indices = args.tensors("indices");
  std::vector<std::optional<TensorMeta>> result;
  for (size_t i = 0; i < indices.size(); ++i) {
    if (!indices[i] || !is_mask(indices[i]->dtype)) {
      result.push_back(indices[i] ? std::optional(*indices[i]) : std::nullopt);
      continue;
    }
    const TensorMeta& mask = *indices[i];
    for (size_t dim = 0; dim < mask.sizes.size(); ++dim) {
      const size_t masked = result.size() + dim;
      if (masked >= self.sizes.size() || equal(mask.sizes[dim], self.sizes[masked]) == Truth::No) {
        fail("{}: a mask of sizes {} at dim {} does not fit {}", args.schema().name, to_string(mask.sizes),
             result.size(), to_string(self.sizes));
      }
    }
    if (mask.sizes.empty()) unsupported("{}: a 0-d mask", args.schema().name);
    result.insert(result.end(), mask.sizes.size(), contiguous_meta(DType::Int64, {count_of_true(args, "indices", i)}));
  }
  return result;
}

/// The result of self[indices], and its geometry before the indices are applied (stride 0 along them).
TensorMeta index_meta(const MetaArgs& args) {
  const TensorMeta& self = *args.tensor("self");
  const std::string& op = args.schema().name;
  const std::vector<std::optional<TensorMeta>> indices = without_masks(args);
  std::vector<SymInt> chosen;
  for (const auto& index : indices) {
    if (!index) continue;
    check_index_dtype(index->dtype, op);
    chosen = broadcast_sizes(chosen, index->sizes, op);
  }
  const IndexedDims dims =
      read_dims(indices, self.sizes.size(), [](const auto& index) { return index.has_value(); }, op);
  TensorMeta source{self.dtype, {}, {}};
  const auto keep = [&](const std::vector<size_t>& kept) {
    for (const size_t dim : kept) {
      source.sizes.push_back(self.sizes[dim]);
      source.strides.push_back(self.strides[dim]);
    }
  };
  keep(dims.outer);
  source.sizes.insert(source.sizes.end(), chosen.begin(), chosen.end());
  source.strides.insert(source.strides.end(), chosen.size(), SymInt(0));
  keep(dims.inner);
  const TensorMeta* const inputs[] = {&source};
  return {self.dtype, source.sizes, pointwise_strides(inputs, source.sizes)};
}

/// Where the elements of self[indices] lie in `self`: the sums of one offset of each kind, row-major.
struct IndexPlan {
  std::vector<int64_t> sizes;
  std::vector<int64_t> outer, chosen, inner;
};

/// A mask stands for one int64 index per dim of its own: where it is true.
std::vector<HostTensor> without_masks(const HostTensor& self, const std::vector<HostTensor>& indices,
                                      std::string_view op) {
  std::vector<HostTensor> result;
  for (const HostTensor& index : indices) {
    if (!index.defined() || !is_mask(index.dtype())) {
      result.push_back(index);
      continue;
    }
    const HostTensor mask = index.to(DType::Bool).contiguous();
    const size_t first = result.size();
    if (first + mask.sizes().size() > self.sizes().size() ||
        !std::equal(mask.sizes().begin(), mask.sizes().end(), self.sizes().begin() + static_cast<int64_t>(first))) {
      fail("{}: a mask of sizes [{}] at dim {} does not fit [{}]", op, fmt::join(mask.sizes(), ", "), first,
           fmt::join(self.sizes(), ", "));
    }
    std::vector<std::vector<int64_t>> found(mask.sizes().size());
    const std::vector<int64_t> steps = contiguous_strides(mask.sizes());
    for (int64_t i = 0; i < mask.element_count(); ++i) {
      if (mask.data<uint8_t>()[i] == 0) continue;
      for (size_t dim = 0; dim < found.size(); ++dim) found[dim].push_back(i / steps[dim] % mask.sizes()[dim]);
    }
    for (const auto& list : found)
      result.push_back(HostTensor::from(DType::Int64, {static_cast<int64_t>(list.size())}, list));
  }
  return result;
}

IndexPlan make_plan(const HostTensor& self, const std::vector<HostTensor>& given, std::string_view op) {
  const std::vector<HostTensor> indices = without_masks(self, given, op);
  const IndexedDims dims =
      read_dims(indices, self.sizes().size(), [](const HostTensor& index) { return index.defined(); }, op);
  std::vector<HostTensor> tensors;
  for (const size_t dim : dims.indexed) tensors.push_back(indices[dim]);
  const std::vector<int64_t> chosen_sizes = broadcast_host_sizes(tensors);
  IndexPlan plan;
  plan.chosen.assign(static_cast<size_t>(element_count(chosen_sizes)), 0);
  for (const size_t dim : dims.indexed) {
    const int64_t size = self.sizes()[dim], stride = self.strides()[dim];
    const HostTensor positions = expanded(indices[dim].to(DType::Int64), chosen_sizes);
    const int64_t* values = positions.data<int64_t>();
    walk_offsets(positions.sizes(), positions.strides(), [&](int64_t i, int64_t offset) {
      plan.chosen[static_cast<size_t>(i)] += wrapped_index(values[offset], size, op) * stride;
    });
  }
  const auto offsets_over = [&](const std::vector<size_t>& kept) {
    std::vector<int64_t> sizes, strides;
    for (const size_t dim : kept) {
      sizes.push_back(self.sizes()[dim]);
      strides.push_back(self.strides()[dim]);
    }
    plan.sizes.insert(plan.sizes.end(), sizes.begin(), sizes.end());
    std::vector<int64_t> offsets(static_cast<size_t>(element_count(sizes)));
    walk_offsets(sizes, strides, [&](int64_t i, int64_t offset) { offsets[static_cast<size_t>(i)] = offset; });
    return offsets;
  };
  plan.outer = offsets_over(dims.outer);
  plan.sizes.insert(plan.sizes.end(), chosen_sizes.begin(), chosen_sizes.end());
  plan.inner = offsets_over(dims.inner);
  return plan;
}

/// True when the innermost part of each element is one run of memory.
bool is_run(const std::vector<int64_t>& offsets) {
  for (size_t i = 0; i < offsets.size(); ++i) {
    if (offsets[i] != static_cast<int64_t>(i)) return false;
  }
  return true;
}

std::vector<HostTensor> index_kernel(const KernelArgs& args) {
  const HostTensor& self = args.tensor("self");
  const IndexPlan plan = make_plan(self, args.tensors("indices"), args.schema().name);
  HostTensor result = HostTensor::empty(self.dtype(), plan.sizes);
  const size_t chosen = plan.chosen.size(), inner = plan.inner.size();
  const bool copies_runs = is_run(plan.inner);
  visit_storage(self.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = self.data<T>();
    T* to = result.data<T>();
#pragma omp parallel for if (plan.outer.size() * chosen * inner > 65536)
    for (size_t row = 0; row < plan.outer.size() * chosen; ++row) {
      const T* base = from + plan.outer[row / chosen] + plan.chosen[row % chosen];
      T* target = to + row * inner;
      if (copies_runs) {
        std::copy(base, base + inner, target);
      } else {
        for (size_t i = 0; i < inner; ++i) target[i] = base[plan.inner[i]];
      }
    }
  });
  return {result};
}

// index_put
// -------------------------------------------------------------------------------------------------------------------------

std::vector<OutputMeta> index_put_infer(const MetaArgs& args) {
  const std::string& op = args.schema().name;
  const TensorMeta& self = *args.tensor("self");
  const TensorMeta& values = *args.tensor("values");
  if (self.dtype != values.dtype)
    fail("{}: values are {}, expected {} like self", op, dtype_name(values.dtype), dtype_name(self.dtype));
  const auto& indices = args.tensors("indices");
  const bool has_mask = std::any_of(indices.begin(), indices.end(),
                                    [](const TensorMeta* index) { return index && is_mask(index->dtype); });
  if (has_mask && known_equal(element_count(values.sizes), 1))  // fits any number of places
    return {TensorMeta{self.dtype, self.sizes, like_strides(self)}};
  const TensorMeta place = index_meta(args);
  const std::vector<SymInt> sizes = broadcast_sizes(place.sizes, values.sizes, op);
  if (sizes != place.sizes)
    fail("{}: values of sizes {} cannot be broadcast to {}", op, to_string(values.sizes), to_string(place.sizes));
  return {TensorMeta{self.dtype, self.sizes, like_strides(self)}};
}

std::vector<HostTensor> index_put_kernel(const KernelArgs& args) {
  const HostTensor& self = args.tensor("self");
  const bool accumulates = args.boolean("accumulate");
  const DType dtype = accumulates ? arithmetic_dtype(self.dtype(), args.schema().name) : self.dtype();
  HostTensor result = fresh_copy(self, dtype);
  const IndexPlan plan = make_plan(result, args.tensors("indices"), args.schema().name);
  const HostTensor values = expanded(args.tensor("values").to(dtype), plan.sizes);
  const size_t chosen = plan.chosen.size(), inner = plan.inner.size();
  const auto place = [&](int64_t i) {
    const auto element = static_cast<size_t>(i);
    const size_t row = element / inner;
    return plan.outer[row / chosen] + plan.chosen[row % chosen] + plan.inner[element % inner];
  };
  if (accumulates) {
    visit_arithmetic(dtype, args.schema().name, [&](auto zero) {
      using T = decltype(zero);
      walk_offsets(values.sizes(), values.strides(),
                   [&](int64_t i, int64_t offset) { result.data<T>()[place(i)] += values.data<T>()[offset]; });
    });
    return {result.to(self.dtype())};
  }
  visit_storage(dtype, [&](auto zero) {
    using T = decltype(zero);
    walk_offsets(values.sizes(), values.strides(),
                 [&](int64_t i, int64_t offset) { result.data<T>()[place(i)] = values.data<T>()[offset]; });
  });
  return {result};
}

// One index for one dim
// ---------------------------------------------------------------------------------------------------------------

/// The only tensor of an index list for `dim`.
std::vector<Value*> index_list(int64_t dim, Value* index) {
  std::vector<Value*> list(static_cast<size_t>(dim), nullptr);
  list.push_back(index);
  return list;
}

/// A vector of positions: 1-d, or 0-d as one position.
void check_positions(const TensorMeta& index, std::string_view op) {
  check_index_dtype(index.dtype, op);
  if (index.rank() > 1) fail("{}: index must have at most 1 dim, got sizes {}", op, to_string(index.sizes));
}

std::vector<OutputMeta> index_select_infer(const MetaArgs& args) {
  const TensorMeta& self = *args.tensor("self");
  const TensorMeta& index = *args.tensor("index");
  const auto dim = static_cast<size_t>(wrap_dim(args.integer("dim"), self.rank(), args.schema().name));
  check_positions(index, args.schema().name);
  std::vector<SymInt> sizes = self.sizes;
  if (!sizes.empty()) sizes[dim] = element_count(index.sizes);
  return {contiguous_meta(self.dtype, std::move(sizes))};
}

HostTensor at_least_1d(const HostTensor& tensor) {
  return tensor.rank() == 0 ? tensor.contiguous().reshaped({1}) : tensor;
}

std::vector<HostTensor> index_select_kernel(const KernelArgs& args) {
  const HostTensor self = at_least_1d(args.tensor("self"));
  const HostTensor index = at_least_1d(args.tensor("index")).to(DType::Int64).contiguous();
  const auto dim = static_cast<size_t>(wrap_dim(args.integer("dim"), self.rank(), args.schema().name));
  std::vector<int64_t> sizes = self.sizes();
  sizes[dim] = index.element_count();
  HostTensor result = HostTensor::empty(self.dtype(), sizes);
  std::vector<int64_t> slice = sizes;
  slice[dim] = 1;
  for (int64_t i = 0; i < index.element_count(); ++i) {
    const int64_t position = wrapped_index(index.data<int64_t>()[i], self.sizes()[dim], args.schema().name);
    copy_elements(self.as_strided(slice, self.strides(), position * self.strides()[dim]),
                  result.as_strided(slice, result.strides(), i * result.strides()[dim]));
  }
  return {args.tensor("self").rank() == 0 ? result.reshaped({}) : result};
}

/// index_copy and index_add: slices of `source` go to (are added at) the positions of `index`.
std::vector<OutputMeta> index_write_infer(const MetaArgs& args) {
  const std::string& op = args.schema().name;
  const TensorMeta& self = *args.tensor("self");
  const TensorMeta& source = *args.tensor("source");
  const auto dim = static_cast<size_t>(wrap_dim(args.integer("dim"), self.rank(), op));
  check_positions(*args.tensor("index"), op);
  if (self.dtype != source.dtype)
    fail("{}: source is {}, expected {} like self", op, dtype_name(source.dtype), dtype_name(self.dtype));
  std::vector<SymInt> expected = self.sizes;
  if (!expected.empty()) expected[dim] = element_count(args.tensor("index")->sizes);
  bool fits = source.sizes.size() == expected.size();
  for (size_t i = 0; fits && i < expected.size(); ++i) fits = known_equal(source.sizes[i], expected[i]);
  if (!fits) fail("{}: source has sizes {}, expected {}", op, to_string(source.sizes), to_string(expected));
  return {contiguous_meta(self.dtype, self.sizes)};
}

enum class IndexWrite { Copy, Add };

std::vector<HostTensor> index_write_kernel(const KernelArgs& args, IndexWrite write) {
  const HostTensor& self = args.tensor("self");
  const DType dtype = write == IndexWrite::Add ? arithmetic_dtype(self.dtype(), args.schema().name) : self.dtype();
  HostTensor result = at_least_1d(fresh_copy(self, dtype));
  const HostTensor source = at_least_1d(args.tensor("source").to(dtype).contiguous());
  const HostTensor index = at_least_1d(args.tensor("index")).to(DType::Int64).contiguous();
  const auto dim = static_cast<size_t>(wrap_dim(args.integer("dim"), result.rank(), args.schema().name));
  std::vector<int64_t> slice = result.sizes();
  slice[dim] = 1;
  const auto offsets = [&](const std::vector<int64_t>& strides) {
    std::vector<int64_t> list(static_cast<size_t>(element_count(slice)));
    walk_offsets(slice, strides, [&](int64_t i, int64_t offset) { list[static_cast<size_t>(i)] = offset; });
    return list;
  };
  const std::vector<int64_t> from_offsets = offsets(source.strides()), to_offsets = offsets(result.strides());
  for (int64_t i = 0; i < index.element_count(); ++i) {
    const int64_t position = wrapped_index(index.data<int64_t>()[i], result.sizes()[dim], args.schema().name);
    const HostTensor from = source.as_strided(slice, source.strides(), i * source.strides()[dim]);
    HostTensor to = result.as_strided(slice, result.strides(), position * result.strides()[dim]);
    if (write == IndexWrite::Copy) {
      copy_elements(from, to);
      continue;
    }
    visit_arithmetic(dtype, args.schema().name, [&](auto zero) {
      using T = decltype(zero);
      const T factor = static_cast<T>(args.scalar("alpha").to_double());
      for (size_t k = 0; k < from_offsets.size(); ++k)
        to.data<T>()[to_offsets[k]] += factor * from.data<T>()[from_offsets[k]];
    });
  }
  return {result.reshaped(self.sizes()).to(self.dtype())};
}

std::vector<HostTensor> index_fill_kernel(const KernelArgs& args) {
  const HostTensor& self = args.tensor("self");
  const HostTensor* given = args.optional_tensor("value");
  const HostTensor value = (given ? *given : filled(self.dtype(), {}, args.scalar("value"))).to(self.dtype());
  HostTensor result = at_least_1d(fresh_copy(self, self.dtype()));
  const HostTensor index = at_least_1d(args.tensor("index")).to(DType::Int64).contiguous();
  const auto dim = static_cast<size_t>(wrap_dim(args.integer("dim"), result.rank(), args.schema().name));
  std::vector<int64_t> slice = result.sizes();
  slice[dim] = 1;
  const HostTensor source = expanded(value, slice);
  for (int64_t i = 0; i < index.element_count(); ++i) {
    const int64_t position = wrapped_index(index.data<int64_t>()[i], result.sizes()[dim], args.schema().name);
    HostTensor target = result.as_strided(slice, result.strides(), position * result.strides()[dim]);
    copy_elements(source, target);
  }
  return {self.rank() == 0 ? result.reshaped({}) : result};
}

void declare_one_dim(OpRegistry& ops) {
  ops.declare({.schema = "aten::index_select(Tensor self, int dim, Tensor index) -> Tensor",
               .infer = index_select_infer,
               .kernel = index_select_kernel,
               .out_variant = "aten::index_select.out",
               .tags = Tag::Core});
  declare_with_inplace(
      ops, {.schema = "aten::index_copy(Tensor self, int dim, Tensor index, Tensor source) -> Tensor",
            .infer = index_write_infer,
            .kernel = [](const KernelArgs& args) { return index_write_kernel(args, IndexWrite::Copy); },
            .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
              const int64_t dim = wrap_dim(args.integer("dim"), args.tensor("self")->meta.rank(), args.schema().name);
              return {builder.call("aten::index_put", {args.tensor("self"), index_list(dim, args.tensor("index")),
                                                       args.tensor("source")})};
            }});
  declare_with_inplace(
      ops, {.schema = "aten::index_add(Tensor self, int dim, Tensor index, Tensor source, *, Scalar alpha=1) -> Tensor",
            .infer = index_write_infer,
            .kernel = [](const KernelArgs& args) { return index_write_kernel(args, IndexWrite::Add); },
            .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
              const int64_t dim = wrap_dim(args.integer("dim"), args.tensor("self")->meta.rank(), args.schema().name);
              Value* source = args.tensor("source");
              const Scalar alpha = args.scalar("alpha");
              const bool is_one = alpha.kind == Scalar::Kind::Float ? alpha.real == 1.0 : alpha.integer == SymInt(1);
              if (!is_one) source = builder.call("aten::mul.Scalar", {source, args["alpha"]});
              return {builder.call("aten::index_put",
                                   {args.tensor("self"), index_list(dim, args.tensor("index")), source, true})};
            }});

  // index_fill: the slices at the positions of `index` become one value.
  const auto infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
    const TensorMeta& self = *args.tensor("self");
    wrap_dim(args.integer("dim"), self.rank(), args.schema().name);
    check_positions(*args.tensor("index"), args.schema().name);
    const auto* value = args.optional_tensor("value");
    if (value && (*value)->rank() != 0) fail("{}: value must be 0-d", args.schema().name);
    return {TensorMeta{self.dtype, self.sizes, like_strides(self)}};
  };
  const auto decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
    Value* self = args.tensor("self");
    Value* const* given = args.optional_tensor("value");
    Value* value =
        given ? *given
              : builder.call("aten::full", {std::vector<SymInt>{}, args["value"]}, {{"dtype", self->meta.dtype}});
    if (value->meta.dtype != self->meta.dtype)
      value = builder.call("aten::_to_copy", {value}, {{"dtype", self->meta.dtype}});
    if (self->meta.rank() == 0) return {builder.call("aten::copy", {self, value})};
    const int64_t dim = wrap_dim(args.integer("dim"), self->meta.rank(), args.schema().name);
    return {builder.call("aten::index_put", {self, index_list(dim, args.tensor("index")), value})};
  };
  for (const std::string_view schema :
       {"aten::index_fill.int_Scalar(Tensor self, int dim, Tensor index, Scalar value) -> Tensor",
        "aten::index_fill.int_Tensor(Tensor self, int dim, Tensor index, Tensor value) -> Tensor"}) {
    declare_with_inplace(ops, {.schema = schema, .infer = infer, .kernel = index_fill_kernel, .decompose = decompose});
  }
}

}  // namespace

void declare_indexing_ops(OpRegistry& ops) {
  ops.declare({.schema = "aten::index.Tensor(Tensor self, Tensor?[] indices) -> Tensor",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> { return {index_meta(args)}; },
               .kernel = index_kernel,
               .out_variant = "aten::index.Tensor_out",
               .tags = Tag::Core});
  declare_with_inplace(
      ops, {.schema = "aten::index_put(Tensor self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor",
            .infer = index_put_infer,
            .kernel = index_put_kernel,
            .out_variant = "aten::index_put.out",
            .tags = Tag::Core});
  declare_one_dim(ops);
}

}  // namespace exformer
