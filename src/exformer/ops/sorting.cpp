// Ops that order elements along a dim, histograms, and searches in sorted values.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "exformer/ops/builder.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/row_view.h"
#include "exformer/ops/shape_rules.h"
#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

enum class Order { Ascending, Descending };

/// Comparison of values with NaN above every number.
template <class T>
bool is_less(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return a < b || (b != b && a == a);
  return a < b;
}
template <class T>
bool comes_before(T a, T b, Order order) {
  return order == Order::Ascending ? is_less(a, b) : is_less(b, a);
}

/// The dim of a call, as a list: empty for a 0-d tensor.
std::vector<int64_t> dim_list(int64_t dim, int64_t rank, std::string_view op) {
  const int64_t wrapped = wrap_dim(dim, rank, op);
  return rank == 0 ? std::vector<int64_t>() : std::vector<int64_t>{wrapped};
}

struct Ranking {
  int64_t dim = -1;
  Order order = Order::Ascending;
  int64_t count = -1;  // how many of each row are kept; -1: all
};

/// Values and positions of the first elements of each row, equal ones in the order in which they came.
std::vector<HostTensor> rank_rows(const HostTensor& self, const Ranking& ranking, std::string_view op) {
  const std::vector<int64_t> dims = dim_list(ranking.dim, self.rank(), op);
  return visit_arithmetic(self.dtype(), op, [&](auto zero) -> std::vector<HostTensor> {
    using T = decltype(zero);
    const RowView view = rows_along(self, dims, arithmetic_dtype(self.dtype(), op));
    const int64_t kept = ranking.count < 0 ? view.length : ranking.count;
    HostTensor values = HostTensor::empty(view.rows.dtype(), {view.count, kept});
    HostTensor positions = HostTensor::empty(DType::Int64, {view.count, kept});
    const T* rows = view.rows.data<T>();
#pragma omp parallel for if (view.count > 1 && view.count * view.length > 16384)
    for (int64_t row = 0; row < view.count; ++row) {
      const T* source = rows + row * view.length;
      std::vector<int64_t> places(static_cast<size_t>(view.length));
      std::iota(places.begin(), places.end(), int64_t{0});
      const auto before = [&](int64_t a, int64_t b) {
        return comes_before(source[a], source[b], ranking.order) ||
               (!comes_before(source[b], source[a], ranking.order) && a < b);
      };
      if (kept < view.length) {
        std::partial_sort(places.begin(), places.begin() + kept, places.end(), before);
      } else {
        std::sort(places.begin(), places.end(), before);
      }
      for (int64_t i = 0; i < kept; ++i) {
        values.data<T>()[row * kept + i] = source[places[static_cast<size_t>(i)]];
        positions.data<int64_t>()[row * kept + i] = places[static_cast<size_t>(i)];
      }
    }
    std::vector<int64_t> sizes = self.sizes();
    if (!dims.empty()) sizes[static_cast<size_t>(dims[0])] = kept;
    const auto placed = [&](const HostTensor& tensor) {
      return rows_to_dim(tensor, sizes, dims.empty() ? 0 : dims[0]);
    };
    return {placed(values).to(self.dtype()), placed(positions)};
  });
}

void check_sortable(const TensorMeta& self, std::string_view op) {
  if (is_complex(self.dtype)) fail("{}: complex numbers have no order", op);
}

Order order_of(const auto& args) { return args.boolean("descending") ? Order::Descending : Order::Ascending; }

std::vector<OutputMeta> sort_infer(const MetaArgs& args) {
  const TensorMeta& self = *args.tensor("self");
  check_sortable(self, args.schema().name);
  wrap_dim(args.integer("dim"), self.rank(), args.schema().name);
  return {TensorMeta{self.dtype, self.sizes, like_strides(self)},
          TensorMeta{DType::Int64, self.sizes, like_strides(self)}};
}

std::vector<HostTensor> sort_kernel(const KernelArgs& args) {
  return rank_rows(args.tensor("self"), {args.integer("dim"), order_of(args)}, args.schema().name);
}

void declare_argsort(OpRegistry& ops, std::string_view schema) {
  ops.declare({.schema = schema,
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> { return {sort_infer(args)[1]}; },
               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> { return {sort_kernel(args)[1]}; },
               .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                 const bool is_stable = args.schema().name.ends_with(".stable");
                 const std::vector<NamedArgument> named{{"stable", is_stable ? args["stable"] : Argument(false)},
                                                        {"dim", args["dim"]},
                                                        {"descending", args["descending"]}};
                 return {builder.call_all("aten::sort.stable", {args.tensor("self")}, named)[1]};
               }});
}

void declare_sorts(OpRegistry& ops) {
  ops.declare(
      {.schema = "aten::sort(Tensor self, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)",
       .infer = sort_infer,
       .kernel = sort_kernel,
       .tags = Tag::Core});
  ops.declare({.schema = "aten::sort.stable(Tensor self, *, bool? stable, int dim=-1, bool descending=False) -> "
                         "(Tensor values, Tensor indices)",
               .infer = sort_infer,
               .kernel = sort_kernel});
  declare_argsort(ops, "aten::argsort(Tensor self, int dim=-1, bool descending=False) -> Tensor");
  declare_argsort(ops,
                  "aten::argsort.stable(Tensor self, *, bool stable, int dim=-1, bool descending=False) -> Tensor");
  ops.declare({.schema = "aten::msort(Tensor self) -> Tensor",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const TensorMeta& self = *args.tensor("self");
                 check_sortable(self, args.schema().name);
                 return {TensorMeta{self.dtype, self.sizes, like_strides(self)}};
               },
               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                 return {rank_rows(args.tensor("self"), {0, Order::Ascending}, args.schema().name)[0]};
               },
               .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                 return {builder.call_all("aten::sort", {args.tensor("self"), 0})[0]};
               }});
  ops.declare({.schema = "aten::topk(Tensor self, SymInt k, int dim=-1, bool largest=True, bool sorted=True) -> "
                         "(Tensor values, Tensor indices)",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const std::string& op = args.schema().name;
                 const TensorMeta& self = *args.tensor("self");
                 check_sortable(self, op);
                 const auto dim = static_cast<size_t>(wrap_dim(args.integer("dim"), self.rank(), op));
                 const SymInt k = args.sym("k");
                 const SymInt whole = self.rank() == 0 ? SymInt(1) : self.sizes[dim];
                 if (less(k, 0) == Truth::Yes || less_equal(k, whole) == Truth::No)
                   fail("{}: k = {} is outside [0, {}]", op, to_string(k), to_string(whole));
                 std::vector<SymInt> sizes = self.sizes;
                 if (!sizes.empty()) sizes[dim] = k;
                 return {contiguous_meta(self.dtype, sizes), contiguous_meta(DType::Int64, sizes)};
               },
               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                 const HostTensor& self = args.tensor("self");
                 const int64_t k = args.integer("k");
                 const int64_t whole = self.rank() == 0 ? 1 : self.size(args.integer("dim"));
                 if (k < 0 || k > whole) fail("{}: k = {} is outside [0, {}]", args.schema().name, k, whole);
                 return rank_rows(
                     self, {args.integer("dim"), args.boolean("largest") ? Order::Descending : Order::Ascending, k},
                     args.schema().name);
               },
               .out_variant = "aten::topk.values",
               .tags = Tag::Core});
}

// Histograms and searches
// -------------------------------------------------------------------------------------------------------------

std::vector<HostTensor> histc_kernel(const KernelArgs& args) {
  const HostTensor self = args.tensor("self").contiguous();
  const int64_t bins = args.integer("bins");
  return {visit_floating(self.dtype(), args.schema().name, [&](auto zero) {
    using T = decltype(zero);
    const HostTensor values = self.to(arithmetic_dtype(self.dtype(), args.schema().name));
    const T* begin = values.data<T>();
    const T* end = begin + values.element_count();
    T low = static_cast<T>(args.real("min")), high = static_cast<T>(args.real("max"));
    if (low == high && begin != end) {
      low = *std::min_element(begin, end);
      high = *std::max_element(begin, end);
    }
    if (low == high) {
      low -= 1;
      high += 1;
    }
    if (!std::isfinite(low) || !std::isfinite(high))
      fail("{}: the range [{}, {}] is not finite", args.schema().name, low, high);
    HostTensor counts = HostTensor::zeros(values.dtype(), {bins});
    for (const T* value = begin; value != end; ++value) {
      if (!(*value >= low && *value <= high)) continue;
      const auto bin = static_cast<int64_t>((*value - low) * static_cast<T>(bins) / (high - low));
      counts.data<T>()[std::min(bin, bins - 1)] += 1;
    }
    return counts.to(self.dtype());
  })};
}

struct Search {
  HostTensor sorted;  // the last dim is searched
  HostTensor values;
  bool is_right = false;
  DType dtype = DType::Int64;
};

HostTensor search_sorted(const Search& search, std::string_view op) {
  const DType common = promote_types(search.sorted.dtype(), search.values.dtype());
  HostTensor result = HostTensor::empty(DType::Int64, search.values.sizes());
  visit_arithmetic(common, op, [&](auto zero) {
    using T = decltype(zero);
    const DType dtype = arithmetic_dtype(common, op);
    const HostTensor sorted = search.sorted.to(dtype).contiguous(), values = search.values.to(dtype).contiguous();
    const int64_t length = sorted.size(-1);
    const int64_t per_row =
        sorted.rank() == 1 ? std::max<int64_t>(values.element_count(), 1) : std::max<int64_t>(values.size(-1), 1);
    for (int64_t i = 0; i < values.element_count(); ++i) {
      const T* row = sorted.data<T>() + i / per_row * length;
      const T value = values.data<T>()[i];
      const T* place = search.is_right ? std::upper_bound(row, row + length, value, is_less<T>)
                                       : std::lower_bound(row, row + length, value, is_less<T>);
      result.data<int64_t>()[i] = place - row;
    }
  });
  return result.to(search.dtype);
}

DType search_dtype(const auto& args) { return args.boolean("out_int32") ? DType::Int32 : DType::Int64; }

bool searches_right(const auto& args) {
  if (!args.has("side")) return args.boolean("right");
  const std::string& side = args.string("side");
  if (side != "left" && side != "right") fail("{}: side is '{}', allowed are left and right", args.schema().name, side);
  if (side == "left" && args.boolean("right"))
    fail("{}: side 'left' and right=True contradict each other", args.schema().name);
  return side == "right";
}

void declare_searches(OpRegistry& ops) {
  ops.declare({.schema = "aten::searchsorted.Tensor(Tensor sorted_sequence, Tensor self, *, bool out_int32=False, bool "
                         "right=False, str? side=None, "
                         "Tensor? sorter=None) -> Tensor",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const std::string& op = args.schema().name;
                 const TensorMeta& sorted = *args.tensor("sorted_sequence");
                 const TensorMeta& self = *args.tensor("self");
                 if (args.has("sorter")) unsupported("{}: a sorter is not supported", op);
                 searches_right(args);
                 bool fits = sorted.rank() == 1 || sorted.rank() == self.rank();
                 for (size_t i = 0; fits && sorted.rank() > 1 && i + 1 < sorted.sizes.size(); ++i)
                   fits = known_equal(sorted.sizes[i], self.sizes[i]);
                 if (!fits)
                   fail("{}: sizes {} of the sorted values and {} differ before the last dim", op,
                        to_string(sorted.sizes), to_string(self.sizes));
                 return {contiguous_meta(search_dtype(args), self.sizes)};
               },
               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                 return {search_sorted(
                     {args.tensor("sorted_sequence"), args.tensor("self"), searches_right(args), search_dtype(args)},
                     args.schema().name)};
               }});
  ops.declare({.schema = "aten::bucketize.Tensor(Tensor self, Tensor boundaries, *, bool out_int32=False, bool "
                         "right=False) -> Tensor",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const TensorMeta& boundaries = *args.tensor("boundaries");
                 if (boundaries.rank() != 1)
                   fail("{}: boundaries must have 1 dim, got sizes {}", args.schema().name,
                        to_string(boundaries.sizes));
                 return {contiguous_meta(search_dtype(args), args.tensor("self")->sizes)};
               },
               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                 return {search_sorted(
                     {args.tensor("boundaries"), args.tensor("self"), args.boolean("right"), search_dtype(args)},
                     args.schema().name)};
               }});
}

}  // namespace

void declare_sorting_ops(OpRegistry& ops) {
  declare_sorts(ops);
  ops.declare({.schema = "aten::histc(Tensor self, int bins=100, Scalar min=0, Scalar max=0) -> Tensor",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const TensorMeta& self = *args.tensor("self");
                 const int64_t bins = args.integer("bins");
                 if (bins <= 0) fail("{}: bins must be at least 1, got {}", args.schema().name, bins);
                 if (!is_floating_point(self.dtype))
                   fail("{}: expected a floating dtype, got {}", args.schema().name, dtype_name(self.dtype));
                 if (args.real("min") > args.real("max"))
                   fail("{}: max {} is below min {}", args.schema().name, args.real("max"), args.real("min"));
                 return {contiguous_meta(self.dtype, {bins})};
               },
               .kernel = histc_kernel});
  declare_searches(ops);
}

}  // namespace exformer
