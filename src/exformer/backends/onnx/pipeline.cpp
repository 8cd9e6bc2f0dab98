#include "exformer/backends/onnx/pipeline.h"

#include "exformer/backends/onnx/cleanup.h"
#include "exformer/backends/onnx/fusions.h"
#include "exformer/passes/dead_code.h"

namespace exformer::onnx {

void run_program_passes(ExportedProgram& program, const OnnxOptions& options) {
  if (!options.optimize) return;
  eliminate_dead_nodes(*program.graph);
}

namespace {

void clean_up(OnnxGraph& graph) {
  for (bool changed = true; changed;) {
    changed = merge_equal_nodes(graph);
    changed = simplify(graph) || changed;
    eliminate_dead_nodes(graph);
  }
}

}  // namespace

void run_graph_passes(OnnxGraph& graph, const OnnxOptions& options) {
  if (options.optimize) {
    clean_up(graph);
    fuse_rotary_embedding(graph);
    clean_up(graph);
    remove_head_transposes(graph);
    clean_up(graph);
    keep_rows_folded(graph);
    clean_up(graph);
  }
  cast_to_kernel_types(graph);
  eliminate_dead_nodes(graph);
}

}  // namespace exformer::onnx
