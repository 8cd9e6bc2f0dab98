// Passes that bring a graph into the forms ONNX Runtime runs fastest (measured with 1.32 on the CPU).
#pragma once

#include "exformer/backends/onnx/onnx_graph.h"

namespace exformer::onnx {

/// x * cos + rotate_half(x) * sin -> RotaryEmbedding (opset 23), when cos and sin repeat themselves in their second
/// half.
bool fuse_rotary_embedding(OnnxGraph& graph);
/// Attention over [batch, heads, length, width] whose operands were transposed to that form -> the same over [batch,
/// length, heads * width], with the cache's Concat as its past inputs and present outputs. RotaryEmbedding moves along.
bool remove_head_transposes(OnnxGraph& graph);
/// Gemm works on [rows, features]. Pointwise and last-dim operators after a Gemm do so too, so that rows are folded
/// once per graph and not once per linear layer.
bool keep_rows_folded(OnnxGraph& graph);
/// com.microsoft's FusedMatMul: linear layers without a bias work on any rank, so that no rows need folding.
bool use_fused_matmul(OnnxGraph& graph);
/// Query, key and value projections of one input -> one FusedMatMul with the weights joined, and a Split.
bool join_projections(OnnxGraph& graph);
/// Head norms and rotary embedding of query and key, which lie side by side in a joined projection, run once for both.
bool join_heads(OnnxGraph& graph);
/// ONNX Runtime's Attention takes the lowest float of a mask for minus infinity and gives 0 for a row of nothing else,
/// torch the mean of all values: masks that may hold it hold half of it.
bool keep_closed_rows(OnnxGraph& graph);
/// com.microsoft's QuickGelu, SkipLayerNormalization and SkipSimplifiedLayerNormalization.
bool use_microsoft_activations(OnnxGraph& graph);

}  // namespace exformer::onnx
