// Writes to places that an index names, in terms of those that have kernels.
#include <limits>

#include "exformer/backends/executorch/spelled_out_ops.h"
#include "exformer/ops/builder.h"
#include "exformer/ops/shape_rules.h"

namespace exformer::executorch {
namespace {

Values put_along(GraphBuilder& builder, const ValueArgs& args, Value* source, bool accumulate) {
  Value* self = args.tensor("self");
  if (self->meta.rank() == 0 || args.tensor("index")->meta.rank() != 1) return {};
  const int64_t dim = wrap_dim(args.integer("dim"), self->meta.rank(), args.schema().name);
  std::vector<Value*> indices(static_cast<size_t>(dim), nullptr);
  indices.push_back(args.tensor("index"));
  return {builder.call("aten::index_put", {self, indices, source, accumulate})};
}

Values index_add(GraphBuilder& builder, const ValueArgs& args) {
  Value* source = args.tensor("source");
  if (args["alpha"] != Argument(1)) source = builder.call("aten::mul.Scalar", {source, args["alpha"]});
  return put_along(builder, args, source, true);
}

Values index_copy(GraphBuilder& builder, const ValueArgs& args) {
  return put_along(builder, args, args.tensor("source"), false);
}

/// What each place of a scatter gets: [.., here, there, ..] is true where the element there goes here. Nothing where
/// the index does not reach all of the other dims.
Value* destinations(GraphBuilder& builder, const ValueArgs& args, int64_t dim) {
  const std::vector<SymInt>&self = args.tensor("self")->meta.sizes, &index = args.tensor("index")->meta.sizes;
  if (args.tensor("src")->meta.sizes != index) return nullptr;
  for (size_t i = 0; i < self.size(); ++i) {
    if (i != static_cast<size_t>(dim) && !known_equal(self[i], index[i])) return nullptr;
  }
  std::vector<SymInt> place_sizes(self.size() - static_cast<size_t>(dim) + 1, SymInt(1));
  place_sizes[0] = self[static_cast<size_t>(dim)];
  Value* places = builder.call("aten::reshape", {numbers_from_0(builder, place_sizes[0]), place_sizes});
  return builder.call("aten::eq.Tensor", {builder.call("aten::unsqueeze", {args.tensor("index"), dim}), places});
}

/// The extreme or the product of all elements that go to the same place: every place looks at all elements.
Values scatter_by_looking(GraphBuilder& builder, const ValueArgs& args, int64_t dim) {
  Value* self = args.tensor("self");
  const std::string& reduce = args.string("reduce");
  const DType dtype = self->meta.dtype;
  if (!is_floating(self)) return {};
  Value* goes = destinations(builder, args, dim);
  if (!goes) return {};
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double neutral = reduce == "amax" ? -kInfinity : reduce == "amin" ? kInfinity : 1.0;
  Value* source = builder.call("aten::unsqueeze", {args.tensor("src"), dim});
  Value* all = builder.call("aten::where.self", {goes, source, number(builder, neutral, dtype)});
  Value* result = reduce == "prod"
                      ? builder.call("aten::prod.dim_int", {all, dim + 1})
                      : builder.call(reduce == "amax" ? "aten::amax" : "aten::amin", {all, {SymInt(dim + 1)}});
  if (!args.boolean("include_self"))
    return {builder.call("aten::where.self", {builder.call("aten::any.dim", {goes, dim + 1}), result, self})};
  const char* op = reduce == "prod" ? "aten::mul.Tensor" : reduce == "amax" ? "aten::maximum" : "aten::minimum";
  return {builder.call(op, {self, result})};
}

/// Sums and means: the elements and how many there are, added up.
Values scatter_reduce(GraphBuilder& builder, const ValueArgs& args) {
  Value* self = args.tensor("self");
  if (self->meta.rank() == 0 || args.tensor("index")->meta.rank() != self->meta.rank()) return {};
  const int64_t dim = wrap_dim(args.integer("dim"), self->meta.rank(), args.schema().name);
  const std::string& reduce = args.string("reduce");
  if (reduce != "sum" && reduce != "mean") return scatter_by_looking(builder, args, dim);
  const bool includes_self = args.boolean("include_self");
  const auto scattered = [&](Value* to, Value* source) {
    return builder.call("aten::scatter_add", {to, dim, args.tensor("index"), source});
  };
  Value* ones = builder.call("aten::full_like", {args.tensor("src"), 1});
  Value* count = scattered(builder.call("aten::full_like", {self, includes_self ? 1 : 0}), ones);
  if (!includes_self) {  // what is written to starts from 0
    Value* kept = builder.call("aten::eq.Scalar", {count, 0});
    self = builder.call("aten::where.self", {kept, self, builder.call("aten::full_like", {self, 0})});
    count = builder.call("aten::where.self", {kept, builder.call("aten::full_like", {count, 1}), count});
  }
  Value* sum = scattered(self, args.tensor("src"));
  if (reduce == "sum") return {sum};
  if (is_floating(sum)) return {builder.call("aten::div.Tensor", {sum, count})};
  return {builder.call("aten::div.Tensor_mode", {sum, count}, {{"rounding_mode", "floor"}})};
}

}  // namespace

void add_scatter_spellings(SpelledOutOps& ops) {
  ops.insert(
      {{"aten::index_add", index_add}, {"aten::index_copy", index_copy}, {"aten::scatter_reduce.two", scatter_reduce}});
}

}  // namespace exformer::executorch
