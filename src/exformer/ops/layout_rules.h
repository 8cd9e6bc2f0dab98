// Channels-last layouts: whether a meta lies so, and the strides of a result that keeps it.
#pragma once

#include <vector>

#include "exformer/ir/graph.h"

namespace exformer {

/// c10's is_channels_last_strides for 4-d ([N, C, H, W] in N, H, W, C order) and 5-d tensors; false for one that is
/// contiguous as well.
bool is_channels_last(const TensorMeta& meta);
/// Dense strides in N, (D,) H, W, C order for 4-d and 5-d sizes.
std::vector<SymInt> channels_last_strides(const std::vector<SymInt>& sizes);
/// Strides as suggest_memory_format gives them: channels last where `like` lies so, else contiguous.
std::vector<SymInt> strides_like(const TensorMeta& like, const std::vector<SymInt>& sizes);

}  // namespace exformer
