// The spelled-out RMSNorm of transformers -> aten::rms_norm.
#pragma once

#include <vector>

#include "exformer/passes/rewrite.h"

namespace exformer {

/// Each for one spelling (matches LlamaRMSNorm.forward and its kin): computed in float32 or in the input's dtype, the
/// weight multiplied in after the cast back or before.
const std::vector<Rewrite>& fuse_rms_norm();

}  // namespace exformer
