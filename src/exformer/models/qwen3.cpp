// Qwen3 = Qwen2 with an RMSNorm on every query and key head before the rotary embedding, and attention_bias in the
// config. Matches transformers models/qwen3/modular_qwen3.py.
#include "exformer/models/decoder.h"
#include "exformer/models/decoder_family.h"

namespace exformer {
namespace {

struct Qwen3Attention : LlamaAttention {
  using LlamaAttention::LlamaAttention;
  RMSNorm q_norm{scope / "q_norm", config.head_dim, config.rms_norm_eps};
  RMSNorm k_norm{scope / "k_norm", config.head_dim, config.rms_norm_eps};

  Heads project(const Tensor& hidden_states) const override {
    const auto heads_of = [&](const Tensor& states) {  // [batch, sequence, heads, head_dim]
      return states.view({states.size(0), states.size(1), -1, config.head_dim});
    };
    return {q_norm(heads_of(q_proj(hidden_states))).transpose(1, 2),
            k_norm(heads_of(k_proj(hidden_states))).transpose(1, 2), heads_of(v_proj(hidden_states)).transpose(1, 2)};
  }
};

using Qwen3Layer = DecoderLayer<Qwen3Attention>;

TextConfig read_config(ConfigReader& config) {
  TextConfig text = read_text_config(config, {.vocab_size = 151936,
                                              .hidden_size = 4096,
                                              .intermediate_size = 22016,
                                              .num_hidden_layers = 32,
                                              .num_attention_heads = 32,
                                              .num_key_value_heads = 32,
                                              .head_dim = 128,
                                              .max_position_embeddings = 32768});
  text.qkv_bias = text.output_bias = config.optional_bool("attention_bias", false);
  read_layer_types(config, text);
  return text;
}

}  // namespace

ModelFamily qwen3() {
  return decoder_family<Qwen3Layer>("qwen3", "Qwen3", read_config, {.question_answering_base = "transformer"});
}

}  // namespace exformer
