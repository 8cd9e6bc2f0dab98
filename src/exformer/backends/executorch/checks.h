// Conditions inside the file. The runtime has no assertion: a program jumps over a call of aten::gelu.out whose
// `approximate` is the message. The kernel refuses it, and its log line shows it.
#pragma once

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

}  // namespace exformer::executorch
