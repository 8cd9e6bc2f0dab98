#include "exformer/models/text_config.h"

namespace exformer {
namespace {

RotaryConfig read_rotary(ConfigReader& config, const TextConfig& text) {
  const RopeParameters rope = config.rope_parameters();
  return {
      .rope_type = rope.rope_type,
      .rope_theta = rope.rope_theta,
      .head_dim = text.head_dim,
      .partial_rotary_factor = rope.partial_rotary_factor,
      .max_position_embeddings = text.max_position_embeddings,
      .original_max_position_embeddings = rope.original_max_position_embeddings.value_or(text.max_position_embeddings),
      .factor = rope.factor,
      .attention_factor = rope.attention_factor,
      .beta_fast = rope.beta_fast,
      .beta_slow = rope.beta_slow,
      .mscale = rope.mscale,
      .mscale_all_dim = rope.mscale_all_dim,
      .truncate = rope.truncate,
      .low_freq_factor = rope.low_freq_factor.value_or(1.0),
      .high_freq_factor = rope.high_freq_factor.value_or(1.0),
      .short_factor = rope.short_factor,
      .long_factor = rope.long_factor};
}

}  // namespace

void check_is_causal(ConfigReader& config) {
  if (!config.is_null("is_causal") && config.optional_bool("is_causal", true)) return;
  unsupported("{}: is_causal = false (every token sees every other one) is not supported for decoders in the zoo",
              config.source());
}

TextConfig read_text_config(ConfigReader& config, const TextDefaults& defaults) {
  TextConfig text;
  check_is_causal(config);
  text.vocab_size = config.optional_int("vocab_size", defaults.vocab_size, {.min = 1});
  text.hidden_size = config.optional_int("hidden_size", defaults.hidden_size, {.min = 1});
  text.intermediate_size = config.optional_int("intermediate_size", defaults.intermediate_size, {.min = 1});
  text.num_hidden_layers =
      config.optional_int("num_hidden_layers", defaults.num_hidden_layers, {.min = 0, .max = 4096});
  text.num_attention_heads = config.optional_int("num_attention_heads", defaults.num_attention_heads, {.min = 1});
  if (!config.has("head_dim") && !defaults.head_dim && text.hidden_size % text.num_attention_heads != 0) {
    fail("{}: hidden_size {} is not a multiple of num_attention_heads {}", config.source(), text.hidden_size,
         text.num_attention_heads);
  }
  const int64_t key_value_heads = config.is_null("num_key_value_heads")
                                      ? text.num_attention_heads
                                      : defaults.num_key_value_heads.value_or(text.num_attention_heads);
  text.num_key_value_heads = config.optional_int("num_key_value_heads", key_value_heads, {.min = 1});
  if (text.num_attention_heads % text.num_key_value_heads != 0) {
    fail("{}: num_attention_heads {} is not a multiple of num_key_value_heads {}", config.source(),
         text.num_attention_heads, text.num_key_value_heads);
  }
  text.head_dim = config.optional_int(
      "head_dim", defaults.head_dim.value_or(text.hidden_size / text.num_attention_heads), {.min = 2});
  if (text.head_dim % 2 != 0)
    fail("{}: head_dim must be even for rotary embeddings, got {}", config.source(), text.head_dim);
  text.max_position_embeddings =
      config.optional_int("max_position_embeddings", defaults.max_position_embeddings, {.min = 1});
  text.hidden_act = config.optional_string("hidden_act", "silu");
  text.rms_norm_eps = config.optional_real("rms_norm_eps", 1e-6);
  text.token_classification_bias = config.optional_bool("token_classification_bias", true);
  text.rotary = read_rotary(config, text);
  text.layer_windows.assign(static_cast<size_t>(text.num_hidden_layers), std::nullopt);
  if (config.has("pad_token_id")) text.pad_token_id = config.optional_int("pad_token_id", 0, {.min = -1});
  text.num_labels = config.num_labels();
  return text;
}

void read_layer_types(ConfigReader& config, TextConfig& text) {
  const auto layers = static_cast<size_t>(text.num_hidden_layers);
  const bool use_sliding_window = config.optional_bool("use_sliding_window", false);
  std::optional<int64_t> window;
  if (use_sliding_window && !config.is_null("sliding_window"))
    window = config.optional_int("sliding_window", 4096, {.min = 1});
  const int64_t max_window_layers = config.optional_int("max_window_layers", 28);
  const std::vector<std::string> layer_types = config.optional_strings("layer_types");
  if (!layer_types.empty() && layer_types.size() != layers) {
    fail("{}: layer_types has {} entries for {} layers", config.source(), layer_types.size(), layers);
  }
  for (size_t i = 0; i < layers; ++i) {
    bool sliding = window && static_cast<int64_t>(i) >= max_window_layers;
    if (!layer_types.empty()) {
      if (layer_types[i] != "full_attention" && layer_types[i] != "sliding_attention") {
        unsupported("{}: layer type '{}' is not supported (full_attention, sliding_attention)", config.source(),
                    layer_types[i]);
      }
      sliding = layer_types[i] == "sliding_attention";
      if (sliding && !window)
        fail("{}: layer {} is sliding_attention but there is no sliding window", config.source(), i);
    }
    if (sliding) text.layer_windows[i] = window;
  }
}

ModelFacts facts_of(const TextConfig& config) {
  return {.vocab_size = config.vocab_size,
          .max_position_embeddings = config.max_position_embeddings,
          .hidden_size = config.hidden_size,
          .num_key_value_heads = config.num_key_value_heads,
          .head_dim = config.head_dim,
          .layer_windows = config.layer_windows,
          .supports_cache = true};
}

}  // namespace exformer
