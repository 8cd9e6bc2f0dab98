// The graph as text. One line per node; parse_graph (ops/text_parser.h) reads it back.
//
//   graph(%x: f32[batch, 4], %w: f32[8, 4]):
//     %linear: f32[batch, 8] = aten.linear.default(%x, %w, None)
//     return (%linear)
#pragma once

#include <string>

#include "exformer/ir/graph.h"

namespace exformer {

/// Strides are printed ("f32[2, 4] strides [1, 2]") only when they are not contiguous. Arguments equal to their default
/// are left out from the end; keyword-only arguments are printed as name=value.
std::string to_text(const Graph& graph);
std::string to_text(const Node& node);
std::string to_text(const TensorMeta& meta);

}  // namespace exformer
