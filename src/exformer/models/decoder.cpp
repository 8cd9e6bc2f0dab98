#include "exformer/models/decoder.h"

namespace exformer {

Cache empty_cache(const TextConfig& config) {
  Cache cache;
  for (int64_t i = 0; i < config.num_hidden_layers; ++i)
    cache.layers.push_back({{}, {}, config.layer_windows[static_cast<size_t>(i)]});
  return cache;
}

DecoderPositions::DecoderPositions(const TextConfig& config, const Scope& scope, const ForwardInputs& inputs,
                                   const Tensor& inputs_embeds, const std::optional<Cache>& cache)
    : config_(&config),
      scope_(scope),
      attention_mask_(inputs["attention_mask"]),
      sequence_(inputs_embeds.size(1)),
      dtype_(inputs_embeds.dtype()) {
  layer_pasts_.assign(static_cast<size_t>(config.num_hidden_layers), SymInt(0));
  if (cache) {
    for (size_t i = 0; i < cache->layers.size(); ++i) layer_pasts_[i] = cache->layers[i].length();
  }
  // Tokens seen so far: what a full layer holds; a sliding layer may have dropped some, then the padding mask tells.
  past_ = layer_pasts_.empty() ? SymInt(0) : layer_pasts_[0];
  bool has_full_layer = false;
  for (size_t i = 0; i < layer_pasts_.size() && !has_full_layer; ++i) {
    has_full_layer = !config.layer_windows[i];
    if (has_full_layer) past_ = layer_pasts_[i];
  }
  if (!has_full_layer && cache && attention_mask_.defined() && attention_mask_.rank() == 2)
    past_ = attention_mask_.size(1) - sequence_;

  position_ids = inputs["position_ids"];
  if (!position_ids.defined()) {
    Tensor positions = scope.tracer().arange(sequence_);
    if (past_ != SymInt(0)) positions = positions + past_;
    position_ids = positions.unsqueeze(0);
  } else if (!attention_mask_.defined() && !cache) {
    packed_position_ids_ = position_ids;
  }
}

Tensor DecoderPositions::make_mask(size_t index) const {
  const SymInt layer_past = layer_pasts_[index];
  return make_attention_mask(scope_.tracer(), scope_.context().attention,
                             {.causal = true,
                              .sliding_window = config_->layer_windows[index],
                              .query_length = sequence_,
                              .key_length = layer_past + sequence_,
                              .query_offset = past_,
                              .key_offset = past_ - layer_past,
                              .padding_mask = attention_mask_,
                              .position_ids = packed_position_ids_,
                              .dtype = dtype_});
}

Tensor DecoderPositions::mask_of(size_t index) {
  const auto window = config_->layer_windows[index];
  for (const Made& made : made_) {
    if (made.window == window) return made.mask;
  }
  made_.push_back({window, make_mask(index)});
  return made_.back().mask;
}

Tensor pool_last_token(const TextConfig& config, const ForwardInputs& inputs, const Tensor& logits) {
  const Tensor input_ids = inputs["input_ids"];
  // Without a padding token transformers takes the last token (and allows batches of 1 only, where this is the same).
  if (!config.pad_token_id || !input_ids.defined()) return logits.select(1, -1);
  Tracer& tracer = logits.tracer();
  const Tensor is_token = not_equal(input_ids, *config.pad_token_id).to(DType::Int32);
  const Tensor last = (tracer.arange(input_ids.size(1), DType::Int32) * is_token).argmax(-1);
  return call("aten::index.Tensor", {logits, std::vector<Tensor>{tracer.arange(logits.size(0)), last}});
}

}  // namespace exformer
