// A weight that is read when it is written: mapped bytes and the conversion to apply on the way, block by block.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "exformer/tensor/host_tensor.h"

namespace exformer {

/// Contiguous contents in `dtype()`, produced from a mapped source without holding more than a block in memory.
class LazyTensor {
 public:
  LazyTensor() = default;
  /// The source as it is (made contiguous if it is not).
  explicit LazyTensor(HostTensor source);
  /// The source cast to `dtype` while streaming.
  LazyTensor(HostTensor source, DType dtype);

  bool defined() const { return source_.defined(); }
  DType dtype() const { return dtype_; }
  const std::vector<int64_t>& sizes() const { return source_.sizes(); }
  uint64_t byte_size() const;
  /// The bytes themselves when no conversion is needed, for a write without a copy.
  std::optional<Bytes> direct_bytes() const;
  /// Calls `sink` with consecutive blocks that together are the contents. Meanwhile the next block is read and
  /// converted on a second thread, and shown to `scan` (a checksum) if there is one. No more than two blocks are in
  /// memory of this process at a time: pages of a mapped source are given back after each.
  void stream(const std::function<void(Bytes)>& sink, const std::function<void(Bytes)>& scan = {}) const;
  /// The contents in memory, aligned; no copy where direct_bytes() has a value at an aligned address.
  HostTensor materialize() const;
  /// Equal keys mean equal contents: one copy in the output.
  std::string storage_key() const;
  const HostTensor& source() const { return source_; }

 private:
  HostTensor source_;
  DType dtype_ = DType::Float32;
};

}  // namespace exformer
