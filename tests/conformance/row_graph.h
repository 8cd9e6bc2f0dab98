// One row of rows.json (test_ops.py) as a graph of one call.
#pragma once

#include <memory>
#include <vector>

#include "exformer/base/json.h"
#include "exformer/ir/graph.h"

namespace exformer {

/// Inputs are named x0, x1, ... in the order of the row's.
struct RowGraph {
  std::unique_ptr<Graph> graph = std::make_unique<Graph>();
  std::vector<Value*> inputs;
  std::vector<Value*> outputs;
};

/// Throws ExportError as the op's shape rule does.
RowGraph build_row(const Json& row);

}  // namespace exformer
