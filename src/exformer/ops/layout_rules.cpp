#include "exformer/ops/layout_rules.h"

namespace exformer {

bool is_channels_last(const TensorMeta& meta) {
  const int64_t rank = meta.rank();
  if (rank != 4 && rank != 5) return false;
  // Follows is_channels_last_strides_2d_s4 and _3d_s5: strides may have gaps; ties and 0 strides decide as there.
  SymInt least = 0;
  if (meta.strides[1] == SymInt(0)) return false;
  std::vector<int64_t> order{1};
  for (int64_t dim = rank - 1; dim >= 2; --dim) order.push_back(dim);
  order.push_back(0);
  for (const int64_t dim : order) {
    if (meta.sizes[dim] == SymInt(0)) return false;
    if (less(meta.strides[dim], least) != Truth::No) return false;
    if (dim == 0 && least == meta.strides[1]) return false;  // N11 and 1C11 tensors count as contiguous
    least = meta.strides[dim];
    if (less(SymInt(1), meta.sizes[dim]) == Truth::Yes || !meta.sizes[dim].is_constant())
      least = least * meta.sizes[dim];
  }
  return true;
}

std::vector<SymInt> channels_last_strides(const std::vector<SymInt>& sizes) {
  const size_t rank = sizes.size();
  std::vector<SymInt> strides(rank);
  strides[1] = 1;
  SymInt step = sizes[1];
  for (size_t dim = rank - 1; dim >= 2; --dim) {
    strides[dim] = step;
    step = step * sizes[dim];
  }
  strides[0] = step;
  return strides;
}

std::vector<SymInt> strides_like(const TensorMeta& like, const std::vector<SymInt>& sizes) {
  const bool fits = sizes.size() == like.sizes.size() && is_channels_last(like);
  return fits ? channels_last_strides(sizes) : contiguous_strides(sizes);
}

}  // namespace exformer
