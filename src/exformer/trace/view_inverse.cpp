#include "exformer/trace/view_inverse.h"

#include "exformer/ops/shape_rules.h"

namespace exformer {
namespace {

std::vector<SymInt> inverse_permutation(const std::vector<SymInt>& dims) {
  const auto rank = static_cast<int64_t>(dims.size());
  std::vector<SymInt> inverse(dims.size());
  for (int64_t i = 0; i < rank; ++i)
    inverse[static_cast<size_t>(wrap_dim(dims[static_cast<size_t>(i)].value(), rank, "permute"))] = i;
  return inverse;
}

/// Where result number `output` of a split starts along `dim`.
SymInt split_start(const std::vector<Value*>& parts, size_t output, size_t dim) {
  SymInt start = 0;
  for (size_t i = 0; i < output; ++i) start = start + parts[i]->meta.sizes[dim];
  return start;
}

}  // namespace

Value* apply_view(GraphBuilder& builder, const ViewStep& step, Value* source) {
  std::vector<Argument> arguments = step.arguments;
  arguments[0] = source;
  return builder.append(*step.op, std::move(arguments))->output(step.output);
}

Value* invert_view(GraphBuilder& builder, const ViewStep& step, Value* source, Value* replacement) {
  const std::string name = step.op->schema.base_name();
  const ValueArgs args(step.op->schema, step.arguments);
  const auto dim_of = [&](std::string_view argument, int64_t rank) {
    return wrap_dim(args.integer(argument), rank, name);
  };
  const int64_t rank = source->meta.rank();
  if (name == "view" || name == "reshape" || name == "_unsafe_view" || name == "flatten" || name == "unflatten" ||
      name == "squeeze" || name == "unsqueeze" || name == "view_as") {
    return builder.call("aten::reshape", {replacement, source->meta.sizes});
  }
  if (name == "transpose")
    return builder.call("aten::transpose.int", {replacement, args.sym("dim0"), args.sym("dim1")});
  if (name == "t") return rank < 2 ? replacement : builder.call("aten::t", {replacement});
  if (name == "permute") return builder.call("aten::permute", {replacement, inverse_permutation(args.syms("dims"))});
  if (name == "alias" || name == "detach") return replacement;
  if (name == "select")
    return builder.call("aten::select_scatter", {source, replacement, args.sym("dim"), args.sym("index")});
  if (name == "slice") {
    return builder.call("aten::slice_scatter",
                        {source, replacement, args.sym("dim"), args["start"], args["end"], args.sym("step")});
  }
  if (name == "narrow") {
    const SymInt start = args.sym("start");
    return builder.call("aten::slice_scatter",
                        {source, replacement, args.sym("dim"), start, start + args.sym("length")});
  }
  if (name == "unbind") {
    return builder.call("aten::select_scatter",
                        {source, replacement, args.sym("dim"), static_cast<int64_t>(step.output)});
  }
  if (name == "split" || name == "split_with_sizes" || name == "chunk") {
    const int64_t dim = dim_of("dim", rank);
    const auto d = static_cast<size_t>(dim);
    std::vector<Argument> arguments = step.arguments;
    arguments[0] = source;
    const SymInt start = split_start(builder.append(*step.op, std::move(arguments))->outputs(), step.output, d);
    return builder.call("aten::slice_scatter", {source, replacement, dim, start, start + replacement->meta.sizes[d]});
  }
  unsupported("an in-place write through '{}' is not supported", step.op->schema.name);
}

}  // namespace exformer
