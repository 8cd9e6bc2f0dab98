// Rotary position embeddings: inverse frequencies of every rope type, and their application to query and key heads.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "exformer/nn/module.h"

namespace exformer {

/// What config.rope_parameters says, defaults resolved (transformers.modeling_rope_utils).
struct RotaryConfig {
  std::string rope_type = "default";  // default, linear, dynamic, yarn, longrope, llama3
  double rope_theta = 10000.0;
  int64_t head_dim = 0;
  double partial_rotary_factor = 1.0;
  int64_t max_position_embeddings = 0;
  int64_t original_max_position_embeddings = 0;
  std::optional<double> factor;
  std::optional<double> attention_factor;
  std::optional<double> beta_fast, beta_slow, mscale, mscale_all_dim;
  bool truncate = true;
  double low_freq_factor = 1.0, high_freq_factor = 1.0;
  std::vector<double> short_factor, long_factor;
};

/// Frequencies of a model at rest, float32 as torch computes them, and the factor on cos and sin.
struct InverseFrequencies {
  std::vector<float> values;       // [rotary_dim / 2]
  std::vector<float> long_values;  // longrope: used beyond original_max_position_embeddings
  double attention_factor = 1.0;
};
InverseFrequencies compute_inverse_frequencies(const RotaryConfig& config);

/// cos and sin, each [batch, sequence, rotary_dim], in the dtype of the hidden states.
struct PositionEmbeddings {
  Tensor cos, sin;
};

/// Matches LlamaRotaryEmbedding.forward with dynamic_rope_update, without its state: lengths are judged call by call.
struct RotaryEmbedding : Module {
  RotaryEmbedding(Scope module_scope, RotaryConfig rotary_config);
  /// position_ids: int64 [batch or 1, sequence]
  PositionEmbeddings operator()(const Tensor& position_ids, DType dtype) const;
  RotaryConfig config;
  double attention_factor = 1.0;
  Tensor inv_freq, long_inv_freq, growth_exponent;

 private:
  Tensor current_inverse_frequencies(const Tensor& position_ids) const;
};

/// Rotates the halves: x * cos + rotate_half(x) * sin, for query and key [batch, heads, sequence, head_dim].
std::pair<Tensor, Tensor> apply_rotary_pos_emb(const Tensor& query, const Tensor& key,
                                               const PositionEmbeddings& embeddings);

}  // namespace exformer
