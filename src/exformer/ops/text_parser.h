// Reads the text form of a graph back (ir/text.h): for tests, rewrites and decompositions.
#pragma once

#include <memory>
#include <string_view>

#include "exformer/ir/graph.h"
#include "exformer/ops/registry.h"

namespace exformer {

/// Parses a whole graph. Types of inputs are required ("%x: f32[batch, 4]"); symbols are declared on first use, as dims
/// >= 1, unless a leading "symbols: batch in [1, 8], seq in [1, inf]" line says more. Types of node results are
/// inferred, and checked where given. Throws ExportError with line and column.
std::unique_ptr<Graph> parse_graph(std::string_view text, const OpRegistry& ops = OpRegistry::standard());

}  // namespace exformer
