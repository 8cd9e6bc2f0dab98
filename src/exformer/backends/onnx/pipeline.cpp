#include "exformer/backends/onnx/pipeline.h"

#include "exformer/backends/onnx/cleanup.h"
#include "exformer/passes/dead_code.h"

namespace exformer::onnx {

void run_program_passes(ExportedProgram& program, const OnnxOptions& options) {
  if (!options.optimize) return;
  eliminate_dead_nodes(*program.graph);
}

void run_graph_passes(OnnxGraph& graph, const OnnxOptions& options) {
  if (options.optimize) {
    for (bool changed = true; changed;) {
      changed = merge_equal_nodes(graph);
      changed = simplify(graph) || changed;
    }
  }
  cast_to_kernel_types(graph);
  eliminate_dead_nodes(graph);
}

}  // namespace exformer::onnx
