#include "exformer/backends/executorch/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>

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

/// Ends the run where the flag is false; the message is a string of the program.
void require(Lowering& lowering, ValueId flag, ValueId message) {
  ExecutorchProgram& program = lowering.program;
  const ValueId number = program.add_constant(LazyTensor(HostTensor::zeros(DType::Float32, {1})), "condition");
  const ValueId result = program.add_tensor(DType::Float32, {SymInt(1)});
  jump_if_false(lowering, flag, 2);                    // to the call that fails
  jump_if_false(lowering, program.boolean(false), 2);  // over it
  lowering.call_operator("aten::gelu.out", {number, message, result, result}, {result});
}

void require(Lowering& lowering, ValueId flag, const std::string& message) {
  require(lowering, flag, lowering.program.string(message));
}

bool is_static(const Value& input) {
  const std::vector<SymInt>& sizes = input.meta.sizes;
  return std::all_of(sizes.begin(), sizes.end(), [](const SymInt& size) { return size.is_constant(); });
}

/// Symbols that some result's number of elements depends on, and on no other.
std::set<std::string, std::less<>> deciding_symbols(const Graph& graph) {
  std::set<std::string, std::less<>> found;
  for (const auto& node : graph.nodes()) {
    for (const Value* output : node->outputs()) {
      std::set<std::string> symbols;
      for (const SymInt& size : output->meta.sizes) {
        for (const std::string& name : free_symbols(size)) symbols.insert(name);
      }
      if (symbols.size() == 1) found.insert(*symbols.begin());
    }
  }
  return found;
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

std::vector<BoundCheck> reserve_bound_checks(Lowering& lowering, const ExportedProgram& source,
                                             const std::map<std::string, int64_t>& limits) {
  ExecutorchProgram& program = lowering.program;
  const std::set<std::string, std::less<>> deciding = deciding_symbols(*source.graph);
  std::vector<BoundCheck> checks;
  std::set<std::string, std::less<>> seen;
  for (const InputSpec* input : source.user_inputs()) {
    const std::vector<SymInt>& sizes = input->value->meta.sizes;
    for (size_t axis = 0; axis < sizes.size(); ++axis) {
      const auto name = sizes[axis].symbol_name();
      if (!name || !deciding.contains(*name) || !limits.contains(std::string(*name))) continue;
      if (!seen.emplace(*name).second) continue;
      BoundCheck check{.size = sizes[axis],
                       .condition = {.path = input->target, .axis = static_cast<int64_t>(axis)},
                       .limit = program.add(std::numeric_limits<int64_t>::max()),
                       .message = program.add(std::string())};
      const ValueId given = lowering.sizes.integer(check.size);
      require(lowering, compare(lowering, "executorch_prim::le.Scalar", given, check.limit), check.message);
      checks.push_back(std::move(check));
    }
  }
  return checks;
}

std::vector<Condition> set_bounds(ExecutorchProgram& program, std::vector<BoundCheck> checks,
                                  const std::map<std::string, int64_t>& limits) {
  std::vector<Condition> conditions;
  for (BoundCheck& check : checks) {
    const int64_t limit = limits.at(std::string(*check.size.symbol_name()));
    if (bounds(check.size).max <= limit) continue;  // the model's own bound, which has a check
    check.condition.number = SymInt(limit);
    check.condition.allowed = fmt::format("at most {}", limit);
    check.condition.reason = "what memory is planned for; dynamic_shapes gives another max";
    program.set(check.limit, limit);
    program.set(check.message, check.condition.text());
    conditions.push_back(std::move(check.condition));
  }
  return conditions;
}

}  // namespace exformer::executorch
