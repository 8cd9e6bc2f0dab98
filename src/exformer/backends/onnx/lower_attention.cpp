// scaled_dot_product_attention. From opset 23 on ONNX has Attention, which groups heads by itself, gives 0 for rows
// that are masked out whole (as torch does), and in ONNX Runtime 1.32 runs faster than its parts and than
// com.microsoft's forms.
#include <cmath>
#include <limits>

#include "exformer/backends/onnx/lowering.h"
#include "exformer/base/error.h"

namespace exformer::onnx {
namespace {

struct Operands {
  ValueId query, key, value, mask;  // rank 4: [batch, heads, length, width]
};

double scale_of(const LowerCall& call) {
  if (const auto given = call.args.optional_real("scale")) return *given;
  const SymInt width = call.meta("query").sizes.back();
  if (!width.is_constant()) unsupported("attention over a symbolic head width needs a scale");
  return 1.0 / std::sqrt(static_cast<double>(width.value()));
}

/// The runtime broadcasts a mask over batch and heads, but not over query and key positions.
ValueId full_mask(const LowerCall& call, const Operands& operands) {
  if (operands.mask == kAbsent) return kAbsent;
  OnnxGraph& graph = call.graph;
  Sizes sizes = graph.sizes(operands.mask);
  const size_t rank = sizes.size();
  sizes[rank - 2] = graph.sizes(operands.query)[2];
  sizes[rank - 1] = graph.sizes(operands.key)[2];
  return call.onnx.expand(operands.mask, sizes);
}

ValueId fused(const LowerCall& call, const Operands& operands) {
  Attributes attributes;
  const double scale = scale_of(call);
  const SymInt width = call.meta("query").sizes.back();
  const bool is_default = width.is_constant() && scale == 1.0 / std::sqrt(static_cast<double>(width.value()));
  if (!is_default) attributes.emplace_back("scale", scale);
  if (call.args.boolean("is_causal")) attributes.emplace_back("is_causal", int64_t{1});
  OnnxGraph& graph = call.graph;
  Sizes sizes = graph.sizes(operands.query);
  sizes.back() = graph.sizes(operands.value).back();
  return graph.emit("Attention", {operands.query, operands.key, operands.value, full_mask(call, operands)},
                    std::move(attributes), call.out_dtype(), std::move(sizes));
}

/// Each key head once per query head of its group.
ValueId repeat_heads(const LowerCall& call, ValueId states, const SymInt& heads) {
  OnnxGraph& graph = call.graph;
  const Sizes sizes = graph.sizes(states);
  const size_t axis = sizes.size() - 3;
  if (known_equal(sizes[axis], heads) || sizes[axis] == SymInt(1)) return states;
  Sizes wide = sizes;
  wide.insert(wide.begin() + static_cast<int64_t>(axis) + 1, floordiv(heads, sizes[axis]));
  Sizes merged = sizes;
  merged[axis] = heads;
  return call.onnx.reshape(call.onnx.expand(call.onnx.unsqueeze(states, static_cast<int64_t>(axis) + 1), wide), merged);
}

/// softmax(query key^T * scale + mask) value; a row whose every key is masked gives 0.
ValueId decomposed(const LowerCall& call, ValueId query, ValueId key, ValueId value, ValueId mask) {
  OnnxGraph& graph = call.graph;
  const DType dtype = graph.dtype(query);
  const int64_t rank = graph.rank(key);
  std::vector<int64_t> swap(static_cast<size_t>(rank));
  for (int64_t i = 0; i < rank; ++i) swap[static_cast<size_t>(i)] = i;
  std::swap(swap[static_cast<size_t>(rank) - 1], swap[static_cast<size_t>(rank) - 2]);
  const auto multiply = [&](ValueId a, ValueId b) {
    const Sizes& left = graph.sizes(a);
    const Sizes& right = graph.sizes(b);
    Sizes sizes = broadcast(Sizes(left.begin(), left.end() - 2), Sizes(right.begin(), right.end() - 2));
    sizes.push_back(left[left.size() - 2]);
    sizes.push_back(right.back());
    return graph.emit("MatMul", {a, b}, {}, dtype, std::move(sizes));
  };
  ValueId scores =
      multiply(graph.pointwise("Mul", {query, graph.scalar(scale_of(call), dtype)}), call.onnx.transpose(key, swap));
  const ValueId minus_infinity = graph.scalar(-std::numeric_limits<double>::infinity(), dtype);
  if (call.args.boolean("is_causal")) {
    const Sizes sizes = graph.sizes(scores);
    const Sizes square = {sizes[sizes.size() - 2], sizes.back()};
    const ValueId ones = call.onnx.full(square, graph.scalar(1, DType::Int64));
    const ValueId lower = graph.emit("Trilu", {ones}, {{"upper", int64_t{0}}}, DType::Int64, square);
    mask = graph.cast(lower, DType::Bool);
  }
  if (mask == kAbsent) return multiply(graph.pointwise("Softmax", {scores}, {{"axis", int64_t{-1}}}), value);
  scores = graph.dtype(mask) == DType::Bool ? call.onnx.where(mask, scores, minus_infinity)
                                            : graph.pointwise("Add", {scores, graph.cast(mask, dtype)});
  const ValueId weights = graph.pointwise("Softmax", {scores}, {{"axis", int64_t{-1}}});
  const ValueId largest = call.onnx.reduce("ReduceMax", scores, {graph.rank(scores) - 1}, true);
  const ValueId is_masked = graph.pointwise_as(DType::Bool, "Equal", {largest, minus_infinity});
  return multiply(call.onnx.where(is_masked, graph.scalar(0, dtype), weights), value);
}

Results attention(const LowerCall& call) {
  if (call.args.real("dropout_p") != 0.0) unsupported("attention with dropout_p {}", call.args.real("dropout_p"));
  OnnxGraph& graph = call.graph;
  Operands operands{call.tensor("query"), call.tensor("key"), call.tensor("value"), call.optional("attn_mask")};
  const DType dtype = graph.dtype(operands.query);
  if (operands.mask != kAbsent && graph.dtype(operands.mask) != DType::Bool)
    operands.mask = graph.cast(operands.mask, dtype);
  const Sizes query = graph.sizes(operands.query), key = graph.sizes(operands.key), value = graph.sizes(operands.value);
  const bool grouped = call.args.boolean("enable_gqa");
  const bool same_rank = query.size() == key.size() && key.size() == value.size();
  bool can_fuse = graph.opset() >= 23 && same_rank && (query.size() == 4 || query.size() == 3);
  for (size_t i = 0; can_fuse && i + 2 < query.size(); ++i) {
    can_fuse = known_equal(key[i], value[i]) && (known_equal(query[i], key[i]) || (grouped && i == 1));
  }
  if (can_fuse && operands.mask != kAbsent)
    can_fuse = graph.rank(operands.mask) >= 2 && graph.rank(operands.mask) <= static_cast<int64_t>(query.size());
  if (can_fuse && query.size() == 3) {  // one head
    for (ValueId* operand : {&operands.query, &operands.key, &operands.value})
      *operand = call.onnx.unsqueeze(*operand, 1);
    if (operands.mask != kAbsent && graph.rank(operands.mask) == 3)
      operands.mask = call.onnx.unsqueeze(operands.mask, 1);
    return {call.onnx.squeeze(fused(call, operands), 1)};
  }
  if (can_fuse) return {fused(call, operands)};
  if (grouped) {
    operands.key = repeat_heads(call, operands.key, query[query.size() - 3]);
    operands.value = repeat_heads(call, operands.value, query[query.size() - 3]);
  }
  return {decomposed(call, operands.query, operands.key, operands.value, operands.mask)};
}

}  // namespace

void add_attention_lowerings(LoweringTable& table) { table.add("aten::scaled_dot_product_attention", attention); }

}  // namespace exformer::onnx
