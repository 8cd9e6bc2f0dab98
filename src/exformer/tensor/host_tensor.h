// A concrete tensor in this process's memory: a typed, strided window on shared bytes (owned or mapped).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "exformer/base/dtype.h"
#include "exformer/base/error.h"
#include "exformer/base/file.h"

namespace exformer {

/// Row-major strides, in elements, as Tensor.contiguous() has them (a size of 0 counts as 1).
std::vector<int64_t> contiguous_strides(const std::vector<int64_t>& sizes);
/// Throws ExportError when the product does not fit 63 bits.
int64_t element_count(const std::vector<int64_t>& sizes);

/// Copies share the bytes. A default-made one is undefined (torch's None tensor).
class HostTensor {
 public:
  HostTensor() = default;
  /// Fresh zero-initialised memory, contiguous.
  static HostTensor zeros(DType dtype, std::vector<int64_t> sizes);
  /// Fresh uninitialised memory, contiguous, aligned to 64 bytes.
  static HostTensor empty(DType dtype, std::vector<int64_t> sizes);
  /// Fresh uninitialised memory with the given strides.
  static HostTensor empty_strided(DType dtype, std::vector<int64_t> sizes, std::vector<int64_t> strides);
  /// A contiguous window on bytes that `owner` keeps alive; no copy. Read-only by convention.
  static HostTensor view_of(DType dtype, std::vector<int64_t> sizes, Bytes bytes, std::shared_ptr<const void> owner);
  /// The same on a mapped file, whose pages LazyTensor::stream gives back once they are used.
  static HostTensor view_of(DType dtype, std::vector<int64_t> sizes, Bytes bytes,
                            std::shared_ptr<const MappedFile> file);
  template <class T>
  static HostTensor from(DType dtype, std::vector<int64_t> sizes, const std::vector<T>& values);
  /// A 0-d tensor.
  static HostTensor scalar(DType dtype, double value);
  static HostTensor scalar_int(DType dtype, int64_t value);

  bool defined() const { return base_ != nullptr || owner_ != nullptr || defined_; }
  DType dtype() const { return dtype_; }
  const std::vector<int64_t>& sizes() const { return sizes_; }
  const std::vector<int64_t>& strides() const { return strides_; }
  int64_t size(int64_t dim) const { return sizes_[dim < 0 ? dim + rank() : dim]; }
  int64_t rank() const { return static_cast<int64_t>(sizes_.size()); }
  int64_t element_count() const { return exformer::element_count(sizes_); }
  size_t byte_size() const { return static_cast<size_t>(element_count()) * item_size(dtype_); }
  bool is_contiguous() const;

  /// The first element; strides count from here. T must fit the dtype's size.
  template <class T>
  T* data() {
    return reinterpret_cast<T*>(base_);
  }
  template <class T>
  const T* data() const {
    return reinterpret_cast<const T*>(base_);
  }
  std::byte* raw() { return base_; }
  const std::byte* raw() const { return base_; }
  /// The bytes of a contiguous tensor.
  Bytes bytes() const { return {base_, byte_size()}; }
  /// Same bytes, other geometry; `offset` is in elements from this tensor's first element.
  HostTensor as_strided(std::vector<int64_t> sizes, std::vector<int64_t> strides, int64_t offset) const;
  /// Same contiguous bytes, other sizes with the same number of elements.
  HostTensor reshaped(std::vector<int64_t> sizes) const;
  /// This tensor if contiguous, else a contiguous copy (aligned).
  HostTensor contiguous() const;
  /// True when typed access is allowed. Only a view of file contents can be unaligned.
  bool is_aligned() const;
  /// This tensor if aligned, else an aligned contiguous copy.
  HostTensor aligned() const;
  /// A contiguous copy in another dtype (or this, when nothing changes).
  HostTensor to(DType dtype) const;
  /// Element `index` of the row-major order, as double or int64.
  double item_double(int64_t index = 0) const;
  int64_t item_int(int64_t index = 0) const;
  /// True when both start at the same byte and have the same geometry and dtype: tied weights.
  bool is_same_storage(const HostTensor& other) const;
  const std::shared_ptr<const void>& owner() const { return owner_; }
  /// The mapped file that the bytes belong to, if they do.
  const MappedFile* mapping() const { return mapping_; }

 private:
  DType dtype_ = DType::Float32;
  std::vector<int64_t> sizes_;
  std::vector<int64_t> strides_;
  std::byte* base_ = nullptr;
  std::shared_ptr<const void> owner_;
  const MappedFile* mapping_ = nullptr;  // kept by owner_
  bool defined_ = false;
};

template <class T>
HostTensor HostTensor::from(DType dtype, std::vector<int64_t> sizes, const std::vector<T>& values) {
  HostTensor result = empty(dtype, std::move(sizes));
  EXFORMER_ASSERT(static_cast<size_t>(result.element_count()) == values.size());
  EXFORMER_ASSERT(item_size(dtype) == sizeof(T));
  std::copy(values.begin(), values.end(), result.data<T>());
  return result;
}

}  // namespace exformer
