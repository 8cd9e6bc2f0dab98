// What is rewritten before a graph is lowered, in the stages that transformers.exporters has: program fixes see the
// whole program, node fixes one node.
#pragma once

#include <string_view>
#include <vector>

#include "exformer/ir/program.h"

namespace exformer::executorch {

struct ProgramFix {
  std::string_view name;
  void (*apply)(ExportedProgram& program);
};
/// In order, before parts of the program are given to delegates.
const std::vector<ProgramFix>& program_fixes();
/// In order, on what is left for the runtime's kernels.
const std::vector<ProgramFix>& kernel_fixes();

struct NodeFix {
  std::string_view name;
  /// Rewrites the node, or replaces and erases it, and returns true; or leaves all as it is.
  bool (*apply)(Node* node);
};
/// The first one that applies wins. What none applies to and no kernel runs is decomposed as its op declares.
const std::vector<NodeFix>& node_fixes();

/// What reads the node reads `result` instead, and the node goes.
void replace(Node* node, Value* result);

/// Rewrites nodes until each one can be lowered or nothing is left to try.
void decompose(Graph& graph);

/// Attention as calls of `llama::custom_sdpa` (ExecuTorch's LLM extension) where that can compute it: float32, one mask
/// for all samples and heads.
void call_custom_attention(ExportedProgram& program);

/// Attention as products and a softmax; masks and their open rows are made once for all layers.
void decompose_attention(ExportedProgram& program);

/// A convolution whose windows do not overlap (patch embeddings) is one product over the patches.
bool fix_patch_convolution(Node* node);
/// A convolution over three dims is one over two, whose channels are those of all slices that it sees at once.
bool fix_volume_convolution(Node* node);
/// What a kernel would add up in 16 bits is computed in float32.
bool fix_sixteen_bits(Node* node);

}  // namespace exformer::executorch
