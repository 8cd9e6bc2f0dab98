// The config that Llama-shaped families share, read from config.json with transformers' defaults for each family.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exformer/checkpoint/config_reader.h"
#include "exformer/models/family.h"
#include "exformer/nn/cache.h"
#include "exformer/nn/rotary.h"

namespace exformer {

struct TextConfig {
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t num_hidden_layers = 0;
  int64_t num_attention_heads = 0;
  int64_t num_key_value_heads = 0;
  int64_t head_dim = 0;
  int64_t max_position_embeddings = 0;
  std::string hidden_act;
  double rms_norm_eps = 0.0;
  bool qkv_bias = false;
  bool output_bias = false;
  bool mlp_bias = false;
  bool token_classification_bias = true;
  RotaryConfig rotary;
  std::vector<std::optional<int64_t>> layer_windows;  // one per layer
  std::optional<int64_t> pad_token_id;
  int64_t num_labels = 2;
};

/// What differs between families where config.json is silent (the defaults of their configuration classes).
struct TextDefaults {
  int64_t vocab_size, hidden_size, intermediate_size, num_hidden_layers, num_attention_heads;
  std::optional<int64_t> num_key_value_heads;  // none: as many as attention heads
  std::optional<int64_t> head_dim;             // none: hidden_size / num_attention_heads
  int64_t max_position_embeddings;
};
/// Decoders whose config has is_causal = false (or null) see every token in transformers; the zoo has no such mask.
void check_is_causal(ConfigReader& config);
TextConfig read_text_config(ConfigReader& config, const TextDefaults& defaults);
/// Qwen2's and Qwen3's layer windows: use_sliding_window, max_window_layers, layer_types.
void read_layer_types(ConfigReader& config, TextConfig& text);

ModelFacts facts_of(const TextConfig& config);
/// A cache with nothing in it: one layer per model layer (DynamicCache(config=...)).
Cache empty_cache(const TextConfig& config);

}  // namespace exformer
