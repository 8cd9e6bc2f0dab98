// Tensors of one repeated value, and the layout that an optional memory format asks for.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "exformer/ops/args.h"

namespace exformer {

/// A contiguous tensor whose elements all are `value`, converted to `dtype`.
HostTensor filled(DType dtype, const std::vector<int64_t>& sizes, const Scalar& value);
/// The same from the first element of `value`.
HostTensor filled_with(const HostTensor& value, const std::vector<int64_t>& sizes);

/// Strides of a copy of `self` in a memory format (absent: preserve). Throws ExportError where the format wants another
/// rank.
std::vector<SymInt> format_strides(const TensorMeta& self, std::optional<MemoryFormat> format, std::string_view op);

}  // namespace exformer
