// An exported program: a graph, what each of its inputs and outputs is, its weights, and its pytrees.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "exformer/ir/graph.h"
#include "exformer/ir/pytree.h"
#include "exformer/tensor/lazy_tensor.h"

namespace exformer {

/// What a graph input stands for (torch.export.graph_signature.InputKind).
struct InputSpec {
  enum class Kind { Parameter, Buffer, ConstantTensor, UserInput };
  Kind kind = Kind::UserInput;
  Value* value = nullptr;
  std::string target;      // the weight's fully qualified name; for a user input its dotted leaf path
  bool persistent = true;  // buffers: part of the state dict
};

/// What a graph output stands for (OutputKind). Index i describes graph.outputs()[i].
struct OutputSpec {
  enum class Kind { UserOutput, BufferMutation, UserInputMutation };
  Kind kind = Kind::UserOutput;
  std::string target;  // mutations: the buffer or input written; user outputs: the dotted leaf path
};

/// Owns its graph and weights. Inputs are ordered: parameters, buffers, constants, user inputs (in pytree order).
struct ExportedProgram {
  std::unique_ptr<Graph> graph = std::make_unique<Graph>();
  std::vector<InputSpec> inputs;
  std::vector<OutputSpec> outputs;
  std::map<std::string, LazyTensor> state_dict;  // parameters and persistent buffers; tied names share a storage_key()
  std::map<std::string, LazyTensor> constants;   // lifted constants and non-persistent buffers
  TreeSpec in_spec;                              // tuple(tuple(), dict(kwargs))
  TreeSpec out_spec;

  /// The weight or constant behind an input; null for user inputs.
  const LazyTensor* data(const InputSpec& input) const;
  /// Whether a run leaves another value in the buffer for the next one.
  bool is_written(const InputSpec& input) const;
  /// User inputs only, in order.
  std::vector<const InputSpec*> user_inputs() const;
};

}  // namespace exformer
