// Most views have an op that undoes them; those of a decomposition are undone step by step; what is left (diagonal,
// unfold, as_strided) writes by the positions of its elements.
#include "exformer/trace/view_inverse.h"

#include <algorithm>
#include <array>

#include "exformer/ops/shape_rules.h"

namespace exformer {
namespace {

template <size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// A copy where the sizes cannot be viewed.
constexpr std::array<std::string_view, 3> kPerhapsViews{"reshape", "reshape_as", "flatten"};
// The input itself when nothing changes.
constexpr std::array<std::string_view, 7> kPerhapsInput{
    "contiguous", "to", "type_as", "dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"};
// The same elements in the same order under other sizes.
constexpr std::array<std::string_view, 9> kReshapes{"view",    "reshape",   "_unsafe_view", "flatten",   "unflatten",
                                                    "squeeze", "unsqueeze", "view_as",      "reshape_as"};

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

/// The elements of `source` at the view's positions are replaced one by one.
Value* write_by_position(GraphBuilder& builder, const ViewStep& step, Value* source, Value* replacement) {
  if (step.op->schema.base_name() == "as_strided" && !is_contiguous(source->meta))
    unsupported("an in-place write through '{}' of a tensor that is not contiguous", step.op->schema.name);
  const SymInt count = element_count(source->meta.sizes);
  const std::vector<SymInt> written{element_count(replacement->meta.sizes)};
  Value* numbers = builder.call("aten::arange", {count}, {{"dtype", DType::Int64}});
  Value* positions = apply_view(builder, step, builder.call("aten::view", {numbers, source->meta.sizes}));
  Value* flat = builder.call("aten::reshape", {source, std::vector<SymInt>{count}});
  Value* updated =
      builder.call("aten::index_put", {flat, std::vector<Value*>{builder.call("aten::reshape", {positions, written})},
                                       builder.call("aten::reshape", {replacement, written})});
  return builder.call("aten::reshape", {updated, source->meta.sizes});
}

/// The replacement without the dims that expand added or repeated: along those it holds one value.
Value* without_repeats(GraphBuilder& builder, Value* source, Value* replacement) {
  const int64_t added = replacement->meta.rank() - source->meta.rank();
  for (int64_t i = 0; i < replacement->meta.rank(); ++i) {
    const bool repeats =
        i < added || !known_equal(replacement->meta.sizes[i], source->meta.sizes[static_cast<size_t>(i - added)]);
    if (repeats) replacement = builder.call("aten::slice.Tensor", {replacement, i, 0, 1});
  }
  return builder.call("aten::reshape", {replacement, source->meta.sizes});
}

/// By the views that the op's decomposition consists of; null when it has none.
Value* invert_decomposed(GraphBuilder& builder, const ViewStep& step, Value* source, Value* replacement) {
  if (!step.op->decompose) return nullptr;
  std::vector<Argument> arguments = step.arguments;
  arguments[0] = source;
  const Value* view = step.op->decompose(builder, ValueArgs(step.op->schema, arguments))[step.output];
  const auto steps = steps_between(builder.ops(), source, view);
  if (!steps) return nullptr;
  std::vector<Value*> sources{source};
  for (size_t i = 0; i + 1 < steps->size(); ++i) sources.push_back(apply_view(builder, (*steps)[i], sources.back()));
  for (size_t i = steps->size(); i-- > 0;) replacement = invert_view(builder, (*steps)[i], sources[i], replacement);
  return replacement;
}

}  // namespace

Memory result_memory(const Op& op, const Node& node) {
  if (node.outputs().empty() || !node.arguments()[0].is<Value*>()) return Memory::Own;
  const TensorMeta& source = node.arguments()[0].as<Value*>()->meta;
  const TensorMeta& result = node.output()->meta;
  const std::string name = op.schema.base_name();
  if (name == "flatten" && source.rank() > 0 && result.rank() == source.rank()) return Memory::Same;
  if (is_one_of(name, kPerhapsViews)) return view_strides(source, result.sizes) ? Memory::View : Memory::Own;
  if (!is_one_of(name, kPerhapsInput)) return has_tag(op.tags, Tag::View) ? Memory::View : Memory::Own;
  for (size_t i = 0; i < op.schema.arguments.size(); ++i) {
    if (op.schema.arguments[i].name == "copy" && node.arguments()[i] == Argument(true)) return Memory::Own;
  }
  return result == source ? Memory::Same : Memory::Own;
}

std::optional<std::vector<ViewStep>> steps_between(const OpRegistry& ops, const Value* source, const Value* result) {
  std::vector<ViewStep> steps;
  while (result != source) {
    const Node* node = result->producer();
    if (!node || result_memory(ops.get(*node), *node) == Memory::Own) return std::nullopt;
    steps.insert(steps.begin(), {&ops.get(*node), node->arguments(), result->index()});
    result = node->arguments()[0].as<Value*>();
  }
  return steps;
}

Value* apply_view(GraphBuilder& builder, const ViewStep& step, Value* source) {
  std::vector<Argument> arguments = step.arguments;
  arguments[0] = source;
  return builder.append(*step.op, std::move(arguments))->output(step.output);
}

Value* invert_view(GraphBuilder& builder, const ViewStep& step, Value* source, Value* replacement) {
  const std::string name = step.op->schema.base_name();
  const ValueArgs args(step.op->schema, step.arguments);
  const int64_t rank = source->meta.rank();
  if (is_one_of(name, kReshapes)) return builder.call("aten::reshape", {replacement, source->meta.sizes});
  if (is_one_of(name, kPerhapsInput) || name == "alias" || name == "detach" || name == "lift_fresh") return replacement;
  if (name == "transpose")
    return builder.call("aten::transpose.int", {replacement, args.sym("dim0"), args.sym("dim1")});
  if (name == "t") return rank < 2 ? replacement : builder.call("aten::t", {replacement});
  if (name == "permute") return builder.call("aten::permute", {replacement, inverse_permutation(args.syms("dims"))});
  if (name == "expand") return without_repeats(builder, source, replacement);
  if (name == "select")
    return builder.call("aten::select_scatter", {source, replacement, args.sym("dim"), args.sym("index")});
  if (name == "slice") {
    return builder.call("aten::slice_scatter",
                        {source, replacement, args.sym("dim"), args["start"], args["end"], args.sym("step")});
  }
  if (name == "unbind") {
    return builder.call("aten::select_scatter",
                        {source, replacement, args.sym("dim"), static_cast<int64_t>(step.output)});
  }
  if (name == "split" || name == "split_with_sizes" || name == "chunk") {
    const int64_t dim = wrap_dim(args.integer("dim"), rank, name);
    const auto d = static_cast<size_t>(dim);
    std::vector<Argument> arguments = step.arguments;
    arguments[0] = source;
    const SymInt start = split_start(builder.append(*step.op, std::move(arguments))->outputs(), step.output, d);
    return builder.call("aten::slice_scatter", {source, replacement, dim, start, start + replacement->meta.sizes[d]});
  }
  if (Value* updated = invert_decomposed(builder, step, source, replacement)) return updated;
  return write_by_position(builder, step, source, replacement);
}

}  // namespace exformer
