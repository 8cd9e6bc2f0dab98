// Binds a checkpoint's tensors to a model's parameters: prefixes, renames, ties, and an account of what is missing or
// left over.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "exformer/checkpoint/checkpoint.h"
#include "exformer/models/family.h"
#include "exformer/tensor/lazy_tensor.h"

namespace exformer {

struct BindOptions {
  DType dtype = DType::Float32;  // what floating weights are cast to while streaming
  bool ties_word_embeddings = false;
  bool allow_missing = false;  // parameters without data become zeros
  bool allow_surplus = false;  // tensors that no parameter wants are left out
};

/// Data for every parameter, by its name. Tied ones share their storage as they do in transformers: one tensor of the
/// file does for both, and two that differ stay two. Throws ExportError listing every parameter without data, every
/// tensor of another shape, and every tensor that nothing wants (but for those the family calls ignorable).
std::map<std::string, LazyTensor> bind_weights(const Checkpoint& checkpoint, const ModelFamily& family,
                                               const Architecture& architecture,
                                               const std::vector<ParameterDeclaration>& parameters,
                                               const BindOptions& options);

/// What does not fit, in full and without an error: for tools that describe a checkpoint.
struct WeightAccount {
  std::vector<std::string> missing;            // parameters without data
  std::vector<std::string> misshaped;          // tensors of another shape, with both shapes
  std::vector<std::string> surplus;            // tensors that nothing wants
  std::vector<std::string> ignored;            // tensors that nothing wants and the family calls ignorable
  std::map<std::string, std::string> sources;  // the tensor that each parameter takes
};
WeightAccount account_for_weights(const Checkpoint& checkpoint, const ModelFamily& family,
                                  const Architecture& architecture, const std::vector<ParameterDeclaration>& parameters,
                                  const BindOptions& options);

}  // namespace exformer
