#include "exformer/tensor/same_bytes.h"

#include <algorithm>
#include <cstring>

#include "exformer/base/file.h"

namespace exformer {

bool has_same_bytes(const HostTensor& a, const HostTensor& b) {
  constexpr size_t kBlock = size_t{4} << 20;
  if (a.dtype() != b.dtype() || a.sizes() != b.sizes() || !a.is_contiguous() || !b.is_contiguous()) return false;
  if (a.raw() == b.raw()) return true;
  for (size_t start = 0; start < a.byte_size(); start += kBlock) {
    const size_t size = std::min(kBlock, a.byte_size() - start);
    const Bytes left = a.bytes().subspan(start, size), right = b.bytes().subspan(start, size);
    if (std::memcmp(left.data(), right.data(), size) != 0) return false;
    if (a.mapping()) a.mapping()->release_pages(left);
    if (b.mapping()) b.mapping()->release_pages(right);
  }
  return true;
}

}  // namespace exformer
