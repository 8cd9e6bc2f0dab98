// Symbolic sizes as int64 tensors inside the ONNX graph: each distinct expression is computed once.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "exformer/backends/onnx/onnx_graph.h"

namespace exformer::onnx {

class ShapeArithmetic {
 public:
  explicit ShapeArithmetic(OnnxGraph& graph) : graph_(graph) {}
  /// For passes: reads sizes from the graph's inputs only, and puts all arithmetic before the nodes that are there now.
  static ShapeArithmetic at_front(OnnxGraph& graph);

  /// Says that these dims can be read from `value`: every graph input, and results whose sizes data decides.
  void add_source(ValueId value, const Sizes& sizes);
  /// The same, for the sizes that hold an unbacked symbol.
  void add_unbacked_source(ValueId value, const Sizes& sizes, const SymContext& context);
  /// Says that a 0-d integer tensor holds this expression.
  void add_scalar_source(ValueId scalar, const SymInt& expression);

  /// A one-element vector. Throws ExportError (Unsupported) when a symbol has no source.
  ValueId one(const SymInt& size);
  /// The same from its symbols, although a source has the whole expression: what that source is held against.
  ValueId computed(const SymInt& size);
  /// A 0-d tensor.
  ValueId scalar(const SymInt& size);
  /// A vector of all sizes.
  ValueId vector(const Sizes& sizes);

 private:
  struct Source {
    ValueId value;
    int64_t dim;  // -1: the value itself
  };
  ValueId read(const Source& source);
  /// Finds a symbol by way of a source whose size is linear in it.
  ValueId solve(const SymInt& symbol);
  ValueId arithmetic(const SymInt& size);

  /// Moves the graph's cursor to the front for as long as it lives.
  class AtFront;

  OnnxGraph& graph_;
  std::optional<NodeList::iterator> front_;
  std::unordered_map<SymInt, Source> sources_;
  std::vector<SymInt> derived_;  // sizes of sources that are no symbols
  std::unordered_map<SymInt, ValueId> ones_, scalars_;
};

}  // namespace exformer::onnx
