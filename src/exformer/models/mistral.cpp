// Mistral = Llama without biases, every layer with the same sliding window.
// Matches transformers models/mistral/modular_mistral.py.
#include "exformer/models/decoder.h"
#include "exformer/models/decoder_family.h"

namespace exformer {
namespace {

using MistralLayer = DecoderLayer<LlamaAttention>;

TextConfig read_config(ConfigReader& config) {
  TextConfig text = read_text_config(config, {.vocab_size = 32000,
                                              .hidden_size = 4096,
                                              .intermediate_size = 14336,
                                              .num_hidden_layers = 32,
                                              .num_attention_heads = 32,
                                              .num_key_value_heads = 8,
                                              .max_position_embeddings = 131072});
  if (config.has("layer_types"))
    unsupported("{}: a mistral with layer_types is a 'ministral' to transformers, which is not in the zoo",
                config.source());
  // Absent means the default of 4096, null means no window.
  const std::optional<int64_t> window =
      config.is_null("sliding_window") ? std::nullopt : std::optional(config.optional_int("sliding_window", 4096));
  text.layer_windows.assign(static_cast<size_t>(text.num_hidden_layers), window);
  return text;
}

}  // namespace

ModelFamily mistral() {
  return decoder_family<MistralLayer>("mistral", "Mistral", read_config, {.question_answering_base = "model"});
}

}  // namespace exformer
