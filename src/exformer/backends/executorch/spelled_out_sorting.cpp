// Order, histograms, searches and running extremes in terms of topk, comparisons and sums.
#include <limits>

#include "exformer/backends/executorch/spelled_out_ops.h"
#include "exformer/ops/builder.h"
#include "exformer/ops/shape_rules.h"

namespace exformer::executorch {
namespace {

/// The least and the largest integer of a dtype.
std::pair<int64_t, int64_t> range_of(DType dtype) {
  if (dtype == DType::UInt8) return {0, 255};
  const int64_t largest = std::numeric_limits<int64_t>::max() >> (64 - 8 * item_size(dtype));
  return {-largest - 1, largest};
}

/// All elements are the first ones: topk orders them. It takes no bools, and leaves the order of equal ones open.
Values unstable_sort(GraphBuilder& builder, const ValueArgs& args) {
  Value* self = args.tensor("self");
  if (self->meta.rank() == 0) return {};
  const int64_t dim = wrap_dim(args.integer("dim"), self->meta.rank(), args.schema().name);
  const SymInt length = self->meta.sizes[static_cast<size_t>(dim)];
  const bool is_bool = self->meta.dtype == DType::Bool;
  if (is_bool) self = builder.call("aten::_to_copy", {self}, {{"dtype", DType::Int64}});
  Values sorted = builder.call_all("aten::topk", {self, length, dim, args.boolean("descending"), true});
  if (is_bool) sorted[0] = builder.call("aten::_to_copy", {sorted[0]}, {{"dtype", DType::Bool}});
  return sorted;
}

/// A second topk puts each run of equal elements in the order of its places. For sorts that need not be stable too:
/// torch's are on most processors and in short rows.
Values sort(GraphBuilder& builder, const ValueArgs& args) {
  const Values sorted = unstable_sort(builder, args);
  if (sorted.empty()) return {};
  const int64_t rank = sorted[0]->meta.rank(), dim = wrap_dim(args.integer("dim"), rank, args.schema().name);
  const SymInt length = sorted[0]->meta.sizes[static_cast<size_t>(dim)];
  // The first one is held to the last one, which moves the numbers of all runs alike.
  Value* before = builder.call("aten::roll", {sorted[0], {SymInt(1)}, {SymInt(dim)}});
  Value* differs = builder.call("aten::ne.Tensor", {sorted[0], before});
  if (is_floating(sorted[0])) {  // all NaN are one run
    Value* both = builder.call("aten::logical_and",
                               {builder.call("aten::isnan", {sorted[0]}), builder.call("aten::isnan", {before})});
    differs = builder.call("aten::logical_and", {differs, builder.call("aten::logical_not", {both})});
  }
  Value* steps = builder.call("aten::_to_copy", {differs}, {{"dtype", DType::Int64}});
  Value* run = builder.call("aten::cumsum", {steps, dim});
  Value* key = builder.call("aten::add.Tensor", {builder.call("aten::mul.Scalar", {run, length}), sorted[1]});
  Value* place = builder.call_all("aten::topk", {key, length, dim, false, true})[1];
  return {sorted[0], builder.call("aten::gather", {sorted[1], dim, place})};
}

/// The range of a histogram: [min, max], that of the values when both are equal, and one wide when those are.
std::pair<Value*, Value*> histogram_range(GraphBuilder& builder, Value* flat, double min, double max) {
  if (min < max) return {number(builder, min, flat->meta.dtype), number(builder, max, flat->meta.dtype)};
  Value* low = builder.call("aten::amin", {flat, {SymInt(0)}});
  Value* high = builder.call("aten::amax", {flat, {SymInt(0)}});
  Value* same = builder.call("aten::eq.Tensor", {low, high});
  return {builder.call("aten::where.self", {same, builder.call("aten::sub.Scalar", {low, 1.0}), low}),
          builder.call("aten::where.self", {same, builder.call("aten::add.Scalar", {high, 1.0}), high})};
}

/// How many elements fall into each of `bins` parts of the range; the upper end belongs to the last one.
Values histogram(GraphBuilder& builder, const ValueArgs& args) {
  const int64_t bins = args.integer("bins");
  Value* flat = args.tensor("self");
  flat = builder.call("aten::reshape", {flat, {element_count(flat->meta.sizes)}});
  const DType dtype = flat->meta.dtype;
  const auto [low, high] = histogram_range(builder, flat, args.real("min"), args.real("max"));
  Value* scaled =
      builder.call("aten::mul.Scalar", {builder.call("aten::sub.Tensor", {flat, low}), static_cast<double>(bins)});
  scaled = builder.call("aten::div.Tensor", {scaled, builder.call("aten::sub.Tensor", {high, low})});
  Value* bin = builder.call("aten::floor", {scaled});
  const auto among = [&](Value* where, int64_t replacement) {
    bin = builder.call("aten::where.self", {where, bin, number(builder, static_cast<double>(replacement), dtype)});
  };
  among(builder.call("aten::lt.Tensor", {flat, high}), bins - 1);
  // What lies outside is counted beyond the last bin; comparisons with NaN are false.
  among(builder.call("aten::logical_and",
                     {builder.call("aten::ge.Tensor", {flat, low}), builder.call("aten::le.Tensor", {flat, high})}),
        bins);
  bin = builder.call("aten::_to_copy", {bin}, {{"dtype", DType::Int64}});
  Value* ones = builder.call("aten::full_like", {flat, 1.0});
  Value* none = builder.call("aten::full", {{SymInt(bins + 1)}, 0.0}, {{"dtype", dtype}});
  Value* counts = builder.call("aten::scatter_add", {none, 0, bin, ones});
  return {builder.call("aten::slice.Tensor", {counts, 0, 0, bins})};
}

/// How many boundaries lie below each value (or do not lie above it).
Values count_below(GraphBuilder& builder, Value* values, Value* boundaries, bool includes_equal, DType dtype) {
  if (boundaries->meta.rank() > 1) boundaries = builder.call("aten::unsqueeze", {boundaries, -2});
  Value* below = builder.call(includes_equal ? "aten::le.Tensor" : "aten::lt.Tensor",
                              {boundaries, builder.call("aten::unsqueeze", {values, -1})});
  return {builder.call("aten::sum.dim_IntList", {below, {SymInt(-1)}}, {{"dtype", dtype}})};
}

Values bucketize(GraphBuilder& builder, const ValueArgs& args) {
  return count_below(builder, args.tensor("self"), args.tensor("boundaries"), args.boolean("right"),
                     args.boolean("out_int32") ? DType::Int32 : DType::Int64);
}

Values searchsorted(GraphBuilder& builder, const ValueArgs& args) {
  if (args.has("sorter")) return {};
  const bool is_right = args.boolean("right") || (args.has("side") && args.string("side") == "right");
  return count_below(builder, args.tensor("self"), args.tensor("sorted_sequence"), is_right,
                     args.boolean("out_int32") ? DType::Int32 : DType::Int64);
}

/// The largest (or smallest) element so far and where it last was: every place looks at all that are not after it.
Values running_extreme(GraphBuilder& builder, const ValueArgs& args, bool is_largest) {
  Value* self = args.tensor("self");
  const int64_t rank = self->meta.rank();
  if (rank == 0 || self->meta.dtype == DType::Bool) return {};
  const int64_t dim = wrap_dim(args.integer("dim"), rank, args.schema().name);
  const SymInt length = self->meta.sizes[static_cast<size_t>(dim)];
  Argument least;
  if (is_floating(self)) {
    least = is_largest ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
  } else {
    const auto [lowest, highest] = range_of(self->meta.dtype);
    least = is_largest ? lowest : highest;
  }
  std::vector<SymInt> seen_sizes(static_cast<size_t>(rank - dim + 1), SymInt(1));  // [here, there, 1, ..]
  seen_sizes[0] = length;
  seen_sizes[1] = length;
  Value* places = numbers_from_0(builder, length);
  Value* seen = builder.call("aten::le.Tensor", {places, builder.call("aten::unsqueeze", {places, 1})});
  seen = builder.call("aten::reshape", {seen, seen_sizes});
  Value* wide = builder.call("aten::unsqueeze", {self, dim});
  const auto extreme = [&](Value* value, const Argument& otherwise, DType dtype, bool largest) {
    Value* all = builder.call("aten::where.self", {seen, value, number(builder, otherwise, dtype)});
    return builder.call(largest ? "aten::amax" : "aten::amin", {all, {SymInt(dim + 1)}});
  };
  Value* values = extreme(wide, least, self->meta.dtype, is_largest);
  Value* same = builder.call("aten::eq.Tensor", {wide, builder.call("aten::unsqueeze", {values, dim + 1})});
  if (is_floating(self)) {
    Value* is_nan = builder.call("aten::unsqueeze", {builder.call("aten::isnan", {values}), dim + 1});
    is_nan = builder.call("aten::logical_and", {builder.call("aten::isnan", {wide}), is_nan});
    same = builder.call("aten::logical_or", {same, is_nan});
  }
  std::vector<SymInt> place_sizes(static_cast<size_t>(rank - dim), SymInt(1));
  place_sizes[0] = length;
  Value* there = builder.call("aten::where.self", {same, builder.call("aten::reshape", {places, place_sizes}),
                                                   number(builder, 0, DType::Int64)});
  return {values, extreme(there, 0, DType::Int64, true)};
}
Values cummax(GraphBuilder& builder, const ValueArgs& args) { return running_extreme(builder, args, true); }
Values cummin(GraphBuilder& builder, const ValueArgs& args) { return running_extreme(builder, args, false); }

}  // namespace

void add_sorting_spellings(SpelledOutOps& ops) {
  ops.insert({{"aten::sort", sort},
              {"aten::sort.stable", sort},
              {"aten::histc", histogram},
              {"aten::bucketize.Tensor", bucketize},
              {"aten::searchsorted.Tensor", searchsorted},
              {"aten::cummax", cummax},
              {"aten::cummin", cummin}});
}

}  // namespace exformer::executorch
