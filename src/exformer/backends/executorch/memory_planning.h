// Places tensors in one arena by their lifetimes, at the upper bounds of their sizes.
#pragma once

#include <string>

#include "exformer/backends/executorch/executorch_program.h"
#include "exformer/backends/executorch/upper_bounds.h"

namespace exformer::executorch {

struct PlanningOptions {
  bool alloc_graph_input = true;
  bool alloc_graph_output = true;
  bool alloc_mutable_buffers = true;
};

/// What the plan came to, for reports.
struct ArenaReport {
  uint64_t bytes = 0;  // of the arena
  uint64_t live = 0;   // of the tensors alive at the fullest moment: no plan needs less
  std::string bounds;  // "batch <= 8, sequence <= 512"
  std::string driver;  // the largest tensor of that moment
};

/// Sets each tensor's place and the program's arena. A result may take the place of an equal-sized operand that is read
/// for the last time.
ArenaReport plan_memory(ExecutorchProgram& program, const UpperBounds& bounds, const PlanningOptions& options);

}  // namespace exformer::executorch
