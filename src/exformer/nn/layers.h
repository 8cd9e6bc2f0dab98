// The layers of torch.nn that models are built from, with torch's parameter names.
#pragma once

#include "exformer/nn/module.h"

namespace exformer {

struct Linear : Module {
  struct Options {
    bool bias = true;
  };
  Linear(Scope module_scope, int64_t in_features, int64_t out_features, Options options)
      : Module(std::move(module_scope)), weight(scope.parameter("weight", {out_features, in_features})) {
    if (options.bias) bias = scope.parameter("bias", {out_features});
  }
  Linear(Scope module_scope, int64_t in_features, int64_t out_features)
      : Linear(std::move(module_scope), in_features, out_features, Options()) {}
  /// [..., in_features] -> [..., out_features]
  Tensor operator()(const Tensor& input) const {
    const auto running = enter();
    return call("aten::linear", {input, weight, bias});
  }
  Tensor weight, bias;
};

struct Embedding : Module {
  Embedding(Scope module_scope, int64_t num_embeddings, int64_t embedding_dim)
      : Module(std::move(module_scope)), weight(scope.parameter("weight", {num_embeddings, embedding_dim})) {}
  /// int64 [...] -> [..., embedding_dim]
  Tensor operator()(const Tensor& indices) const {
    const auto running = enter();
    return call("aten::embedding", {weight, indices});
  }
  Tensor weight;
};

struct LayerNorm : Module {
  LayerNorm(Scope module_scope, int64_t normalized_size, double epsilon)
      : Module(std::move(module_scope)),
        weight(scope.parameter("weight", {normalized_size})),
        bias(scope.parameter("bias", {normalized_size})),
        size(normalized_size),
        eps(epsilon) {}
  Tensor operator()(const Tensor& input) const {
    const auto running = enter();
    return call("aten::layer_norm", {input, {SymInt(size)}, weight, bias, eps});
  }
  Tensor weight, bias;
  int64_t size;
  double eps;
};

/// x / rms(x) * weight, computed in float32 (matches LlamaRMSNorm.forward).
struct RMSNorm : Module {
  RMSNorm(Scope module_scope, int64_t size, double epsilon)
      : Module(std::move(module_scope)), weight(scope.parameter("weight", {size})), eps(epsilon) {}
  Tensor operator()(const Tensor& input) const {
    const auto running = enter();
    const Tensor hidden_states = input.to(DType::Float32);
    const Tensor variance = hidden_states.pow(2).mean({-1}, /*keepdim=*/true);
    const Tensor normalized = hidden_states * (variance + eps).rsqrt();
    return weight * normalized.to(input.dtype());
  }
  Tensor weight;
  double eps;
};

struct ConvOptions {
  std::vector<SymInt> stride = {1};
  std::vector<SymInt> padding = {0};
  std::vector<SymInt> dilation = {1};
  int64_t groups = 1;
  bool bias = true;
};

struct Conv1d : Module {
  Conv1d(Scope module_scope, int64_t in_channels, int64_t out_channels, int64_t kernel_size, ConvOptions conv_options)
      : Module(std::move(module_scope)),
        weight(scope.parameter("weight", {out_channels, in_channels / conv_options.groups, kernel_size})),
        options(std::move(conv_options)) {
    if (options.bias) bias = scope.parameter("bias", {out_channels});
  }
  /// [batch, in_channels, length] -> [batch, out_channels, length']
  Tensor operator()(const Tensor& input) const {
    const auto running = enter();
    return call("aten::conv1d",
                {input, weight, bias, options.stride, options.padding, options.dilation, options.groups});
  }
  Tensor weight, bias;
  ConvOptions options;
};

struct Conv2d : Module {
  Conv2d(Scope module_scope, int64_t in_channels, int64_t out_channels, std::pair<int64_t, int64_t> kernel_size,
         ConvOptions conv_options)
      : Module(std::move(module_scope)),
        weight(scope.parameter(
            "weight", {out_channels, in_channels / conv_options.groups, kernel_size.first, kernel_size.second})),
        options(std::move(conv_options)) {
    if (options.bias) bias = scope.parameter("bias", {out_channels});
  }
  /// [batch, in_channels, height, width] -> [batch, out_channels, height', width']
  Tensor operator()(const Tensor& input) const {
    const auto running = enter();
    return call("aten::conv2d",
                {input, weight, bias, options.stride, options.padding, options.dilation, options.groups});
  }
  Tensor weight, bias;
  ConvOptions options;
};

}  // namespace exformer
