#include "exformer/ops/host_copy.h"

#include <cstring>

namespace exformer {
namespace {

/// Dims merged where both windows step through them as through one; innermost last, sizes of 1 left out.
struct Plan {
  std::vector<int64_t> sizes, from, to;
};

Plan merge_dims(const HostTensor& source, const HostTensor& target) {
  Plan plan;
  for (int64_t dim = 0; dim < source.rank(); ++dim) {
    const int64_t size = source.sizes()[dim];
    if (size == 1) continue;
    const int64_t from = source.strides()[dim];
    const int64_t to = target.strides()[dim];
    if (!plan.sizes.empty() && plan.from.back() == from * size && plan.to.back() == to * size) {
      plan.sizes.back() *= size;
      plan.from.back() = from;
      plan.to.back() = to;
    } else {
      plan.sizes.push_back(size);
      plan.from.push_back(from);
      plan.to.push_back(to);
    }
  }
  if (plan.sizes.empty()) plan = {{1}, {1}, {1}};
  return plan;
}

template <class T>
void copy_plan(const Plan& plan, const T* source, T* target) {
  const size_t inner = plan.sizes.size() - 1;
  const int64_t length = plan.sizes[inner];
  const int64_t step_from = plan.from[inner];
  const int64_t step_to = plan.to[inner];
  int64_t rows = 1;
  for (size_t i = 0; i < inner; ++i) rows *= plan.sizes[i];
#pragma omp parallel for if (rows > 1 && rows * length > 65536)
  for (int64_t row = 0; row < rows; ++row) {
    const T* from = source;
    T* to = target;
    int64_t rest = row;
    for (size_t i = inner; i-- > 0;) {
      const int64_t index = rest % plan.sizes[i];
      rest /= plan.sizes[i];
      from += index * plan.from[i];
      to += index * plan.to[i];
    }
    if (step_from == 1 && step_to == 1) {
      std::memcpy(to, from, static_cast<size_t>(length) * sizeof(T));
    } else {
      for (int64_t i = 0; i < length; ++i) to[i * step_to] = from[i * step_from];
    }
  }
}

struct Wide {
  uint64_t low, high;
};

}  // namespace

void copy_elements(const HostTensor& source, HostTensor target) {
  EXFORMER_ASSERT(source.sizes() == target.sizes() && source.dtype() == target.dtype());
  if (source.element_count() == 0) return;
  const Plan plan = merge_dims(source, target);
  switch (item_size(source.dtype())) {
    case 1: return copy_plan(plan, source.data<uint8_t>(), target.data<uint8_t>());
    case 2: return copy_plan(plan, source.data<uint16_t>(), target.data<uint16_t>());
    case 4: return copy_plan(plan, source.data<uint32_t>(), target.data<uint32_t>());
    case 8: return copy_plan(plan, source.data<uint64_t>(), target.data<uint64_t>());
    default: return copy_plan(plan, source.data<Wide>(), target.data<Wide>());
  }
}

}  // namespace exformer
