// A tensor seen as rows along some of its dims: what reductions, scans and sorts work on.
#pragma once

#include <vector>

#include "exformer/ops/dispatch.h"
#include "exformer/tensor/host_tensor.h"

namespace exformer {

/// Rows lie one after another in memory, in the dtype asked for; a copy is made only where the tensor does not lie so
/// already.
struct RowView {
  HostTensor rows;     // contiguous, `count` * `length` elements
  int64_t count = 0;   // number of rows
  int64_t length = 0;  // elements of one row
};

/// The dims of `list` counted from the front, ascending; an empty list stands for all. Throws ExportError for a dim
/// that is out of range or given twice.
std::vector<int64_t> reduced_dims(const std::vector<int64_t>& list, int64_t rank, std::string_view op);

/// The elements of each row run over `dims` (ascending), rows over the other dims, both in row-major order.
RowView rows_along(const HostTensor& tensor, const std::vector<int64_t>& dims, DType dtype);

/// The inverse for results that have rows of any length along one dim: `rows` is [other dims..., length] and becomes
/// contiguous with that last dim at `dim`.
HostTensor rows_to_dim(const HostTensor& rows, const std::vector<int64_t>& sizes, int64_t dim);

/// Sizes after a reduction over `dims`.
template <class Size>
std::vector<Size> reduced_sizes(const std::vector<Size>& sizes, const std::vector<int64_t>& dims, bool keepdim) {
  std::vector<Size> result;
  size_t next = 0;
  for (size_t dim = 0; dim < sizes.size(); ++dim) {
    const bool is_reduced = next < dims.size() && dims[next] == static_cast<int64_t>(dim);
    if (is_reduced) ++next;
    if (!is_reduced) result.push_back(sizes[dim]);
    if (is_reduced && keepdim) result.push_back(Size(1));
  }
  return result;
}

}  // namespace exformer
