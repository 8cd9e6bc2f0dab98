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
  const size_t from = item_size(source_.dtype());
  const size_t to = item_size(dtype_);
  const bool converts = source_.dtype() != dtype_;
  const auto count = static_cast<size_t>(source_.element_count());
  const size_t block_count = std::max<size_t>(block / to, 1);
  std::vector<std::byte> buffer(converts ? std::min(block_count, count) * to : 0);
  for (size_t at = 0; at < count; at += block_count) {
    const size_t elements = std::min(block_count, count - at);
    const Bytes read(source_.raw() + at * from, elements * from);
    if (converts) {
      convert_elements(source_.dtype(), read.data(), dtype_, buffer.data(), elements);
      sink(Bytes(buffer.data(), elements * to));
    } else {
      sink(read);
    }
    if (source_.mapping()) source_.mapping()->release_pages(read);
  }
}

HostTensor LazyTensor::materialize() const { return source_.to(dtype_).aligned(); }

std::string LazyTensor::storage_key() const {
  return fmt::format("{}:{}:{}:{}", static_cast<const void*>(source_.raw()), source_.byte_size(),
                     dtype_name(source_.dtype()), dtype_name(dtype_));
}

}  // namespace exformer
