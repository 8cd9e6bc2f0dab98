// One row of rows.json (test_ops.py) as a graph of one call, and what its JSON says of inputs and arguments.
#pragma once

#include <memory>
#include <vector>

#include "exformer/base/json.h"
#include "exformer/ir/program.h"
#include "exformer/trace/tensor.h"

namespace exformer {

/// Inputs are named x0, x1, ... in the order of the row's.
struct RowGraph {
  std::unique_ptr<Graph> graph = std::make_unique<Graph>();
  std::vector<Value*> inputs;
  std::vector<Value*> outputs;
};

/// Throws ExportError as the op's shape rule does.
RowGraph build_row(const Json& row);
/// A program of all inputs and outputs, whose pytrees are plain.
ExportedProgram make_program(RowGraph row);

/// Declares the row's symbols and inputs.
std::vector<Value*> add_inputs(Graph& graph, const Json& row);
/// An argument is an object with one member that names the kind; `tensors` are those that it may number.
template <class T>
BasicArgument<T> read_argument(SymContext& symbols, const std::vector<T>& tensors, const Json& json);
/// Numbers, or expressions over the declared symbols.
std::vector<SymInt> read_sizes(SymContext& symbols, const Json& list);

}  // namespace exformer
