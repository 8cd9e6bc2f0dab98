// Helpers of kernels that read or write single elements: offsets in row-major order, broadcast windows, checked
// indices.
#pragma once

#include <string_view>
#include <vector>

#include "exformer/ops/elementwise.h"

namespace exformer {

/// Calls visit(i, offset) for each element of the row-major order, `offset` by `strides`.
template <class F>
void walk_offsets(const std::vector<int64_t>& sizes, const std::vector<int64_t>& strides, const F& visit) {
  const int64_t total = element_count(sizes);
  if (total == 0) return;
  if (sizes.empty()) return visit(int64_t{0}, int64_t{0});
  const size_t inner = sizes.size() - 1;
  std::vector<int64_t> position(sizes.size(), 0);
  int64_t base = 0;
  for (int64_t i = 0; i < total;) {
    for (int64_t column = 0; column < sizes[inner]; ++column, ++i) visit(i, base + column * strides[inner]);
    for (size_t dim = inner; dim-- > 0;) {
      base += strides[dim];
      if (++position[dim] < sizes[dim]) break;
      base -= strides[dim] * sizes[dim];
      position[dim] = 0;
    }
  }
}

/// A window of `sizes` that repeats the tensor where it has fewer dims or size 1; the sizes must be ones that it
/// broadcasts to.
HostTensor expanded(const HostTensor& tensor, const std::vector<int64_t>& sizes);
/// A contiguous copy in memory of its own.
HostTensor fresh_copy(const HostTensor& tensor, DType dtype);

/// An index counted from the front; throws ExportError when outside [-size, size).
int64_t wrapped_index(int64_t index, int64_t size, std::string_view op);

}  // namespace exformer
