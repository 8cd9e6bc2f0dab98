// The example call that an export is traced for: forward kwargs in order, a cache's tensors by their dotted path.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "exformer/models/family.h"
#include "exformer/tensor/host_tensor.h"

namespace exformer {

/// Forward kwargs in the order of the call. Leaves of a cache are "past_key_values.layers.<n>.keys" and ".values".
using NamedTensors = std::vector<std::pair<std::string, HostTensor>>;

/// Inputs that suit a task: two sequences of eight tokens, or two images of the config's size.
NamedTensors default_inputs(Task task, const ModelFacts& facts);

/// Puts a cache's leaves into layer order, adds the leaf that transformers keeps for sliding layers, and casts floating
/// inputs to the model's dtype (prepare_for_export). Unknown names, wrong ranks, dtypes and head sizes throw
/// ExportError naming the input.
NamedTensors prepare_inputs(const NamedTensors& inputs, Task task, const ModelFacts& facts, DType dtype);

/// What 5.24 of transformers calls `cache` is `past_key_values` here: "cache.layers.3.keys" ->
/// "past_key_values.layers.3.keys". Other names stay.
std::string input_name(const std::string& given);

/// "past_key_values.layers.3.keys" -> {3, "keys"}; nothing for any other name.
struct CacheLeaf {
  size_t layer;
  std::string field;  // keys, values, _sliding_window_tensor
};
std::optional<CacheLeaf> parse_cache_leaf(const std::string& name);

}  // namespace exformer
