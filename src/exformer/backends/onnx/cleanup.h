// Passes that keep what a graph computes and make it smaller, or fit for the runtime's kernels.
#pragma once

#include "exformer/backends/onnx/onnx_graph.h"

namespace exformer::onnx {

/// Removes nodes and initializers that no output depends on. Graph inputs stay.
bool eliminate_dead_nodes(OnnxGraph& graph);
/// Common subexpressions: of nodes with the same operator, inputs and attributes the first one stays. Random operators
/// are left alone.
bool merge_equal_nodes(OnnxGraph& graph);
/// Local rules, each stated above its code in simplify.cpp: Identity, Cast, Reshape, Transpose, Squeeze, Unsqueeze,
/// Slice, Expand, Concat.
bool simplify(OnnxGraph& graph);
/// Puts each node behind those that make its inputs; otherwise they keep their order. For passes that put a node where
/// another one stood.
void order_nodes(OnnxGraph& graph);
/// Fails where a value is read before it is made, or made twice: what ONNX asks of a graph.
void check_order(const OnnxGraph& graph);
/// Where ONNX Runtime's CPU provider has no kernel for a dtype, the node runs in another one between Casts.
bool cast_to_kernel_types(OnnxGraph& graph);

}  // namespace exformer::onnx
