// Attention: two products and a softmax, in float32: torch's kernel rounds no scores to 16 bits. Groups of query heads
// share their key head by broadcasting, so keys and values are never repeated.
#include <cmath>
#include <optional>

#include "exformer/backends/executorch/xnnpack/products.h"

namespace exformer::executorch::xnnpack {
namespace {

struct Heads {
  Placed query, key, value;  // [batch, heads, length, width] on the four axes in order
};

Placed attend(Lowering& xnn, const Heads& heads, const std::optional<Placed>& mask) {
  Placed key = heads.key;
  std::swap(key.axes[2], key.axes[3]);
  Placed scores = matrix_product(xnn, heads.query, key);
  if (mask) scores = xnn.binary(NodeKind::Add, scores, *mask);
  return matrix_product(xnn, xnn.unary(NodeKind::Softmax, xnn.require(scores, {{-1, 3}})), heads.value);
}

Placed head_range(Lowering& xnn, const Placed& x, int64_t first, int64_t count) {
  if (x.axis(1) < 0 || x.size(1) == SymInt(count)) return x;
  return xnn.slice_axis(x, x.axis(1), static_cast<uint32_t>(first), static_cast<uint32_t>(count), count);
}

void attention(const LowerCall& call) {
  Lowering& xnn = call.xnn;
  if (call.args.boolean("is_causal")) refuse("a causal mask that is not spelled out");
  const Value* mask_value = call.optional("attn_mask");
  const TensorMeta &query_meta = call.meta("query"), &key_meta = call.meta("key");
  if (query_meta.rank() != 4) refuse("attention over tensors that have not four dims");
  const std::vector<std::pair<int, int>> layout = {{0, 0}, {1, 1}, {2, 2}, {3, 3}};
  Heads heads{xnn.require(call.wide_along("query", {3}), layout), xnn.require(call.wide_along("key", {2, 3}), layout),
              xnn.require(call.wide_along("value", {2}), layout)};
  const uint32_t width = constant_size(query_meta.sizes[3], "the width of a head");
  const double scale = call.args.optional_real("scale").value_or(1.0 / std::sqrt(static_cast<double>(width)));
  if (scale != 1.0) heads.query = xnn.binary(NodeKind::Multiply, heads.query, scale);
  const std::optional<Placed> mask = mask_value ? std::optional(xnn.get_in(mask_value, DType::Float32)) : std::nullopt;

  const int64_t query_heads = constant_size(query_meta.sizes[1], "the number of heads"),
                key_heads = constant_size(key_meta.sizes[1], "the number of key heads");
  if (query_heads == key_heads || key_heads == 1) return call.set(attend(xnn, heads, mask));
  if (mask && mask->rank() == 4 && !is_one(mask->size(1))) refuse("a mask of its own for each of grouped heads");
  const int64_t group = query_heads / key_heads;
  std::vector<ValueId> parts;
  Placed last;
  for (int64_t i = 0; i < key_heads; ++i) {
    last = attend(xnn,
                  {head_range(xnn, heads.query, i * group, group), head_range(xnn, heads.key, i, 1),
                   head_range(xnn, heads.value, i, 1)},
                  mask);
    parts.push_back(last.id);
  }
  Placed result = last;
  result.id = xnn.concatenate(std::move(parts), 1, last.dtype);
  result.sizes[1] = query_heads;
  result.axes[1] = 1;
  call.set(std::move(result));
}

}  // namespace

void add_attention_lowerings(LoweringTable& table) { table.add("aten::scaled_dot_product_attention", attention); }

}  // namespace exformer::executorch::xnnpack
