#include "exformer/tensor/lazy_tensor.h"

#include <fmt/format.h>

#include <algorithm>

namespace exformer {

LazyTensor::LazyTensor(HostTensor source) : source_(source.contiguous()), dtype_(source_.dtype()) {}
LazyTensor::LazyTensor(HostTensor source, DType dtype) : source_(source.contiguous()), dtype_(dtype) {}

uint64_t LazyTensor::byte_size() const { return static_cast<uint64_t>(source_.element_count()) * item_size(dtype_); }

std::optional<Bytes> LazyTensor::direct_bytes() const {
  return source_.dtype() == dtype_ ? std::optional<Bytes>(source_.bytes()) : std::nullopt;
}

void LazyTensor::stream(const std::function<void(Bytes)>& sink, size_t block) const {
  if (const auto bytes = direct_bytes()) {
    for (size_t at = 0; at < bytes->size(); at += block) sink(bytes->subspan(at, std::min(block, bytes->size() - at)));
    return;
  }
  const size_t from = item_size(source_.dtype());
  const size_t to = item_size(dtype_);
  const size_t block_count = std::max<size_t>(block / std::max(from, to), 1);
  const auto count = static_cast<size_t>(source_.element_count());
  std::vector<std::byte> buffer(std::min(block_count, count) * to);
  for (size_t at = 0; at < count; at += block_count) {
    const size_t elements = std::min(block_count, count - at);
    convert_elements(source_.dtype(), source_.raw() + at * from, dtype_, buffer.data(), elements);
    sink(Bytes(buffer.data(), elements * to));
  }
}

HostTensor LazyTensor::materialize() const { return source_.to(dtype_); }

std::string LazyTensor::storage_key() const {
  return fmt::format("{}:{}:{}", static_cast<const void*>(source_.raw()), source_.byte_size(), dtype_name(dtype_));
}

}  // namespace exformer
