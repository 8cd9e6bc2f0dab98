// How a tensor lies in memory.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "exformer/ir/graph.h"

namespace exformer {

/// The dims from the outermost to the innermost in memory; nothing where elements overlap or leave gaps.
std::optional<std::vector<int64_t>> storage_order(const TensorMeta& meta);

}  // namespace exformer
