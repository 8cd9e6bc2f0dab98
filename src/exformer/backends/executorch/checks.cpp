#include "exformer/backends/executorch/checks.h"

#include <algorithm>

#include "exformer/base/error.h"

namespace exformer::executorch {
namespace {

void jump_if_false(Lowering& lowering, ValueId condition, size_t distance) {
  auto& instructions = lowering.program.instructions;
  instructions.push_back({.kind = Instruction::Kind::JumpIfFalse,
                          .target = instructions.size() + distance,
                          .arguments = {condition},
                          .module_path = lowering.module_path});
}

/// A flag that arithmetic of the runtime gives.
ValueId compare(Lowering& lowering, std::string_view primitive, ValueId a, ValueId b) {
  const ValueId flag = lowering.program.add(false);
  lowering.call_operator(primitive, {a, b, flag}, {});
  return flag;
}

/// Ends the run where the flag is false.
void require(Lowering& lowering, ValueId flag, const std::string& message) {
  ExecutorchProgram& program = lowering.program;
  const ValueId number = program.add_constant(LazyTensor(HostTensor::zeros(DType::Float32, {1})), "condition");
  const ValueId result = program.add_tensor(DType::Float32, {SymInt(1)});
  jump_if_false(lowering, flag, 2);                    // to the call that fails
  jump_if_false(lowering, program.boolean(false), 2);  // over it
  lowering.call_operator("aten::gelu.out", {number, program.string(message), result, result}, {result});
}

bool is_static(const Value& input) {
  const std::vector<SymInt>& sizes = input.meta.sizes;
  return std::all_of(sizes.begin(), sizes.end(), [](const SymInt& size) { return size.is_constant(); });
}

}  // namespace

void require_margin(Lowering& lowering, const SymInt& margin, const std::string& message) {
  const ValueId number = lowering.sizes.integer(margin);
  require(lowering, compare(lowering, "executorch_prim::ge.Scalar", number, lowering.program.integer(0)), message);
}

void check_inputs(Lowering& lowering, const std::vector<Condition>& conditions) {
  for (const Condition& condition : conditions) {
    if (condition.input && is_static(*condition.input)) continue;
    try {
      if (!condition.input) {
        require_margin(lowering, condition.number, condition.text());
        continue;
      }
      const ValueId wanted = lowering.sizes.computed(condition.number);
      const ValueId given = lowering.sizes.dim(lowering.get(condition.input), condition.axis);
      require(lowering, compare(lowering, "executorch_prim::eq.Scalar", given, wanted), condition.text());
    } catch (const ExportError& error) {  // no input tells the size: nothing in the program can use it
      if (error.kind() != ErrorKind::Unsupported) throw;
    }
  }
}

}  // namespace exformer::executorch
