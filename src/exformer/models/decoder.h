// Llama-shaped decoders: a stack of pre-norm layers under the heads of transformers' modeling_layers.py.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exformer/models/heads.h"
#include "exformer/models/model.h"
#include "exformer/models/text_config.h"
#include "exformer/nn/attention.h"
#include "exformer/nn/layers.h"
#include "exformer/nn/mask.h"
#include "exformer/nn/mlp.h"
#include "exformer/nn/rotary.h"

namespace exformer {

/// What every layer of one call shares.
struct LayerInputs {
  PositionEmbeddings position_embeddings;
  Tensor attention_mask;
  Cache* past_key_values = nullptr;
};

struct LayerOutput {
  Tensor hidden_states;
  Tensor attention_weights;  // eager attention only
};

/// Query, key and value, each [batch, heads, sequence, head_dim].
struct Heads {
  Tensor query, key, value;
};

/// Grouped-query attention with rotary embeddings (matches LlamaAttention.forward).
struct LlamaAttention : Module {
  LlamaAttention(Scope module_scope, const TextConfig& text_config, size_t index)
      : Module(std::move(module_scope)),
        config(text_config),
        layer_index(index),
        q_proj(scope / "q_proj", config.hidden_size, config.num_attention_heads * config.head_dim,
               {.bias = config.qkv_bias}),
        k_proj(scope / "k_proj", config.hidden_size, config.num_key_value_heads * config.head_dim,
               {.bias = config.qkv_bias}),
        v_proj(scope / "v_proj", config.hidden_size, config.num_key_value_heads * config.head_dim,
               {.bias = config.qkv_bias}),
        o_proj(scope / "o_proj", config.num_attention_heads * config.head_dim, config.hidden_size,
               {.bias = config.output_bias}) {}
  virtual ~LlamaAttention() = default;

  virtual Heads project(const Tensor& hidden_states) const {
    return {split_heads(q_proj(hidden_states), config.head_dim), split_heads(k_proj(hidden_states), config.head_dim),
            split_heads(v_proj(hidden_states), config.head_dim)};
  }

  AttentionResult operator()(const Tensor& hidden_states, const LayerInputs& inputs) const {
    const auto running = enter();
    Heads heads = project(hidden_states);
    std::tie(heads.query, heads.key) = apply_rotary_pos_emb(heads.query, heads.key, inputs.position_embeddings);
    if (inputs.past_key_values)
      std::tie(heads.key, heads.value) = inputs.past_key_values->update(layer_index, heads.key, heads.value);
    const AttentionOptions options{.scaling = std::pow(static_cast<double>(config.head_dim), -0.5),
                                   .num_key_value_groups = config.num_attention_heads / config.num_key_value_heads};
    AttentionResult result =
        attention(scope.context().attention, heads.query, heads.key, heads.value, inputs.attention_mask, options);
    result.output = o_proj(result.output);
    return result;
  }

  TextConfig config;
  size_t layer_index;
  Linear q_proj, k_proj, v_proj, o_proj;
};

/// x += attention(norm(x)); x += mlp(norm(x)) (matches LlamaDecoderLayer.forward).
template <class Attention, class Norm = RMSNorm>
struct DecoderLayer : Module {
  DecoderLayer(Scope module_scope, const TextConfig& config, size_t index)
      : Module(std::move(module_scope)),
        self_attn(scope / "self_attn", config, index),
        mlp(scope / "mlp", config.hidden_size, config.intermediate_size,
            {.hidden_act = config.hidden_act, .bias = config.mlp_bias}),
        input_layernorm(scope / "input_layernorm", config.hidden_size, config.rms_norm_eps),
        post_attention_layernorm(scope / "post_attention_layernorm", config.hidden_size, config.rms_norm_eps) {}

  LayerOutput operator()(const Tensor& input, const LayerInputs& inputs) const {
    const auto running = enter();
    const AttentionResult attended = self_attn(input_layernorm(input), inputs);
    const Tensor hidden_states = input + attended.output;
    return {hidden_states + mlp(post_attention_layernorm(hidden_states)), attended.weights};
  }

  Attention self_attn;
  GatedMlp mlp;
  Norm input_layernorm, post_attention_layernorm;
};

/// Where the tokens of one call stand: positions, and the masks of full and of sliding layers
/// (transformers.masking_utils).
class DecoderPositions {
 public:
  DecoderPositions(const TextConfig& config, const Scope& scope, const ForwardInputs& inputs,
                   const Tensor& inputs_embeds, const std::optional<Cache>& cache);
  Tensor position_ids;  // int64 [batch or 1, sequence]
  /// The mask of layer `index`; made once for each kind of layer.
  Tensor mask_of(size_t index);

 private:
  Tensor make_mask(size_t index) const;
  struct Made {
    std::optional<int64_t> window;
    Tensor mask;
  };
  const TextConfig* config_;
  Scope scope_;
  Tensor attention_mask_;
  Tensor packed_position_ids_;
  SymInt sequence_, past_;
  DType dtype_;
  std::vector<SymInt> layer_pasts_;
  std::vector<Made> made_;
};

/// Embeddings, layers and the final norm (matches LlamaModel.forward, with Qwen2Model's sliding layers).
template <class Layer, class Norm = RMSNorm>
struct DecoderModel : Module {
  DecoderModel(Scope module_scope, const TextConfig& text_config)
      : Module(std::move(module_scope)),
        config(text_config),
        embed_tokens(scope / "embed_tokens", config.vocab_size, config.hidden_size) {
    layers.reserve(static_cast<size_t>(config.num_hidden_layers));
    for (int64_t i = 0; i < config.num_hidden_layers; ++i)
      layers.emplace_back(scope / "layers" / i, config, static_cast<size_t>(i));
    norm.emplace(scope / "norm", config.hidden_size, config.rms_norm_eps);
    rotary_emb.emplace(scope / "rotary_emb", config.rotary);
  }

  BaseOutput operator()(const ForwardInputs& inputs) const {
    const auto running = enter();
    const Tensor inputs_embeds = embed_inputs(inputs, embed_tokens);
    BaseOutput output;
    output.past_key_values = inputs.past_key_values;
    if (inputs.flags.use_cache && !output.past_key_values) output.past_key_values = empty_cache(config);
    DecoderPositions positions(config, scope, inputs, inputs_embeds, output.past_key_values);

    LayerInputs layer_inputs;
    layer_inputs.position_embeddings = (*rotary_emb)(positions.position_ids, inputs_embeds.dtype());
    layer_inputs.past_key_values = output.past_key_values ? &*output.past_key_values : nullptr;
    Tensor hidden_states = inputs_embeds;
    for (size_t i = 0; i < layers.size(); ++i) {
      if (inputs.flags.output_hidden_states) output.hidden_states.push_back(hidden_states);
      layer_inputs.attention_mask = positions.mask_of(i);
      const LayerOutput result = layers[i](hidden_states, layer_inputs);
      hidden_states = result.hidden_states;
      if (inputs.flags.output_attentions) output.attentions.push_back(result.attention_weights);
    }
    output.last_hidden_state = (*norm)(hidden_states);
    if (inputs.flags.output_hidden_states) output.hidden_states.push_back(output.last_hidden_state);
    return output;
  }

  TextConfig config;
  Embedding embed_tokens;
  std::vector<Layer> layers;
  std::optional<Norm> norm;
  std::optional<RotaryEmbedding> rotary_emb;

 private:
  static Tensor embed_inputs(const ForwardInputs& inputs, const Embedding& embed) {
    const Tensor inputs_embeds = inputs["inputs_embeds"];
    if (inputs_embeds.defined() == inputs["input_ids"].defined())
      fail("exactly one of input_ids and inputs_embeds must be given");
    return inputs_embeds.defined() ? inputs_embeds : embed(inputs["input_ids"]);
  }
};

/// AutoModel: BaseModelOutputWithPast.
template <class Layer>
struct DecoderBase : Model {
  DecoderBase(Scope scope, const TextConfig& config) : model(std::move(scope), config) {}
  ModelOutput forward(const ForwardInputs& inputs) const override {
    const BaseOutput base = model(inputs);
    ModelOutput output{.type = "transformers.modeling_outputs.BaseModelOutputWithPast"};
    output.add("last_hidden_state", base.last_hidden_state);
    output.add("past_key_values", base.past_key_values);
    output.add("hidden_states", base.hidden_states);
    output.add("attentions", base.attentions);
    return output;
  }
  DecoderModel<Layer> model;
};

/// Matches LlamaForCausalLM.forward.
template <class Layer>
struct CausalLM : Model {
  CausalLM(const Scope& scope, const TextConfig& config)
      : model(scope / "model", config),
        lm_head(scope / "lm_head", config.hidden_size, config.vocab_size, {.bias = false}) {}
  ModelOutput forward(const ForwardInputs& inputs) const override {
    const BaseOutput base = model(inputs);
    ModelOutput output{.type = "transformers.modeling_outputs.CausalLMOutputWithPast"};
    output.add("logits", lm_head(base.last_hidden_state));
    output.add("past_key_values", base.past_key_values);
    output.add("hidden_states", base.hidden_states);
    output.add("attentions", base.attentions);
    return output;
  }
  DecoderModel<Layer> model;
  Linear lm_head;
};

/// The logits of each sequence's last token that is not padding (matches GenericForSequenceClassification).
Tensor pool_last_token(const TextConfig& config, const ForwardInputs& inputs, const Tensor& logits);

/// Matches GenericForSequenceClassification.forward.
template <class Layer>
struct SequenceClassifier : Model {
  SequenceClassifier(const Scope& scope, const TextConfig& config)
      : model(scope / "model", config),
        score(scope / "score", config.hidden_size, config.num_labels, {.bias = false}) {}
  ModelOutput forward(const ForwardInputs& inputs) const override {
    const BaseOutput base = model(inputs);
    ModelOutput output{.type = "transformers.modeling_outputs.SequenceClassifierOutputWithPast"};
    output.add("logits", pool_last_token(model.config, inputs, score(base.last_hidden_state)));
    output.add("past_key_values", base.past_key_values);
    output.add("hidden_states", base.hidden_states);
    output.add("attentions", base.attentions);
    return output;
  }
  DecoderModel<Layer> model;
  Linear score;
};

/// Matches GenericForTokenClassification.forward.
template <class Layer>
struct TokenClassifier : Model {
  TokenClassifier(const Scope& scope, const TextConfig& config)
      : model(scope / "model", config),
        score(scope / "score", config.hidden_size, config.num_labels, {.bias = config.token_classification_bias}) {}
  ModelOutput forward(const ForwardInputs& inputs) const override {
    const BaseOutput base = model(inputs);
    ModelOutput output{.type = "transformers.modeling_outputs.TokenClassifierOutput"};
    output.add("logits", score(base.last_hidden_state));
    output.add("hidden_states", base.hidden_states);
    output.add("attentions", base.attentions);
    return output;
  }
  DecoderModel<Layer> model;
  Linear score;
};

/// Matches GenericForQuestionAnswering.forward; the base model's name differs between families.
template <class Layer>
struct QuestionAnswerer : Model {
  QuestionAnswerer(const Scope& scope, const TextConfig& config, std::string_view base_name)
      : model(scope / base_name, config), qa_outputs(scope / "qa_outputs", config.hidden_size, 2) {}
  ModelOutput forward(const ForwardInputs& inputs) const override {
    const BaseOutput base = model(inputs);
    ModelOutput output{.type = "transformers.modeling_outputs.QuestionAnsweringModelOutput"};
    add_span_logits(output, qa_outputs(base.last_hidden_state));
    output.add("hidden_states", base.hidden_states);
    output.add("attentions", base.attentions);
    return output;
  }
  DecoderModel<Layer> model;
  Linear qa_outputs;
};

}  // namespace exformer
