// Symbolic sizes as integers that the program computes, each distinct expression once.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "exformer/backends/executorch/executorch_program.h"

namespace exformer::executorch {

class SymbolicSizes {
 public:
  explicit SymbolicSizes(ExecutorchProgram& program) : program_(program) {}

  /// Says that these sizes can be read from a tensor: every input, and results whose sizes data decides.
  void add_source(ValueId tensor, const Sizes& sizes);
  /// Says that an Int value holds this expression.
  void add_scalar_source(ValueId scalar, const SymInt& expression);
  /// An Int value. Arithmetic is appended to the program. Throws ExportError (Unsupported) when a symbol has no source.
  ValueId integer(const SymInt& size);
  /// The same from its symbols, although a source has the whole expression: what that source is held against.
  ValueId computed(const SymInt& size);
  /// What a dim of a tensor is in the run, whatever its expression says.
  ValueId dim(ValueId tensor, int64_t axis) { return read({tensor, axis}); }
  /// An IntList value.
  ValueId list(const Sizes& sizes);

 private:
  struct Source {
    ValueId tensor;
    int64_t dim;
  };
  ValueId read(const Source& source);
  ValueId calculate(std::string_view primitive, ValueId a, ValueId b);
  /// Finds a symbol by way of a source whose size is linear in it.
  ValueId solve(const SymInt& symbol);
  ValueId arithmetic(const SymInt& size);

  ExecutorchProgram& program_;
  std::unordered_map<SymInt, Source> sources_;
  std::vector<SymInt> derived_;  // sizes of sources that are no symbols
  std::unordered_map<SymInt, ValueId> known_;
};

}  // namespace exformer::executorch
