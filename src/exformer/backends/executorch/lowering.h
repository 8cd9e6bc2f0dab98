// Turns one exported graph into a program: which value stands for each graph value, how arguments become values, and
// the table of lowerings. All tensors of a program are contiguous.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "exformer/backends/executorch/symbolic_sizes.h"
#include "exformer/ops/args.h"

namespace exformer::executorch {

/// Appends calls to a program.
class Lowering {
 public:
  explicit Lowering(ExecutorchProgram& target) : program(target), sizes(target) {}

  ExecutorchProgram& program;
  SymbolicSizes sizes;
  bool inputs_are_planned = true;
  std::string module_path;  // of the node in hand

  void bind(const Value* value, ValueId id) { values_[value] = id; }
  ValueId get(const Value* value) const;

  const TensorValue& tensor(ValueId id) const { return program.tensor(id); }
  /// A constant or computed argument of the given type; numbers become what the type asks for.
  ValueId argument(const Argument& argument, const SchemaArgument& type);
  /// Calls the kernel of `op` (a row of kernels.inc). `inputs` has one value for each argument before the results.
  std::vector<ValueId> call(std::string_view op, std::vector<ValueId> inputs, std::vector<TensorMeta> results);
  ValueId call_one(std::string_view op, std::vector<ValueId> inputs, DType dtype, Sizes result);
  /// Calls an operator by its own name; the results are the last arguments.
  void call_operator(std::string_view name, std::vector<ValueId> arguments, std::vector<ValueId> writes);

  /// Other sizes over the same memory; the value itself when nothing changes.
  ValueId view(ValueId value, const Sizes& target);
  ValueId permute(ValueId value, const std::vector<int64_t>& dims);
  ValueId expand(ValueId value, const Sizes& target);
  ValueId cast(ValueId value, DType dtype);
  /// A tensor of its own memory.
  ValueId copy(ValueId value);
  ValueId full(const Sizes& target, const Scalar& fill, DType dtype);

 private:
  std::unordered_map<const Value*, ValueId> values_;
};

/// One call to be lowered.
class LowerCall {
 public:
  LowerCall(Lowering& to, const Node& lowered)
      : lowering(to), node(lowered), args(lowered.schema(), lowered.arguments()) {}

  Lowering& lowering;
  const Node& node;
  ValueArgs args;

  ValueId tensor(std::string_view name) const { return lowering.get(args.tensor(name)); }
  /// The first argument.
  ValueId self() const { return lowering.get(node.arguments().front().as<Value*>()); }
  const TensorMeta& self_meta() const { return node.arguments().front().as<Value*>()->meta; }
  const TensorMeta& out(size_t index = 0) const { return node.output(index)->meta; }
  /// A dim argument counted from the front.
  int64_t dim(std::string_view name) const;
};

using Results = std::vector<ValueId>;
using LowerFunction = Results (*)(const LowerCall&);

/// Lowerings of ops that are no row of kernels.inc as they stand.
class LoweringTable {
 public:
  static const LoweringTable& standard();
  void add(std::string_view op, LowerFunction function) { functions_.emplace(op, function); }
  LowerFunction find(const std::string& op) const;

 private:
  std::unordered_map<std::string, LowerFunction> functions_;
};

void add_view_lowerings(LoweringTable& table);
void add_copy_lowerings(LoweringTable& table);
void add_creation_lowerings(LoweringTable& table);
void add_recurrence_lowerings(LoweringTable& table);

/// Lowers a node by its row of kernels.inc.
Results lower_by_kernel(const LowerCall& call, const OpSchema& kernel);
/// Throws ExportError (Unsupported) for calls that the runtime's kernel of that name does not take.
void check_kernel_takes(const Node& node);
/// Whether the node can be lowered as it stands; if not it has to be decomposed.
bool can_lower(const Node& node);

}  // namespace exformer::executorch
