// BERT: post-norm encoder over word, position and token-type embeddings, with its heads; with is_decoder a causal one
// with a cache. Matches transformers models/bert/modeling_bert.py (without cross attention, which is refused).
#include <cmath>
#include <tuple>

#include "exformer/models/family.h"
#include "exformer/models/heads.h"
#include "exformer/models/text_config.h"
#include "exformer/nn/activation.h"
#include "exformer/nn/attention.h"
#include "exformer/nn/layers.h"
#include "exformer/nn/mask.h"

namespace exformer {
namespace {

struct BertConfig {
  int64_t vocab_size, hidden_size, num_hidden_layers, num_attention_heads, intermediate_size;
  int64_t max_position_embeddings, type_vocab_size, num_labels;
  std::string hidden_act;
  double layer_norm_eps;
  bool is_decoder;

  int64_t head_dim() const { return hidden_size / num_attention_heads; }
};

BertConfig read_config(ConfigReader& config) {
  BertConfig bert{.vocab_size = config.optional_int("vocab_size", 30522, {.min = 1}),
                  .hidden_size = config.optional_int("hidden_size", 768, {.min = 1}),
                  .num_hidden_layers = config.optional_int("num_hidden_layers", 12, {.min = 0, .max = 4096}),
                  .num_attention_heads = config.optional_int("num_attention_heads", 12, {.min = 1}),
                  .intermediate_size = config.optional_int("intermediate_size", 3072, {.min = 1}),
                  .max_position_embeddings = config.optional_int("max_position_embeddings", 512, {.min = 1}),
                  .type_vocab_size = config.optional_int("type_vocab_size", 2, {.min = 1}),
                  .num_labels = config.num_labels(),
                  .hidden_act = config.optional_string("hidden_act", "gelu"),
                  .layer_norm_eps = config.optional_real("layer_norm_eps", 1e-12),
                  .is_decoder = config.optional_bool("is_decoder", false)};
  if (bert.hidden_size % bert.num_attention_heads != 0) {
    fail("{}: hidden_size {} is not a multiple of num_attention_heads {}", config.source(), bert.hidden_size,
         bert.num_attention_heads);
  }
  if (bert.is_decoder) check_is_causal(config);
  if (config.optional_bool("add_cross_attention", false)) {
    if (!bert.is_decoder) fail("{}: add_cross_attention needs is_decoder = true", config.source());
    unsupported("{}: add_cross_attention = true is not supported for model_type 'bert'", config.source());
  }
  const std::string positions = config.optional_string("position_embedding_type", "absolute");
  if (positions != "absolute")
    unsupported("{}: position_embedding_type '{}' is not supported (absolute)", config.source(), positions);
  return bert;
}

struct BertEmbeddings : Module {
  BertEmbeddings(Scope module_scope, const BertConfig& config)
      : Module(std::move(module_scope)),
        word_embeddings(scope / "word_embeddings", config.vocab_size, config.hidden_size),
        position_embeddings(scope / "position_embeddings", config.max_position_embeddings, config.hidden_size),
        token_type_embeddings(scope / "token_type_embeddings", config.type_vocab_size, config.hidden_size),
        layer_norm(scope / "LayerNorm", config.hidden_size, config.layer_norm_eps) {}

  /// `past` tokens came before these.
  Tensor operator()(const ForwardInputs& inputs, const SymInt& past) const {
    const auto running = enter();
    Tensor embeddings = inputs["inputs_embeds"];
    if (embeddings.defined() == inputs["input_ids"].defined())
      fail("exactly one of input_ids and inputs_embeds must be given");
    if (!embeddings.defined()) embeddings = word_embeddings(inputs["input_ids"]);
    const SymInt batch = embeddings.size(0), sequence = embeddings.size(1);
    Tensor position_ids = inputs["position_ids"];
    if (!position_ids.defined()) {
      position_ids = scope.tracer().arange(sequence);
      if (past != SymInt(0)) position_ids = position_ids + past;
      position_ids = position_ids.unsqueeze(0);
    }
    Tensor token_type_ids = inputs["token_type_ids"];
    if (!token_type_ids.defined()) token_type_ids = scope.tracer().zeros({batch, sequence}, DType::Int64);
    embeddings = embeddings + token_type_embeddings(token_type_ids);
    embeddings = embeddings + position_embeddings(position_ids);
    return layer_norm(embeddings);
  }
  Embedding word_embeddings, position_embeddings, token_type_embeddings;
  LayerNorm layer_norm;
};

struct BertSelfAttention : Module {
  BertSelfAttention(Scope module_scope, const BertConfig& config, size_t index)
      : Module(std::move(module_scope)),
        layer_index(index),
        head_dim(config.head_dim()),
        query(scope / "query", config.hidden_size, config.hidden_size),
        key(scope / "key", config.hidden_size, config.hidden_size),
        value(scope / "value", config.hidden_size, config.hidden_size) {}

  AttentionResult operator()(const Tensor& hidden_states, const Tensor& mask, Cache* past_key_values) const {
    const auto running = enter();
    const Tensor queries = split_heads(query(hidden_states), head_dim);
    Tensor keys = split_heads(key(hidden_states), head_dim), values = split_heads(value(hidden_states), head_dim);
    if (past_key_values) std::tie(keys, values) = past_key_values->update(layer_index, keys, values);
    return attention(scope.context().attention, queries, keys, values, mask,
                     {.scaling = std::pow(static_cast<double>(head_dim), -0.5), .softmax_in_float32 = false});
  }
  size_t layer_index;
  int64_t head_dim;
  Linear query, key, value;
};

/// norm(dense(x) + residual): BertSelfOutput and BertOutput
struct BertOutput : Module {
  BertOutput(Scope module_scope, const BertConfig& config, int64_t in_features)
      : Module(std::move(module_scope)),
        dense(scope / "dense", in_features, config.hidden_size),
        layer_norm(scope / "LayerNorm", config.hidden_size, config.layer_norm_eps) {}
  Tensor operator()(const Tensor& hidden_states, const Tensor& residual) const {
    const auto running = enter();
    return layer_norm(dense(hidden_states) + residual);
  }
  Linear dense;
  LayerNorm layer_norm;
};

struct BertLayer : Module {
  BertLayer(Scope module_scope, const BertConfig& config, size_t index)
      : Module(std::move(module_scope)),
        self_attention(scope / "attention" / "self", config, index),
        attention_output(scope / "attention" / "output", config, config.hidden_size),
        intermediate(scope / "intermediate" / "dense", config.hidden_size, config.intermediate_size),
        intermediate_act_fn(make_activation(config.hidden_act, scope / "intermediate" / "intermediate_act_fn")),
        output(scope / "output", config, config.intermediate_size) {}

  AttentionResult operator()(const Tensor& hidden_states, const Tensor& mask, Cache* past_key_values) const {
    const auto running = enter();
    const AttentionResult attended = self_attention(hidden_states, mask, past_key_values);
    const Tensor attention_states = attention_output(attended.output, hidden_states);
    return {output(intermediate_act_fn(intermediate(attention_states)), attention_states), attended.weights};
  }
  BertSelfAttention self_attention;
  BertOutput attention_output;
  Linear intermediate;
  Activation intermediate_act_fn;
  BertOutput output;
};

enum class Pooler { Without, With };

struct BertEncoder : Module {
  BertEncoder(Scope module_scope, const BertConfig& bert_config, Pooler with_pooler)
      : Module(std::move(module_scope)), config(bert_config), embeddings(scope / "embeddings", config) {
    for (int64_t i = 0; i < config.num_hidden_layers; ++i)
      layers.emplace_back(scope / "encoder" / "layer" / i, config, static_cast<size_t>(i));
    if (with_pooler == Pooler::With) pooler.emplace(scope / "pooler" / "dense", config.hidden_size, config.hidden_size);
  }

  BaseOutput operator()(const ForwardInputs& inputs) const {
    const auto running = enter();
    BaseOutput output;
    output.past_key_values = inputs.past_key_values;
    if (config.is_decoder && inputs.flags.use_cache && !output.past_key_values)
      output.past_key_values.emplace().layers.resize(layers.size());
    Cache* cache = output.past_key_values ? &*output.past_key_values : nullptr;
    const SymInt past = cache && !cache->layers.empty() ? cache->layers[0].length() : SymInt(0);
    Tensor hidden_states = embeddings(inputs, past);
    const Tensor mask = make_attention_mask(scope.tracer(), scope.context().attention,
                                            {.causal = config.is_decoder,
                                             .query_length = hidden_states.size(1),
                                             .key_length = past + hidden_states.size(1),
                                             .query_offset = past,
                                             .padding_mask = inputs["attention_mask"],
                                             .dtype = hidden_states.dtype()});
    for (const BertLayer& layer : layers) {
      if (inputs.flags.output_hidden_states) output.hidden_states.push_back(hidden_states);
      const AttentionResult result = layer(hidden_states, mask, cache);
      hidden_states = result.output;
      if (inputs.flags.output_attentions) output.attentions.push_back(result.weights);
    }
    if (inputs.flags.output_hidden_states) output.hidden_states.push_back(hidden_states);
    output.last_hidden_state = hidden_states;
    if (pooler) output.pooler_output = (*pooler)(hidden_states.select(1, 0)).tanh();
    return output;
  }
  BertConfig config;
  BertEmbeddings embeddings;
  std::vector<BertLayer> layers;
  std::optional<Linear> pooler;
};

/// transform and decoder; the decoder's weight and bias are tied to the word embeddings and to `bias`.
struct BertLMPredictionHead : Module {
  BertLMPredictionHead(Scope module_scope, const BertConfig& config)
      : Module(std::move(module_scope)),
        dense(scope / "transform" / "dense", config.hidden_size, config.hidden_size),
        transform_act_fn(make_activation(config.hidden_act, scope / "transform" / "transform_act_fn")),
        layer_norm(scope / "transform" / "LayerNorm", config.hidden_size, config.layer_norm_eps),
        decoder(scope / "decoder", config.hidden_size, config.vocab_size) {}
  Tensor operator()(const Tensor& hidden_states) const {
    return decoder(layer_norm(transform_act_fn(dense(hidden_states))));
  }
  Linear dense;
  Activation transform_act_fn;
  LayerNorm layer_norm;
  Linear decoder;
};

/// A head on top of the encoder: its ModelOutput class, and what it adds to it.
struct BertHead : Model {
  BertHead(const Scope& encoder_scope, const BertConfig& config, Pooler pooler, std::string output_type)
      : bert(encoder_scope, config, pooler), type("transformers." + std::move(output_type)) {}
  virtual void add_fields(ModelOutput& output, const BaseOutput& base) const = 0;
  virtual void add_states(ModelOutput& output, const BaseOutput& base) const {
    output.add("hidden_states", base.hidden_states);
    output.add("attentions", base.attentions);
  }
  virtual ForwardInputs prepare(const ForwardInputs& inputs) const { return inputs; }

  ModelOutput forward(const ForwardInputs& inputs) const override {
    const BaseOutput base = bert(prepare(inputs));
    ModelOutput output{.type = type};
    add_fields(output, base);
    add_states(output, base);
    return output;
  }
  BertEncoder bert;
  std::string type;
};

struct BertModel : BertHead {
  BertModel(const Scope& scope, const BertConfig& config)
      : BertHead(scope, config, Pooler::With, "modeling_outputs.BaseModelOutputWithPoolingAndCrossAttentions") {}
  void add_fields(ModelOutput& output, const BaseOutput& base) const override {
    output.add("last_hidden_state", base.last_hidden_state);
    output.add("pooler_output", base.pooler_output);
  }
  void add_states(ModelOutput& output, const BaseOutput& base) const override {
    output.add("hidden_states", base.hidden_states);
    output.add("past_key_values", base.past_key_values);
    output.add("attentions", base.attentions);
  }
};

struct BertForMaskedLM : BertHead {
  BertForMaskedLM(const Scope& scope, const BertConfig& config)
      : BertHead(scope / "bert", config, Pooler::Without, "modeling_outputs.MaskedLMOutput"),
        predictions(scope / "cls" / "predictions", config) {}
  void add_fields(ModelOutput& output, const BaseOutput& base) const override {
    output.add("logits", predictions(base.last_hidden_state));
  }
  BertLMPredictionHead predictions;
};

struct BertLMHeadModel : BertHead {
  BertLMHeadModel(const Scope& scope, const BertConfig& config)
      : BertHead(scope / "bert", config, Pooler::Without, "modeling_outputs.CausalLMOutputWithCrossAttentions"),
        predictions(scope / "cls" / "predictions", config) {}
  void add_fields(ModelOutput& output, const BaseOutput& base) const override {
    output.add("logits", predictions(base.last_hidden_state));
    output.add("past_key_values", base.past_key_values);
  }
  BertLMPredictionHead predictions;
};

struct BertForPreTraining : BertHead {
  BertForPreTraining(const Scope& scope, const BertConfig& config)
      : BertHead(scope / "bert", config, Pooler::With, "models.bert.modeling_bert.BertForPreTrainingOutput"),
        predictions(scope / "cls" / "predictions", config),
        seq_relationship(scope / "cls" / "seq_relationship", config.hidden_size, 2) {}
  void add_fields(ModelOutput& output, const BaseOutput& base) const override {
    output.add("prediction_logits", predictions(base.last_hidden_state));
    output.add("seq_relationship_logits", seq_relationship(base.pooler_output));
  }
  BertLMPredictionHead predictions;
  Linear seq_relationship;
};

struct BertForNextSentencePrediction : BertHead {
  BertForNextSentencePrediction(const Scope& scope, const BertConfig& config)
      : BertHead(scope / "bert", config, Pooler::With, "modeling_outputs.NextSentencePredictorOutput"),
        seq_relationship(scope / "cls" / "seq_relationship", config.hidden_size, 2) {}
  void add_fields(ModelOutput& output, const BaseOutput& base) const override {
    output.add("logits", seq_relationship(base.pooler_output));
  }
  Linear seq_relationship;
};

struct BertForSequenceClassification : BertHead {
  BertForSequenceClassification(const Scope& scope, const BertConfig& config)
      : BertHead(scope / "bert", config, Pooler::With, "modeling_outputs.SequenceClassifierOutput"),
        classifier(scope / "classifier", config.hidden_size, config.num_labels) {}
  void add_fields(ModelOutput& output, const BaseOutput& base) const override {
    output.add("logits", classifier(base.pooler_output));
  }
  Linear classifier;
};

struct BertForTokenClassification : BertHead {
  BertForTokenClassification(const Scope& scope, const BertConfig& config)
      : BertHead(scope / "bert", config, Pooler::Without, "modeling_outputs.TokenClassifierOutput"),
        classifier(scope / "classifier", config.hidden_size, config.num_labels) {}
  void add_fields(ModelOutput& output, const BaseOutput& base) const override {
    output.add("logits", classifier(base.last_hidden_state));
  }
  Linear classifier;
};

struct BertForQuestionAnswering : BertHead {
  BertForQuestionAnswering(const Scope& scope, const BertConfig& config)
      : BertHead(scope / "bert", config, Pooler::Without, "modeling_outputs.QuestionAnsweringModelOutput"),
        qa_outputs(scope / "qa_outputs", config.hidden_size, config.num_labels) {}
  void add_fields(ModelOutput& output, const BaseOutput& base) const override {
    add_span_logits(output, qa_outputs(base.last_hidden_state));
  }
  Linear qa_outputs;
};

/// Inputs are [batch, choices, sequence]; each choice is read as a sequence of its own.
struct BertForMultipleChoice : BertHead {
  BertForMultipleChoice(const Scope& scope, const BertConfig& config)
      : BertHead(scope / "bert", config, Pooler::With, "modeling_outputs.MultipleChoiceModelOutput"),
        classifier(scope / "classifier", config.hidden_size, 1) {}
  ForwardInputs prepare(const ForwardInputs& inputs) const override {
    ForwardInputs flat = inputs;
    for (auto& [name, tensor] : flat.tensors) {
      std::vector<SymInt> sizes(tensor.sizes().begin() + 2, tensor.sizes().end());
      sizes.insert(sizes.begin(), tensor.size(0) * tensor.size(1));
      tensor = tensor.view(sizes);
    }
    return flat;
  }
  ModelOutput forward(const ForwardInputs& inputs) const override {
    const Tensor any = inputs["input_ids"].defined() ? inputs["input_ids"] : inputs["inputs_embeds"];
    if (!any.defined()) fail("exactly one of input_ids and inputs_embeds must be given");
    ModelOutput output = BertHead::forward(inputs);
    auto& logits = std::get<Tensor>(output.fields.front().second);
    logits = logits.view({any.size(0), any.size(1)});
    return output;
  }
  void add_fields(ModelOutput& output, const BaseOutput& base) const override {
    output.add("logits", classifier(base.pooler_output));
  }
  Linear classifier;
};

template <class T>
std::unique_ptr<Model> build(const Scope& scope, ConfigReader& config) {
  return std::make_unique<T>(scope, read_config(config));
}

}  // namespace

ModelFamily bert() {
  const std::vector<TiedWeight> tied = {{"cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight"},
                                        {"cls.predictions.decoder.bias", "cls.predictions.bias"}};
  return {
      .model_type = "bert",
      .facts =
          [](ConfigReader& config) {
            const BertConfig bert = read_config(config);
            return ModelFacts{.vocab_size = bert.vocab_size,
                              .max_position_embeddings = bert.max_position_embeddings,
                              .hidden_size = bert.hidden_size,
                              .num_key_value_heads = bert.num_attention_heads,
                              .head_dim = bert.head_dim(),
                              .layer_windows = std::vector<std::optional<int64_t>>(
                                  static_cast<size_t>(bert.is_decoder ? bert.num_hidden_layers : 0)),
                              .supports_cache = bert.is_decoder,
                              .has_token_type_ids = true,
                              .has_absolute_positions = true};
          },
      .architectures = {{"BertModel", Task::FeatureExtraction, build<BertModel>, ""},
                        {"BertForMaskedLM", Task::FillMask, build<BertForMaskedLM>, "bert", tied},
                        {"BertLMHeadModel", Task::TextGeneration, build<BertLMHeadModel>, "bert", tied},
                        {"BertForPreTraining", Task::PreTraining, build<BertForPreTraining>, "bert", tied},
                        {"BertForNextSentencePrediction", Task::NextSentencePrediction,
                         build<BertForNextSentencePrediction>, "bert"},
                        {"BertForSequenceClassification", Task::TextClassification,
                         build<BertForSequenceClassification>, "bert"},
                        {"BertForTokenClassification", Task::TokenClassification, build<BertForTokenClassification>,
                         "bert"},
                        {"BertForQuestionAnswering", Task::QuestionAnswering, build<BertForQuestionAnswering>, "bert"},
                        {"BertForMultipleChoice", Task::MultipleChoice, build<BertForMultipleChoice>, "bert"}},
      .ties_word_embeddings_by_default = true,
      .key_renames = {{R"(LayerNorm\.gamma$)", "LayerNorm.weight"}, {R"(LayerNorm\.beta$)", "LayerNorm.bias"}},
      .ignorable_keys = {R"((^|\.)position_ids$)", R"((^|\.)token_type_ids$)", R"((^|\.)pooler\.)", R"(^cls\.)",
                         R"(^classifier\.)", R"(^qa_outputs\.)"}};
}

}  // namespace exformer
