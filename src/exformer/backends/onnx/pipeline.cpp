#include "exformer/backends/onnx/pipeline.h"

#include "exformer/backends/onnx/cleanup.h"
#include "exformer/backends/onnx/fusions.h"
#include "exformer/base/error.h"
#include "exformer/ir/verifier.h"
#include "exformer/passes/dead_code.h"
#include "exformer/passes/fuse_gelu.h"
#include "exformer/passes/fuse_rms_norm.h"
#include "exformer/passes/identities.h"

namespace exformer::onnx {

namespace {

void rewrite_all(Graph& graph, const std::vector<Rewrite>& rewrites) {
  for (const Rewrite& rewrite : rewrites) apply_rewrite(graph, rewrite);
}

/// In debug builds: what the passes leave is a legal program.
void assert_legal([[maybe_unused]] const ExportedProgram& program) {
#ifndef NDEBUG
  for (const std::string& fault : verify(program)) fail("the ONNX passes broke the graph: {}", fault);
#endif
}

}  // namespace

void run_program_passes(ExportedProgram& program, const OnnxOptions& options) {
  if (!options.optimize) return;
  Graph& graph = *program.graph;
  eliminate_dead_nodes(graph);
  remove_identities(graph);
  if (options.opset_version.value_or(kDefaultOnnxOpset) >= 23) rewrite_all(graph, fuse_rms_norm());
  rewrite_all(graph, fuse_gelu());
  assert_legal(program);
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
    if (options.ort_fusions == "cpu") {
      use_fused_matmul(graph);
      clean_up(graph);
      join_projections(graph);
      clean_up(graph);
      join_heads(graph);
      use_microsoft_activations(graph);
      order_nodes(graph);
      clean_up(graph);
    }
    keep_rows_folded(graph);
    clean_up(graph);
  }
  keep_closed_rows(graph);
  cast_to_kernel_types(graph);
  eliminate_dead_nodes(graph);
  check_order(graph);
}

}  // namespace exformer::onnx
