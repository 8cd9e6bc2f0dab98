// Small exported programs made by hand, with ops declared here: what they hold does not depend on the op library.
#pragma once

#include "exformer/ir/program.h"
#include "exformer/ops/registry.h"

namespace exformer::testing {

/// Overloads that the samples use, by schema only.
const OpRegistry& sample_ops();

/// Every kind of input, argument and output once: tied parameters, a buffer that is not persistent, a lifted constant,
/// computed sizes, lists of tensors, several results, None and numbers as outputs. Inputs x [batch, seq, 4] and z [seq,
/// 3].
ExportedProgram kitchen_sink();

/// One dim that is only known doubled, [2*n, 3], and a size input `count`.
ExportedProgram derived_dims();

/// A causal model's outputs, logits and a cache of one layer, under transformers' own types.
ExportedProgram with_cache();

/// The values of these two weights, for checks by hand.
std::vector<float> sample_values(size_t count);

}  // namespace exformer::testing
