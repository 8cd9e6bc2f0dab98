#include "exformer/ops/row_view.h"

#include <algorithm>

#include "exformer/ops/host_copy.h"
#include "exformer/ops/shape_rules.h"

namespace exformer {

std::vector<int64_t> reduced_dims(const std::vector<int64_t>& list, int64_t rank, std::string_view op) {
  std::vector<int64_t> dims;
  if (list.empty()) {
    for (int64_t dim = 0; dim < rank; ++dim) dims.push_back(dim);
    return dims;
  }
  for (const int64_t dim : list) dims.push_back(wrap_dim(dim, rank, op));
  std::sort(dims.begin(), dims.end());
  const auto twice = std::adjacent_find(dims.begin(), dims.end());
  if (twice != dims.end()) fail("{}: dimension {} is given twice", op, *twice);
  if (rank == 0) dims.clear();
  return dims;
}

RowView rows_along(const HostTensor& tensor, const std::vector<int64_t>& dims, DType dtype) {
  std::vector<int64_t> sizes, strides;
  RowView view;
  view.count = 1;
  view.length = 1;
  for (const bool takes_reduced : {false, true}) {
    for (int64_t dim = 0; dim < tensor.rank(); ++dim) {
      const bool is_reduced = std::binary_search(dims.begin(), dims.end(), dim);
      if (is_reduced != takes_reduced) continue;
      sizes.push_back(tensor.sizes()[dim]);
      strides.push_back(tensor.strides()[dim]);
      (is_reduced ? view.length : view.count) *= tensor.sizes()[dim];
    }
  }
  const HostTensor permuted = tensor.as_strided(sizes, strides, 0);
  if (permuted.is_contiguous()) {
    view.rows = permuted.to(dtype);
  } else {
    HostTensor copy = HostTensor::empty(tensor.dtype(), sizes);
    copy_elements(permuted, copy);
    view.rows = copy.to(dtype);
  }
  return view;
}

HostTensor rows_to_dim(const HostTensor& rows, const std::vector<int64_t>& sizes, int64_t dim) {
  if (sizes.empty() || dim == static_cast<int64_t>(sizes.size()) - 1) return rows.reshaped(sizes);
  std::vector<int64_t> moved = sizes;
  moved.erase(moved.begin() + dim);
  moved.push_back(sizes[dim]);
  std::vector<int64_t> strides = contiguous_strides(moved);
  const int64_t last = strides.back();
  strides.pop_back();
  strides.insert(strides.begin() + dim, last);
  HostTensor result = HostTensor::empty(rows.dtype(), sizes);
  copy_elements(rows.as_strided(sizes, strides, 0), result);
  return result;
}

}  // namespace exformer
