#include "exformer/nn/attention.h"

namespace exformer {
namespace {

/// Repeats each key head for its group of query heads: [batch, heads, n, d] -> [batch, heads * groups, n, d].
Tensor repeat_kv(const Tensor& states, int64_t groups) {
  if (groups == 1) return states;
  const SymInt batch = states.size(0), heads = states.size(1), length = states.size(2), head_dim = states.size(3);
  return states.unsqueeze(2)
      .expand({batch, heads, groups, length, head_dim})
      .reshape({batch, heads * groups, length, head_dim});
}

/// [batch, heads, sequence, head_dim] -> [batch, sequence, heads * head_dim]
Tensor merge_heads(const Tensor& output) {
  return output.transpose(1, 2).contiguous().reshape({output.size(0), output.size(2), output.size(1) * output.size(3)});
}

}  // namespace

AttentionResult attention(AttentionImplementation implementation, const Tensor& query, const Tensor& key,
                          const Tensor& value, const Tensor& mask, const AttentionOptions& options) {
  if (implementation == AttentionImplementation::Sdpa) {
    const bool grouped = options.num_key_value_groups > 1;
    const Tensor output = call("aten::scaled_dot_product_attention", {query, key, value, mask},
                               {{"scale", options.scaling}, {"enable_gqa", grouped}});
    return {merge_heads(output), {}};
  }
  const Tensor keys = repeat_kv(key, options.num_key_value_groups);
  const Tensor values = repeat_kv(value, options.num_key_value_groups);
  Tensor weights = query.matmul(keys.transpose(2, 3)) * options.scaling;
  if (mask.defined()) weights = weights + mask;
  weights = options.softmax_in_float32 ? weights.softmax(-1, DType::Float32).to(query.dtype()) : weights.softmax(-1);
  return {merge_heads(weights.matmul(values)), weights};
}

}  // namespace exformer
