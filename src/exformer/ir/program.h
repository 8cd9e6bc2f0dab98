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

/// What a program takes for granted of a call, so that a file can check it and say what was wrong.
struct Condition {
  Value* input = nullptr;  // its `axis` has to be `number`; null: `number` is at least 0 where the condition holds
  std::string path;        // the one input that it is about; empty: it is about several
  int64_t axis = 0;
  SymInt number;
  std::string allowed;  // "a multiple of 32"; without a path the whole condition in words
  std::string reason;   // the model's line, where it is known

  /// "pixel_values.shape[2] must be a multiple of 32 (swin/modeling_swin.py:120)"
  std::string text() const;
};

/// Owns its graph and weights. Inputs are ordered: parameters, buffers, constants, user inputs (in pytree order).
struct ExportedProgram {
  std::unique_ptr<Graph> graph = std::make_unique<Graph>();
  std::vector<InputSpec> inputs;
  std::vector<OutputSpec> outputs;
  std::map<std::string, LazyTensor> state_dict;  // parameters and persistent buffers; tied names share a storage_key()
  std::map<std::string, LazyTensor> constants;   // lifted constants and non-persistent buffers
  std::vector<Condition> conditions;             // on the user inputs' sizes; those on data are nodes of the graph
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
