// Runs an exported program on the CPU.
#pragma once

#include <memory>
#include <vector>

#include "exformer/ir/program.h"
#include "exformer/ops/registry.h"

namespace exformer {

/// Executes a program's nodes in order. Weights stay where the program has them (mapped files); a weight whose dtype
/// changes on the way is converted once. Runs may overlap: each has its own values. Threads follow OMP_NUM_THREADS;
/// results do not vary between runs.
class Interpreter {
 public:
  /// The program must outlive the interpreter. Throws ExportError (Unsupported) naming ops that cannot be run.
  explicit Interpreter(const ExportedProgram& program, const OpRegistry& ops = OpRegistry::standard());
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  /// One tensor per user input, in the order of ExportedProgram::user_inputs(); gives the user outputs in order,
  /// contiguous. A constant output is a 0-d tensor, None an undefined one. Throws ExportError naming the input (by its
  /// dotted path), what was received and what is allowed, or the node at which a kernel failed.
  std::vector<HostTensor> run(const std::vector<HostTensor>& user_inputs) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace exformer
