#include "exformer/ops/index_walk.h"

#include "exformer/ops/host_copy.h"

namespace exformer {

HostTensor expanded(const HostTensor& tensor, const std::vector<int64_t>& sizes) {
  if (tensor.rank() > static_cast<int64_t>(sizes.size())) {
    // Leading dims of size 1 may go: values of sizes [1, 3] are written to a place of sizes [3].
    const size_t extra = tensor.sizes().size() - sizes.size();
    for (size_t i = 0; i < extra; ++i) {
      if (tensor.sizes()[i] != 1)
        fail("a tensor of rank {} cannot be broadcast to rank {}", tensor.rank(), sizes.size());
    }
    const auto cut = [&](const std::vector<int64_t>& list) {
      return std::vector<int64_t>(list.begin() + static_cast<std::ptrdiff_t>(extra), list.end());
    };
    return expanded(tensor.as_strided(cut(tensor.sizes()), cut(tensor.strides()), 0), sizes);
  }
  std::vector<int64_t> strides(sizes.size(), 0);
  const size_t offset = sizes.size() - tensor.sizes().size();
  for (size_t i = 0; i < tensor.sizes().size(); ++i) {
    const int64_t size = tensor.sizes()[i];
    if (size != 1 && size != sizes[offset + i]) fail("size {} cannot be broadcast to {}", size, sizes[offset + i]);
    if (size != 1) strides[offset + i] = tensor.strides()[i];
  }
  return tensor.as_strided(sizes, std::move(strides), 0);
}

HostTensor fresh_copy(const HostTensor& tensor, DType dtype) {
  if (tensor.dtype() != dtype) return tensor.to(dtype);
  HostTensor copy = HostTensor::empty(dtype, tensor.sizes());
  copy_elements(tensor, copy);
  return copy;
}

int64_t wrapped_index(int64_t index, int64_t size, std::string_view op) {
  if (index < -size || index >= size) fail("{}: index {} is outside a dimension of size {}", op, index, size);
  return index < 0 ? index + size : index;
}

}  // namespace exformer
