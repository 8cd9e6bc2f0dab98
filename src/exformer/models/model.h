// What every model takes and gives back: forward kwargs by name, a cache, flags; a ModelOutput with transformers' class
// and fields.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "exformer/nn/cache.h"
#include "exformer/nn/module.h"

namespace exformer {

/// The kwargs that are no tensors, taken from the inputs or, where they steer what is returned, from config.json
/// (prepare_for_export's output flags).
struct ForwardFlags {
  bool use_cache = false;
  bool output_hidden_states = false;
  bool output_attentions = false;
  bool return_dict = true;
  bool interpolate_pos_encoding = false;  // images of any size
};

/// One call's inputs; an absent tensor is undefined.
struct ForwardInputs {
  std::map<std::string, Tensor> tensors;
  std::optional<Cache> past_key_values;
  ForwardFlags flags;

  Tensor operator[](const std::string& name) const {
    const auto found = tensors.find(name);
    return found == tensors.end() ? Tensor() : found->second;
  }
};

/// A tensor, a tuple of tensors (hidden_states, attentions) or a cache.
using OutputField = std::variant<Tensor, std::vector<Tensor>, Cache>;

/// transformers' ModelOutput: fields that are not None, in the order of the dataclass.
struct ModelOutput {
  std::string type;  // "transformers.modeling_outputs.CausalLMOutputWithPast"
  std::vector<std::pair<std::string, OutputField>> fields;

  /// Adds a field unless it is None: an undefined tensor or an empty tuple.
  void add(const std::string& name, const Tensor& tensor) {
    if (tensor.defined()) fields.emplace_back(name, tensor);
  }
  void add(const std::string& name, const std::vector<Tensor>& tensors) {
    if (!tensors.empty()) fields.emplace_back(name, tensors);
  }
  void add(const std::string& name, const std::optional<Cache>& cache) {
    if (cache) fields.emplace_back(name, *cache);
  }
};

/// A whole model with its parameters declared; calling it traces it.
struct Model {
  virtual ~Model() = default;
  virtual ModelOutput forward(const ForwardInputs& inputs) const = 0;
};

/// What a base model gives to the head on top of it.
struct BaseOutput {
  Tensor last_hidden_state;
  Tensor pooler_output;
  std::optional<Cache> past_key_values;
  std::vector<Tensor> hidden_states;
  std::vector<Tensor> attentions;
};

}  // namespace exformer
