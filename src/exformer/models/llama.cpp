// Llama 2 and 3.x. Matches transformers models/llama/modeling_llama.py.
#include "exformer/models/decoder.h"
#include "exformer/models/decoder_family.h"

namespace exformer {
namespace {

using LlamaLayer = DecoderLayer<LlamaAttention>;

TextConfig read_config(ConfigReader& config) {
  TextConfig text = read_text_config(config, {.vocab_size = 32000,
                                              .hidden_size = 4096,
                                              .intermediate_size = 11008,
                                              .num_hidden_layers = 32,
                                              .num_attention_heads = 32,
                                              .max_position_embeddings = 2048});
  text.qkv_bias = text.output_bias = config.optional_bool("attention_bias", false);
  text.mlp_bias = config.optional_bool("mlp_bias", false);
  return text;
}

}  // namespace

ModelFamily llama() {
  return decoder_family<LlamaLayer>("llama", "Llama", read_config, {.question_answering_base = "transformer"});
}

}  // namespace exformer
