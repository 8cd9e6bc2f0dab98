// A program's graph as a few boxes: nodes grouped by the module that makes them, one box for each layer.
#pragma once

#include <string>
#include <vector>

#include "exformer/ir/program.h"

namespace exformer::cli {

/// One box of the drawing.
struct Box {
  enum class Kind { Input, Module, Output };
  Kind kind = Kind::Module;
  std::string title;               // "model.layers.3", "input_ids"
  std::vector<std::string> lines;  // what is in it
};

/// Data that flow from one box to another.
struct BoxEdge {
  size_t from = 0, to = 0;
  std::string label;  // type of the first value, "+ 2 more"
};

struct BoxGraph {
  std::vector<Box> boxes;
  std::vector<BoxEdge> edges;  // acyclic; at most one for each pair
};

/// A value that more boxes than this read is named in them, without a line for each.
inline constexpr size_t kMostLines = 3;

/// One box for each group of nodes (graph_groups.h), for each input and for each output. Leaves of caches and of tuples
/// are named in the boxes that read or make them.
BoxGraph make_boxes(const ExportedProgram& program);

}  // namespace exformer::cli
