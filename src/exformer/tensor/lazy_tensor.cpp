#include "exformer/tensor/lazy_tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <semaphore>
#include <thread>

namespace exformer {
namespace {

constexpr size_t kBlock = size_t{512} << 10;  // bytes; two of them fit the second-level cache
constexpr size_t kAhead = 2;                  // blocks that are prepared or in use at a time
constexpr size_t kWorthAThread = 4;           // blocks

/// Calls prepare(i) and then use(i) for each i in order. Where there are many, prepare runs on a second thread, so that
/// kAhead of them are prepared or in use at a time. Neither prepare nor its thread outlives the call, also when use
/// throws.
template <class Prepare, class Use>
void for_each_prepared(size_t count, const Prepare& prepare, const Use& use) {
  if (count < kWorthAThread) {
    for (size_t i = 0; i < count; ++i) {
      prepare(i);
      use(i);
    }
    return;
  }
  std::counting_semaphore<> room(kAhead), prepared(0);
  std::atomic<bool> stops = false;
  std::jthread worker([&] {
    for (size_t i = 0; i < count; ++i) {
      room.acquire();
      if (stops) return;
      prepare(i);
      prepared.release();
    }
  });
  const struct Stop {  // before the thread is joined
    std::atomic<bool>& stops;
    std::counting_semaphore<>& room;
    ~Stop() {
      stops = true;
      room.release();
    }
  } stop{stops, room};
  for (size_t i = 0; i < count; ++i) {
    prepared.acquire();
    use(i);
    room.release();
  }
}

}  // namespace

LazyTensor::LazyTensor(HostTensor source) : source_(source.contiguous()), dtype_(source_.dtype()) {}
LazyTensor::LazyTensor(HostTensor source, DType dtype) : source_(source.contiguous()), dtype_(dtype) {}

uint64_t LazyTensor::byte_size() const { return static_cast<uint64_t>(source_.element_count()) * item_size(dtype_); }

std::optional<Bytes> LazyTensor::direct_bytes() const {
  return source_.dtype() == dtype_ ? std::optional<Bytes>(source_.bytes()) : std::nullopt;
}

void LazyTensor::stream(const std::function<void(Bytes)>& sink, const std::function<void(Bytes)>& scan) const {
  const size_t from = item_size(source_.dtype());
  const size_t to = item_size(dtype_);
  const bool converts = source_.dtype() != dtype_;
  const auto count = static_cast<size_t>(source_.element_count());
  const size_t block_count = kBlock / to;
  // Kept from stream to stream: the faults of fresh pages would cost as much as the conversion.
  thread_local std::vector<std::byte> spare;
  std::vector<std::byte> converted = std::move(spare);
  if (converts && converted.empty()) converted.resize(kAhead * kBlock);
  const auto elements_of = [&](size_t index) { return std::min(block_count, count - index * block_count); };
  const auto source_of = [&](size_t index) {
    return Bytes(source_.raw() + index * block_count * from, elements_of(index) * from);
  };
  const auto contents_of = [&](size_t index) {
    if (!converts) return source_of(index);
    return Bytes(converted).subspan(index % kAhead * kBlock, elements_of(index) * to);
  };
  const auto prepare = [&](size_t index) {
    if (source_.mapping()) source_.mapping()->populate_pages(source_of(index));
    if (converts)
      convert_elements(source_.dtype(), source_of(index).data(), dtype_, &converted[index % kAhead * kBlock],
                       elements_of(index));
    if (scan) scan(contents_of(index));
  };
  for_each_prepared((count + block_count - 1) / block_count, prepare, [&](size_t index) {
    sink(contents_of(index));
    if (source_.mapping()) source_.mapping()->release_pages(source_of(index));
  });
  spare = std::move(converted);
}

HostTensor LazyTensor::materialize() const { return source_.to(dtype_).aligned(); }

std::string LazyTensor::storage_key() const {
  return fmt::format("{}:{}:{}:{}", static_cast<const void*>(source_.raw()), source_.byte_size(),
                     dtype_name(source_.dtype()), dtype_name(dtype_));
}

}  // namespace exformer
