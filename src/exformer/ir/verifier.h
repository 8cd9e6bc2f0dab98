// Structural rules that every legal graph keeps; run after each pass in tests and debug builds.
#pragma once

#include <string>
#include <vector>

#include "exformer/ir/program.h"

namespace exformer {

/// All faults found, in words; empty when the graph is legal: every value defined before it is read, user lists exact,
/// names unique, arguments of the schema's types, symbols of the metas declared, strides as long as sizes.
std::vector<std::string> verify(const Graph& graph);
/// The same plus signature rules: one spec per input and output, weights present with the meta's dtype and sizes,
/// pytrees with as many leaves as user inputs and outputs.
std::vector<std::string> verify(const ExportedProgram& program);

}  // namespace exformer
