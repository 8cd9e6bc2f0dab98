// Conditions inside the file. The runtime has no assertion: a program jumps over a call of aten::gelu.out whose
// `approximate` is the message. The kernel refuses it, and its log line shows it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "exformer/backends/executorch/lowering.h"
#include "exformer/ir/program.h"

namespace exformer::executorch {

/// Ends the run where the number is negative.
void require_margin(Lowering& lowering, const SymInt& margin, const std::string& message);

/// Checks all conditions on inputs' sizes, before anything reads them. Inputs without a dynamic dim are left to the
/// runtime.
void check_inputs(Lowering& lowering, const std::vector<Condition>& conditions);

/// A check of a dim against an upper bound that is chosen when all is lowered: it says nothing until then.
struct BoundCheck {
  SymInt size;  // a symbol
  Condition condition;
  ValueId limit, message;  // in the program, to be filled in
};
/// One for each symbol of `limits` that is the size of an input's dim and alone decides how large some tensor is:
/// memory for products of sizes has room for more of one where there is less of another.
std::vector<BoundCheck> reserve_bound_checks(Lowering& lowering, const ExportedProgram& program,
                                             const std::map<std::string, int64_t>& limits);
/// The conditions that the bounds make of the checks, which are filled in with them.
std::vector<Condition> set_bounds(ExecutorchProgram& program, std::vector<BoundCheck> checks,
                                  const std::map<std::string, int64_t>& limits);

}  // namespace exformer::executorch
