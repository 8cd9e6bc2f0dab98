// Draws a program as SVG.
#pragma once

#include <string>

#include "exformer/ir/program.h"

namespace exformer::cli {

/// More boxes than this are not drawn.
inline constexpr size_t kMostBoxes = 400;

/// Top-down: inputs, one box for each module or layer, outputs. Throws ExportError (Unsupported) for graphs of more
/// than kMostBoxes boxes.
std::string draw_graph(const ExportedProgram& program, const std::string& title);

}  // namespace exformer::cli
