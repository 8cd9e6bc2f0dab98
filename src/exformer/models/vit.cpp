// ViT: pre-norm encoder over image patches with a class token, and its heads.
// Matches transformers models/vit/modeling_vit.py.
#include <cmath>

#include "exformer/models/family.h"
#include "exformer/nn/activation.h"
#include "exformer/nn/attention.h"
#include "exformer/nn/layers.h"

namespace exformer {
namespace {

struct ViTConfig {
  int64_t hidden_size, num_hidden_layers, num_attention_heads, intermediate_size, num_channels, encoder_stride,
      pooler_output_size, num_labels;
  std::string hidden_act, pooler_act;
  double layer_norm_eps;
  bool qkv_bias;
  std::pair<int64_t, int64_t> image_size, patch_size;  // height, width
  int64_t head_dim;
  // Of patches, in an image of image_size.
  int64_t rows() const { return image_size.first / patch_size.first; }
  int64_t columns() const { return image_size.second / patch_size.second; }
  int64_t num_patches() const { return rows() * columns(); }
};

ViTConfig read_config(ConfigReader& config) {
  ViTConfig vit{.hidden_size = config.optional_int("hidden_size", 768, {.min = 1}),
                .num_hidden_layers = config.optional_int("num_hidden_layers", 12, {.min = 0, .max = 4096}),
                .num_attention_heads = config.optional_int("num_attention_heads", 12, {.min = 1}),
                .intermediate_size = config.optional_int("intermediate_size", 3072, {.min = 1}),
                .num_channels = config.optional_int("num_channels", 3, {.min = 1}),
                .encoder_stride = config.optional_int("encoder_stride", 16, {.min = 1}),
                .num_labels = config.num_labels(),
                .hidden_act = config.optional_string("hidden_act", "gelu"),
                .pooler_act = config.optional_string("pooler_act", "tanh"),
                .layer_norm_eps = config.optional_real("layer_norm_eps", 1e-12),
                .qkv_bias = config.optional_bool("qkv_bias", true),
                .image_size = config.optional_int_pair("image_size", {224, 224}),
                .patch_size = config.optional_int_pair("patch_size", {16, 16})};
  vit.pooler_output_size = config.optional_int("pooler_output_size", vit.hidden_size, {.min = 1});
  vit.head_dim = config.optional_int("head_dim", vit.hidden_size / vit.num_attention_heads, {.min = 1});
  if (vit.head_dim * vit.num_attention_heads != vit.hidden_size && !config.has("head_dim")) {
    fail("{}: hidden_size {} is not a multiple of num_attention_heads {}", config.source(), vit.hidden_size,
         vit.num_attention_heads);
  }
  if (vit.image_size.first < vit.patch_size.first || vit.image_size.second < vit.patch_size.second) {
    fail("{}: image_size {}x{} is smaller than patch_size {}x{}", config.source(), vit.image_size.first,
         vit.image_size.second, vit.patch_size.first, vit.patch_size.second);
  }
  return vit;
}

enum class MaskToken { Without, With };
enum class Pooler { Without, With };

struct ViTEmbeddings : Module {
  ViTEmbeddings(Scope module_scope, const ViTConfig& vit_config, MaskToken with_mask_token)
      : Module(std::move(module_scope)),
        config(vit_config),
        cls_token(scope.parameter("cls_token", {1, 1, config.hidden_size})),
        position_embeddings(scope.parameter("position_embeddings", {1, config.num_patches() + 1, config.hidden_size})),
        projection(scope / "patch_embeddings" / "projection", config.num_channels, config.hidden_size,
                   config.patch_size, {.stride = {config.patch_size.first, config.patch_size.second}}) {
    if (with_mask_token == MaskToken::With) mask_token = scope.parameter("mask_token", {1, 1, config.hidden_size});
  }

  Tensor operator()(const ForwardInputs& inputs) const {
    const auto running = enter();
    const Tensor pixel_values = inputs["pixel_values"].to(cls_token.dtype());
    const SymInt batch = pixel_values.size(0);
    Tensor embeddings = projection(pixel_values).flatten(2).transpose(1, 2);  // [batch, patches, hidden_size]
    if (const Tensor masked = inputs["bool_masked_pos"]; masked.defined() && mask_token.defined()) {
      const Tensor mask_tokens = mask_token.expand({batch, embeddings.size(1), -1});
      const Tensor mask = masked.unsqueeze(-1).to(mask_tokens.dtype());
      embeddings = embeddings * call("aten::rsub.Scalar", {mask, 1.0}) + mask_tokens * mask;
    }
    embeddings = cat({cls_token.expand({batch, -1, -1}), embeddings}, 1);
    if (!inputs.flags.interpolate_pos_encoding) return embeddings + position_embeddings;
    return embeddings + interpolate_pos_encoding(floordiv(pixel_values.size(2), config.patch_size.first),
                                                 floordiv(pixel_values.size(3), config.patch_size.second));
  }

  /// The position embeddings at another number of patches: [1, height * width + 1, hidden_size].
  Tensor interpolate_pos_encoding(const SymInt& height, const SymInt& width) const {
    Tensor patches = position_embeddings.slice(1, 1).reshape({1, config.rows(), config.columns(), config.hidden_size});
    patches = call("aten::upsample_bicubic2d.vec",
                   {patches.permute({0, 3, 1, 2}), std::vector<SymInt>{height, width}, false, TensorArgument()});
    patches = patches.permute({0, 2, 3, 1}).reshape({1, height * width, config.hidden_size});
    return cat({position_embeddings.slice(1, 0, 1), patches}, 1);
  }

  ViTConfig config;
  Tensor cls_token, mask_token, position_embeddings;
  Conv2d projection;
};

struct ViTAttention : Module {
  ViTAttention(Scope module_scope, const ViTConfig& config)
      : Module(std::move(module_scope)),
        head_dim(config.head_dim),
        q_proj(scope / "q_proj", config.hidden_size, config.num_attention_heads * head_dim, {.bias = config.qkv_bias}),
        k_proj(scope / "k_proj", config.hidden_size, config.num_attention_heads * head_dim, {.bias = config.qkv_bias}),
        v_proj(scope / "v_proj", config.hidden_size, config.num_attention_heads * head_dim, {.bias = config.qkv_bias}),
        o_proj(scope / "o_proj", config.num_attention_heads * head_dim, config.hidden_size) {}
  AttentionResult operator()(const Tensor& hidden_states) const {
    const auto running = enter();
    AttentionResult result =
        attention(scope.context().attention, split_heads(q_proj(hidden_states), head_dim),
                  split_heads(k_proj(hidden_states), head_dim), split_heads(v_proj(hidden_states), head_dim), {},
                  {.scaling = std::pow(static_cast<double>(head_dim), -0.5)});
    result.output = o_proj(result.output);
    return result;
  }
  int64_t head_dim;
  Linear q_proj, k_proj, v_proj, o_proj;
};

struct ViTLayer : Module {
  ViTLayer(Scope module_scope, const ViTConfig& config)
      : Module(std::move(module_scope)),
        attention_block(scope / "attention", config),
        layernorm_before(scope / "layernorm_before", config.hidden_size, config.layer_norm_eps),
        layernorm_after(scope / "layernorm_after", config.hidden_size, config.layer_norm_eps),
        fc1(scope / "mlp" / "fc1", config.hidden_size, config.intermediate_size),
        fc2(scope / "mlp" / "fc2", config.intermediate_size, config.hidden_size),
        activation_fn(make_activation(config.hidden_act, scope / "mlp" / "activation_fn")) {}
  AttentionResult operator()(const Tensor& input) const {
    const auto running = enter();
    const AttentionResult attended = attention_block(layernorm_before(input));
    const Tensor hidden_states = attended.output + input;
    return {fc2(activation_fn(fc1(layernorm_after(hidden_states)))) + hidden_states, attended.weights};
  }
  ViTAttention attention_block;
  LayerNorm layernorm_before, layernorm_after;
  Linear fc1, fc2;
  Activation activation_fn;
};

struct ViTEncoder : Module {
  ViTEncoder(Scope module_scope, const ViTConfig& config, Pooler with_pooler, MaskToken mask_token)
      : Module(std::move(module_scope)), embeddings(scope / "embeddings", config, mask_token) {
    for (int64_t i = 0; i < config.num_hidden_layers; ++i) layers.emplace_back(scope / "layers" / i, config);
    layernorm.emplace(scope / "layernorm", config.hidden_size, config.layer_norm_eps);
    if (with_pooler == Pooler::With) {
      pooler.emplace(scope / "pooler" / "dense", config.hidden_size, config.pooler_output_size);
      pooler_act = make_activation(config.pooler_act, scope / "pooler" / "activation");
    }
  }

  BaseOutput operator()(const ForwardInputs& inputs) const {
    const auto running = enter();
    BaseOutput output;
    Tensor hidden_states = embeddings(inputs);
    for (const ViTLayer& layer : layers) {
      if (inputs.flags.output_hidden_states) output.hidden_states.push_back(hidden_states);
      const AttentionResult result = layer(hidden_states);
      hidden_states = result.output;
      if (inputs.flags.output_attentions) output.attentions.push_back(result.weights);
    }
    // The last hidden state is listed before its norm (capture_outputs(tie_last_hidden_states=False)).
    if (inputs.flags.output_hidden_states) output.hidden_states.push_back(hidden_states);
    output.last_hidden_state = (*layernorm)(hidden_states);
    if (pooler) output.pooler_output = pooler_act((*pooler)(output.last_hidden_state.select(1, 0)));
    return output;
  }

  ViTEmbeddings embeddings;
  std::vector<ViTLayer> layers;
  std::optional<LayerNorm> layernorm;
  std::optional<Linear> pooler;
  Activation pooler_act;
};

struct ViTModel : Model {
  ViTModel(Scope scope, const ViTConfig& config) : vit(std::move(scope), config, Pooler::With, MaskToken::Without) {}
  ModelOutput forward(const ForwardInputs& inputs) const override {
    const BaseOutput base = vit(inputs);
    ModelOutput output{.type = "transformers.modeling_outputs.BaseModelOutputWithPooling"};
    output.add("last_hidden_state", base.last_hidden_state);
    output.add("pooler_output", base.pooler_output);
    output.add("hidden_states", base.hidden_states);
    output.add("attentions", base.attentions);
    return output;
  }
  ViTEncoder vit;
};

struct ViTForImageClassification : Model {
  ViTForImageClassification(const Scope& scope, const ViTConfig& config)
      : vit(scope / "vit", config, Pooler::Without, MaskToken::Without) {
    if (config.num_labels > 0) classifier.emplace(scope / "classifier", config.hidden_size, config.num_labels);
  }
  ModelOutput forward(const ForwardInputs& inputs) const override {
    const BaseOutput base = vit(inputs);
    const Tensor pooled = base.last_hidden_state.select(1, 0);
    ModelOutput output{.type = "transformers.modeling_outputs.ImageClassifierOutput"};
    output.add("logits", classifier ? (*classifier)(pooled) : pooled);
    output.add("hidden_states", base.hidden_states);
    output.add("attentions", base.attentions);
    return output;
  }
  ViTEncoder vit;
  std::optional<Linear> classifier;
};

struct ViTForMaskedImageModeling : Model {
  ViTForMaskedImageModeling(const Scope& scope, const ViTConfig& vit_config)
      : config(vit_config),
        vit(scope / "vit", config, Pooler::Without, MaskToken::With),
        decoder(scope / "decoder" / 0, config.hidden_size,
                config.encoder_stride * config.encoder_stride * config.num_channels, {1, 1}, {}) {}
  ModelOutput forward(const ForwardInputs& inputs) const override {
    if (inputs.flags.interpolate_pos_encoding)
      unsupported("masked image modeling with interpolate_pos_encoding: one flag per patch of the config's image_size");
    const BaseOutput base = vit(inputs);
    const Tensor patches = base.last_hidden_state.slice(1, 1);
    const auto side = static_cast<int64_t>(std::floor(std::sqrt(static_cast<double>(config.num_patches()))));
    if (side * side != config.num_patches()) {
      fail("masked image modeling needs a square number of patches, got {}", config.num_patches());
    }
    const Tensor features = patches.permute({0, 2, 1}).reshape({patches.size(0), config.hidden_size, side, side});
    const Tensor reconstruction = pixel_shuffle(decoder(features));
    ModelOutput output{.type = "transformers.modeling_outputs.MaskedImageModelingOutput"};
    // Without labels of its own: transformers returns it whenever there is a mask.
    if (const Tensor masked = inputs["bool_masked_pos"]; masked.defined())
      output.add("loss", loss(inputs["pixel_values"], reconstruction, masked));
    output.add("reconstruction", reconstruction);
    output.add("hidden_states", base.hidden_states);
    output.add("attentions", base.attentions);
    return output;
  }
  /// [batch, c * r * r, h, w] -> [batch, c, h * r, w * r] (torch.nn.PixelShuffle)
  Tensor pixel_shuffle(const Tensor& x) const {
    const int64_t r = config.encoder_stride;
    const SymInt batch = x.size(0), height = x.size(2), width = x.size(3);
    return x.view({batch, config.num_channels, r, r, height, width})
        .permute({0, 1, 4, 2, 5, 3})
        .reshape({batch, config.num_channels, height * r, width * r});
  }
  /// Mean absolute error over the pixels of masked patches.
  Tensor loss(const Tensor& pixel_values, const Tensor& reconstruction, const Tensor& masked) const {
    Tensor mask = masked.reshape({-1, config.rows(), config.columns()});
    mask = call("aten::repeat_interleave.self_int", {mask, config.patch_size.first, int64_t{1}});
    mask = call("aten::repeat_interleave.self_int", {mask, config.patch_size.second, int64_t{2}}).unsqueeze(1);
    const Tensor errors = call("aten::abs", {pixel_values - reconstruction});
    return call("aten::sum", {errors * mask}) / (call("aten::sum", {mask}) + 1e-5) / config.num_channels;
  }
  ViTConfig config;
  ViTEncoder vit;
  Conv2d decoder;
};

template <class T>
std::unique_ptr<Model> build(const Scope& scope, ConfigReader& config) {
  return std::make_unique<T>(scope, read_config(config));
}

}  // namespace

ModelFamily vit() {
  return {.model_type = "vit",
          .facts =
              [](ConfigReader& config) {
                const ViTConfig vit = read_config(config);
                return ModelFacts{.image_size = {vit.num_channels, vit.image_size.first, vit.image_size.second},
                                  .patch_size = {vit.patch_size.first, vit.patch_size.second},
                                  .hidden_size = vit.hidden_size};
              },
          .architectures = {{"ViTModel", Task::FeatureExtraction, build<ViTModel>, ""},
                            {"ViTForImageClassification", Task::ImageClassification, build<ViTForImageClassification>,
                             "vit"},
                            {"ViTForMaskedImageModeling", Task::MaskedImageModeling, build<ViTForMaskedImageModeling>,
                             "vit"}},
          // The layout of checkpoints from before transformers 5 (conversion_mapping.py, "ViTModel").
          .key_renames = {{R"(encoder\.layer\.)", "layers."},
                          {R"(attention\.query)", "q_proj"},
                          {R"(attention\.key)", "k_proj"},
                          {R"(attention\.value)", "v_proj"},
                          {R"(attention\.output\.dense)", "attention.o_proj"},
                          {R"(intermediate\.dense)", "mlp.fc1"},
                          {R"(output\.dense)", "mlp.fc2"}},
          .ignorable_keys = {R"((^|\.)pooler\.)", R"(^classifier\.)", R"(^decoder\.)", R"((^|\.)mask_token$)"}};
}

}  // namespace exformer
