#include "exformer/ops/storage_order.h"

#include <algorithm>
#include <numeric>

namespace exformer {

std::optional<std::vector<int64_t>> storage_order(const TensorMeta& meta) {
  std::vector<int64_t> left(meta.sizes.size()), order;
  std::iota(left.begin(), left.end(), 0);
  SymInt stride(1);
  while (!left.empty()) {
    const auto next = std::find_if(left.rbegin(), left.rend(), [&](int64_t dim) {
      const auto i = static_cast<size_t>(dim);
      return meta.sizes[i] == SymInt(1) || known_equal(meta.strides[i], stride);
    });
    if (next == left.rend()) return std::nullopt;
    stride = stride * meta.sizes[static_cast<size_t>(*next)];
    order.push_back(*next);
    left.erase(std::next(next).base());
  }
  std::reverse(order.begin(), order.end());
  return order;
}

}  // namespace exformer
