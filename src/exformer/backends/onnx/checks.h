// Conditions inside the file. ONNX has no assertion, but a Split into one part fails where the part is not the whole,
// and ONNX Runtime shows the node's name then. What passes through it is what the model reads, so no optimiser takes
// the check away.
#pragma once

#include <string>
#include <vector>

#include "exformer/backends/onnx/shape_arithmetic.h"
#include "exformer/ir/program.h"

namespace exformer::onnx {

/// A user input and what the model reads in its place, in the order of the signature.
struct BoundInput {
  const InputSpec* spec;
  ValueId value;
};

/// Puts the checks of the program's conditions behind the inputs. Fixed sizes are left to ONNX Runtime, which checks
/// them and names the input.
void check_inputs(OnnxGraph& graph, ShapeArithmetic& shapes, const ExportedProgram& program,
                  std::vector<BoundInput>& inputs);

/// A condition on numbers that data define: a one-element vector that is negative where it does not hold.
struct DataCheck {
  ValueId margin;
  std::string message;
};

/// Puts the checks in front of the result with the fewest elements; the results as they were where there is no check.
void check_results(OnnxGraph& graph, ShapeArithmetic& shapes, const SymContext& symbols,
                   const std::vector<DataCheck>& checks, std::vector<ValueId>& results);

}  // namespace exformer::onnx
