// Key/value caches as graph inputs and outputs (transformers.cache_utils.DynamicCache).
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "exformer/nn/module.h"

namespace exformer {

/// One layer's keys and values, [batch, num_key_value_heads, length, head_dim]; undefined while nothing is cached.
struct CacheLayer {
  Tensor keys, values;
  std::optional<int64_t> sliding_window;  // a DynamicSlidingWindowLayer

  SymInt length() const { return keys.defined() ? keys.size(2) : SymInt(0); }
};

/// Copies of a Tensor are the same tensor, copies of a Cache are separate.
struct Cache {
  std::vector<CacheLayer> layers;

  /// Appends this call's keys and values; returns all that the layer attends to. Sliding layers keep their full length:
  /// the window is in the mask.
  std::pair<Tensor, Tensor> update(size_t layer, const Tensor& keys, const Tensor& values) {
    CacheLayer& cached = layers[layer];
    cached.keys = cached.keys.defined() ? cat({cached.keys, keys}, -2) : keys;
    cached.values = cached.values.defined() ? cat({cached.values, values}, -2) : values;
    return {cached.keys, cached.values};
  }
};

}  // namespace exformer
