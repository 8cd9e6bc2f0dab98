#include "exformer/tensor/host_tensor.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace exformer {
namespace {

std::shared_ptr<std::byte> allocate(size_t size) {
  constexpr size_t kAlignment = 64;
  constexpr size_t kLargest = size_t{1} << 47;  // what a process can address
  if (size > kLargest) fail("out of memory: a tensor of {} bytes cannot be allocated", size);
  void* memory = std::aligned_alloc(kAlignment, (std::max<size_t>(size, 1) + kAlignment - 1) / kAlignment * kAlignment);
  if (!memory) fail("out of memory: {} bytes could not be allocated", size);
  return {static_cast<std::byte*>(memory), std::free};
}

/// Elements from the first to the last one that strides reach, plus one.
int64_t span_of(const std::vector<int64_t>& sizes, const std::vector<int64_t>& strides) {
  int64_t last = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0) return 0;
    last += (sizes[i] - 1) * strides[i];
  }
  return last + 1;
}

/// Calls copy(target element index, source element offset, count) for each run of the innermost dim.
template <class Copy>
void for_each_row(const std::vector<int64_t>& sizes, const std::vector<int64_t>& strides, Copy&& copy) {
  const int64_t count = element_count(sizes);
  if (count == 0) return;
  if (sizes.empty()) return copy(0, 0, 1, 1);
  const size_t inner = sizes.size() - 1;
  std::vector<int64_t> index(sizes.size(), 0);
  int64_t offset = 0;
  for (int64_t at = 0; at < count; at += sizes[inner]) {
    copy(at, offset, sizes[inner], strides[inner]);
    for (size_t dim = inner; dim-- > 0;) {
      offset += strides[dim];
      if (++index[dim] < sizes[dim]) break;
      offset -= strides[dim] * sizes[dim];
      index[dim] = 0;
    }
  }
}

}  // namespace

std::vector<int64_t> contiguous_strides(const std::vector<int64_t>& sizes) {
  std::vector<int64_t> strides(sizes.size());
  int64_t stride = 1;
  for (size_t i = sizes.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= std::max<int64_t>(sizes[i], 1);
  }
  return strides;
}

int64_t element_count(const std::vector<int64_t>& sizes) {
  int64_t count = 1;
  bool overflow = false;
  for (const int64_t size : sizes) {
    if (size == 0) return 0;
    overflow = __builtin_mul_overflow(count, size, &count) || overflow;
  }
  if (overflow) fail("a tensor of sizes [{}] has too many elements", fmt::join(sizes, ", "));
  return count;
}

HostTensor HostTensor::empty_strided(DType dtype, std::vector<int64_t> sizes, std::vector<int64_t> strides) {
  HostTensor tensor;
  const auto memory = allocate(static_cast<size_t>(span_of(sizes, strides)) * item_size(dtype));
  tensor.dtype_ = dtype;
  tensor.sizes_ = std::move(sizes);
  tensor.strides_ = std::move(strides);
  tensor.base_ = memory.get();
  tensor.owner_ = memory;
  tensor.defined_ = true;
  return tensor;
}

HostTensor HostTensor::empty(DType dtype, std::vector<int64_t> sizes) {
  auto strides = contiguous_strides(sizes);
  return empty_strided(dtype, std::move(sizes), std::move(strides));
}

HostTensor HostTensor::zeros(DType dtype, std::vector<int64_t> sizes) {
  HostTensor tensor = empty(dtype, std::move(sizes));
  std::memset(tensor.base_, 0, tensor.byte_size());
  return tensor;
}

HostTensor HostTensor::view_of(DType dtype, std::vector<int64_t> sizes, Bytes bytes,
                               std::shared_ptr<const void> owner) {
  HostTensor tensor;
  tensor.dtype_ = dtype;
  tensor.strides_ = contiguous_strides(sizes);
  tensor.sizes_ = std::move(sizes);
  EXFORMER_ASSERT(tensor.byte_size() <= bytes.size());
  tensor.base_ = const_cast<std::byte*>(bytes.data());
  tensor.owner_ = std::move(owner);
  tensor.defined_ = true;
  return tensor;
}

HostTensor HostTensor::view_of(DType dtype, std::vector<int64_t> sizes, Bytes bytes,
                               std::shared_ptr<const MappedFile> file) {
  const MappedFile* mapping = file.get();
  HostTensor tensor = view_of(dtype, std::move(sizes), bytes, std::shared_ptr<const void>(std::move(file)));
  tensor.mapping_ = mapping;
  return tensor;
}

HostTensor HostTensor::scalar(DType dtype, double value) {
  HostTensor tensor = empty(dtype, {});
  convert_elements(DType::Float64, &value, dtype, tensor.base_, 1);
  return tensor;
}

HostTensor HostTensor::scalar_int(DType dtype, int64_t value) {
  HostTensor tensor = empty(dtype, {});
  convert_elements(DType::Int64, &value, dtype, tensor.base_, 1);
  return tensor;
}

bool HostTensor::is_contiguous() const {
  if (std::find(sizes_.begin(), sizes_.end(), 0) != sizes_.end()) return true;
  int64_t expected = 1;
  for (size_t i = sizes_.size(); i-- > 0;) {
    if (sizes_[i] != 1 && strides_[i] != expected) return false;
    expected *= sizes_[i];
  }
  return true;
}

HostTensor HostTensor::as_strided(std::vector<int64_t> sizes, std::vector<int64_t> strides, int64_t offset) const {
  HostTensor tensor = *this;
  tensor.sizes_ = std::move(sizes);
  tensor.strides_ = std::move(strides);
  tensor.base_ = base_ + offset * static_cast<int64_t>(item_size(dtype_));
  return tensor;
}

HostTensor HostTensor::reshaped(std::vector<int64_t> sizes) const {
  EXFORMER_ASSERT(is_contiguous() && exformer::element_count(sizes) == element_count());
  auto strides = contiguous_strides(sizes);
  return as_strided(std::move(sizes), std::move(strides), 0);
}

HostTensor HostTensor::contiguous() const {
  if (is_contiguous()) return *this;
  HostTensor result = empty(dtype_, sizes_);
  const size_t item = item_size(dtype_);
  for_each_row(sizes_, strides_, [&](int64_t at, int64_t offset, int64_t count, int64_t stride) {
    std::byte* target = result.base_ + at * static_cast<int64_t>(item);
    const std::byte* source = base_ + offset * static_cast<int64_t>(item);
    if (stride == 1) {
      std::memcpy(target, source, static_cast<size_t>(count) * item);
      return;
    }
    const auto step = static_cast<int64_t>(item);
    for (int64_t i = 0; i < count; ++i) std::memcpy(target + i * step, source + i * stride * step, item);
  });
  return result;
}

bool HostTensor::is_aligned() const {
  const size_t alignment = is_complex(dtype_) ? item_size(dtype_) / 2 : item_size(dtype_);
  return reinterpret_cast<uintptr_t>(base_) % alignment == 0;
}

HostTensor HostTensor::aligned() const {
  if (is_aligned()) return *this;
  const HostTensor source = contiguous();
  if (source.is_aligned()) return source;
  HostTensor result = empty(dtype_, sizes_);
  std::memcpy(result.base_, source.base_, byte_size());
  return result;
}

HostTensor HostTensor::to(DType dtype) const {
  if (dtype == dtype_) return *this;
  const HostTensor source = contiguous();
  HostTensor result = empty(dtype, sizes_);
  convert_elements(dtype_, source.base_, dtype, result.base_, static_cast<size_t>(element_count()));
  return result;
}

namespace {

int64_t offset_of(const HostTensor& tensor, int64_t index) {
  int64_t offset = 0;
  for (size_t i = tensor.sizes().size(); i-- > 0;) {
    offset += index % tensor.sizes()[i] * tensor.strides()[i];
    index /= tensor.sizes()[i];
  }
  return offset;
}

}  // namespace

double HostTensor::item_double(int64_t index) const {
  double value = 0.0;
  convert_elements(dtype_, base_ + offset_of(*this, index) * static_cast<int64_t>(item_size(dtype_)), DType::Float64,
                   &value, 1);
  return value;
}

int64_t HostTensor::item_int(int64_t index) const {
  int64_t value = 0;
  convert_elements(dtype_, base_ + offset_of(*this, index) * static_cast<int64_t>(item_size(dtype_)), DType::Int64,
                   &value, 1);
  return value;
}

bool HostTensor::is_same_storage(const HostTensor& other) const {
  return base_ == other.base_ && dtype_ == other.dtype_ && sizes_ == other.sizes_ && strides_ == other.strides_;
}

}  // namespace exformer
