// Spelled-out GELU -> aten::gelu.
#pragma once

#include <vector>

#include "exformer/passes/rewrite.h"

namespace exformer {

/// transformers' NewGELUActivation, FastGELUActivation (both the tanh form) and GELUActivation with use_gelu_python
/// (the erf form).
const std::vector<Rewrite>& fuse_gelu();

}  // namespace exformer
