// The passes of the ONNX backend, in order.
#pragma once

#include "exformer/backends/onnx/onnx.h"
#include "exformer/backends/onnx/onnx_graph.h"

namespace exformer::onnx {

/// Passes over the exported program, before it is lowered.
void run_program_passes(ExportedProgram& program, const OnnxOptions& options);
/// Passes over the lowered graph.
void run_graph_passes(OnnxGraph& graph, const OnnxOptions& options);

}  // namespace exformer::onnx
