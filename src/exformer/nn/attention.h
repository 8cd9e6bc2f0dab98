// Scaled dot product attention, as one op or spelled out (transformers' sdpa_attention_forward and
// eager_attention_forward).
#pragma once

#include "exformer/nn/module.h"

namespace exformer {

struct AttentionOptions {
  double scaling = 1.0;
  int64_t num_key_value_groups = 1;  // query heads per key head
  bool softmax_in_float32 = true;    // eager only: Llama-like models do, BERT and ViT do not
};

struct AttentionResult {
  Tensor output;   // [batch, query_length, heads * head_dim]
  Tensor weights;  // eager: [batch, heads, query_length, key_length]; undefined for sdpa
};

/// query [batch, heads, query_length, head_dim], key and value [batch, heads / groups, key_length, head_dim]; the mask
/// is what make_attention_mask gives, or undefined.
AttentionResult attention(AttentionImplementation implementation, const Tensor& query, const Tensor& key,
                          const Tensor& value, const Tensor& mask, const AttentionOptions& options);

/// [batch, sequence, heads * head_dim] -> [batch, heads, sequence, head_dim]
inline Tensor split_heads(const Tensor& states, int64_t head_dim) {
  return states.view({states.size(0), states.size(1), -1, head_dim}).transpose(1, 2);
}

}  // namespace exformer
