// Tensors made from sizes and numbers or drawn, in terms of those that have kernels.
#include "exformer/backends/executorch/spelled_out_ops.h"
#include "exformer/ops/builder.h"

namespace exformer::executorch {
namespace {

/// From both ends, as torch counts: start + step * i in the first half, end - step * (steps - 1 - i) in the second.
Values linspace(GraphBuilder& builder, const ValueArgs& args) {
  const DType dtype = args.dtype("dtype").value_or(DType::Float32);
  const int64_t steps = args.integer("steps");
  if (dtype != DType::Float32 && dtype != DType::Float64) return {};
  Value* start = number(builder, args["start"], dtype);
  if (steps <= 1) return {builder.call("aten::expand", {start, {SymInt(steps)}})};
  Value* end = number(builder, args["end"], dtype);
  Value* step = builder.call("aten::div.Scalar",
                             {builder.call("aten::sub.Tensor", {end, start}), static_cast<double>(steps - 1)});
  Value* place = numbers_from_0(builder, steps, dtype);
  Value* left = builder.call("aten::rsub.Scalar", {place, static_cast<double>(steps - 1)});
  Value* low = builder.call("aten::add.Tensor", {builder.call("aten::mul.Tensor", {place, step}), start});
  Value* high = builder.call("aten::sub.Tensor", {end, builder.call("aten::mul.Tensor", {left, step})});
  Value* is_low = builder.call("aten::lt.Scalar", {place, static_cast<double>(steps / 2)});
  return {builder.call("aten::where.self", {is_low, low, high})};
}

// Draws
// ---------------------------------------------------------------------------------------------------------------------

Value* draw(GraphBuilder& builder, std::string_view op, const Value* like, DType dtype) {
  return builder.call(op, {like->meta.sizes}, {{"dtype", dtype}});
}

Values rand_like(GraphBuilder& builder, const ValueArgs& args) {
  Value* self = args.tensor("self");
  return {draw(builder, "aten::rand", self, args.dtype("dtype").value_or(self->meta.dtype))};
}

Values randn_like(GraphBuilder& builder, const ValueArgs& args) {
  Value* self = args.tensor("self");
  return {draw(builder, "aten::randn", self, args.dtype("dtype").value_or(self->meta.dtype))};
}

Values uniform(GraphBuilder& builder, const ValueArgs& args) {
  const double from = args.real("from");
  Value* drawn = draw(builder, "aten::rand", args.tensor("self"), args.tensor("self")->meta.dtype);
  drawn = builder.call("aten::mul.Scalar", {drawn, args.real("to") - from});
  return {builder.call("aten::add.Scalar", {drawn, from})};
}

/// 1 as often as `chance` says.
Values coin(GraphBuilder& builder, Value* self, const Argument& chance) {
  Value* drawn = draw(builder, "aten::rand", self, DType::Float32);
  Value* below = builder.call(chance.is_tensor() ? "aten::lt.Tensor" : "aten::lt.Scalar", {drawn, chance});
  return {builder.call("aten::_to_copy", {below}, {{"dtype", self->meta.dtype}})};
}
Values bernoulli(GraphBuilder& builder, const ValueArgs& args) {
  return coin(builder, args.tensor("self"), args["self"]);
}
Values bernoulli_p(GraphBuilder& builder, const ValueArgs& args) {
  return coin(builder, args.tensor("self"), args["p"]);
}

}  // namespace

void add_creation_spellings(SpelledOutOps& ops) {
  ops.insert({{"aten::linspace", linspace},
              {"aten::rand_like", rand_like},
              {"aten::randn_like", randn_like},
              {"aten::uniform", uniform},
              {"aten::bernoulli", bernoulli},
              {"aten::bernoulli.p", bernoulli_p}});
}

}  // namespace exformer::executorch
