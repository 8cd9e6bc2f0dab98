// Passes that bring a graph into the forms ONNX Runtime runs fastest (measured with 1.32 on the CPU).
#pragma once

#include "exformer/backends/onnx/onnx_graph.h"

namespace exformer::onnx {

/// x * cos + rotate_half(x) * sin -> RotaryEmbedding (opset 23), when cos and sin repeat themselves in their second half.
bool fuse_rotary_embedding(OnnxGraph& graph);
/// Attention over [batch, heads, length, width] whose operands were transposed to that form -> the same over [batch, length, heads * width], with
/// the cache's Concat as its past inputs and present outputs. RotaryEmbedding moves along.
bool remove_head_transposes(OnnxGraph& graph);
/// Gemm works on [rows, features]. Pointwise and last-dim operators after a Gemm do so too, so that rows are folded once per graph and not once
/// per linear layer.
bool keep_rows_folded(OnnxGraph& graph);
/// com.microsoft's QuickGelu, FusedMatMul and SkipSimplifiedLayerNormalization, for fewer nodes.
bool use_microsoft_operators(OnnxGraph& graph);

}  // namespace exformer::onnx
