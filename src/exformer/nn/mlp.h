// Feed-forward blocks shared by families.
#pragma once

#include "exformer/nn/activation.h"
#include "exformer/nn/layers.h"

namespace exformer {

/// down(act(gate(x)) * up(x)) (matches LlamaMLP.forward).
struct GatedMlp : Module {
  struct Options {
    std::string hidden_act = "silu";
    bool bias = false;
  };
  GatedMlp(Scope module_scope, int64_t hidden_size, int64_t intermediate_size, const Options& options)
      : Module(std::move(module_scope)),
        gate_proj(scope / "gate_proj", hidden_size, intermediate_size, {.bias = options.bias}),
        up_proj(scope / "up_proj", hidden_size, intermediate_size, {.bias = options.bias}),
        down_proj(scope / "down_proj", intermediate_size, hidden_size, {.bias = options.bias}),
        act_fn(make_activation(options.hidden_act, scope / "act_fn")) {}
  Tensor operator()(const Tensor& x) const { return down_proj(act_fn(gate_proj(x)) * up_proj(x)); }
  Linear gate_proj, up_proj, down_proj;
  Activation act_fn;
};

}  // namespace exformer
