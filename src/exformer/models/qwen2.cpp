// Qwen2 = Llama with biases on query, key and value only, and sliding windows by layer type.
// Matches transformers models/qwen2/modular_qwen2.py.
#include "exformer/models/decoder.h"
#include "exformer/models/decoder_family.h"

namespace exformer {
namespace {

using Qwen2Layer = DecoderLayer<LlamaAttention>;

TextConfig read_config(ConfigReader& config) {
  TextConfig text = read_text_config(config, {.vocab_size = 151936,
                                              .hidden_size = 4096,
                                              .intermediate_size = 22016,
                                              .num_hidden_layers = 32,
                                              .num_attention_heads = 32,
                                              .num_key_value_heads = 32,
                                              .max_position_embeddings = 32768});
  text.qkv_bias = true;
  read_layer_types(config, text);
  return text;
}

}  // namespace

ModelFamily qwen2() {
  return decoder_family<Qwen2Layer>("qwen2", "Qwen2", read_config, {.question_answering_base = "transformer"});
}

}  // namespace exformer
