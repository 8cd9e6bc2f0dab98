#include "exformer/ops/elementwise.h"

#include <algorithm>
#include <cstring>

namespace exformer {

DType arithmetic_dtype(DType dtype, std::string_view op) {
  switch (dtype) {
    case DType::Float32:
    case DType::Float16:
    case DType::BFloat16: return DType::Float32;
    case DType::Float64: return DType::Float64;
    case DType::Float8E4M3FN:
    case DType::Float8E5M2:
    case DType::Complex64:
    case DType::Complex128: unsupported("{}: not supported for {}", op, dtype_name(dtype));
    default: return DType::Int64;
  }
}

std::vector<int64_t> broadcast_host_sizes(std::span<const HostTensor> inputs) {
  std::vector<int64_t> sizes;
  for (const HostTensor& input : inputs) {
    if (input.rank() > static_cast<int64_t>(sizes.size()))
      sizes.insert(sizes.begin(), input.sizes().size() - sizes.size(), 1);
    const size_t offset = sizes.size() - input.sizes().size();
    for (size_t i = 0; i < input.sizes().size(); ++i) {
      int64_t& size = sizes[offset + i];
      const int64_t other = input.sizes()[i];
      if (size == other || other == 1) continue;
      if (size != 1) fail("sizes {} and {} cannot be broadcast", size, other);
      size = other;
    }
  }
  return sizes;
}

namespace {

constexpr int64_t kBlock = 1024;
/// Rows shorter than this are gathered several at a time.
constexpr int64_t kShortRow = 64;
constexpr int64_t kParallel = 65536;
constexpr size_t kWidest = 16;

/// The iteration space with dims merged where every input steps through them as through one.
struct Plan {
  std::vector<int64_t> sizes;                 // outermost first, at least one
  std::vector<std::vector<int64_t>> strides;  // per input, in elements
};

Plan make_plan(std::span<const BlockInput> inputs, const std::vector<int64_t>& sizes) {
  Plan plan;
  plan.strides.resize(inputs.size());
  for (size_t dim = 0; dim < sizes.size(); ++dim) {
    if (sizes[dim] == 1) continue;
    std::vector<int64_t> steps;
    for (const BlockInput& input : inputs) {
      const int64_t own = static_cast<int64_t>(dim) - (static_cast<int64_t>(sizes.size()) - input.tensor.rank());
      steps.push_back(own < 0 || input.tensor.sizes()[own] == 1 ? 0 : input.tensor.strides()[own]);
    }
    bool merges = !plan.sizes.empty();
    for (size_t i = 0; i < inputs.size() && merges; ++i) merges = plan.strides[i].back() == steps[i] * sizes[dim];
    if (merges) {
      plan.sizes.back() *= sizes[dim];
      for (size_t i = 0; i < inputs.size(); ++i) plan.strides[i].back() = steps[i];
    } else {
      plan.sizes.push_back(sizes[dim]);
      for (size_t i = 0; i < inputs.size(); ++i) plan.strides[i].push_back(steps[i]);
    }
  }
  if (plan.sizes.empty()) {
    plan.sizes = {1};
    for (auto& strides : plan.strides) strides = {0};
  }
  return plan;
}

template <class T>
void gather_run(const std::byte* source, int64_t step, int64_t count, std::byte* target) {
  const T* from = reinterpret_cast<const T*>(source);
  T* to = reinterpret_cast<T*>(target);
  if (step == 0) {
    std::fill(to, to + count, *from);
  } else {
    for (int64_t i = 0; i < count; ++i) to[i] = from[i * step];
  }
}

/// Reads blocks of one input.
class Reader {
 public:
  Reader(const BlockInput& input, const Plan& plan, const std::vector<int64_t>& strides)
      : plan_(plan),
        strides_(strides),
        base_(input.tensor.raw()),
        dtype_(input.tensor.dtype()),
        as_(input.as),
        item_(item_size(dtype_)) {
    is_constant_ = std::all_of(strides.begin(), strides.end(), [](int64_t stride) { return stride == 0; });
    raw_.resize(kBlock * kWidest);
    converted_.resize(kBlock * kWidest);
    if (is_constant_) {
      gather(base_, 0, kBlock, raw_.data());
      convert_elements(dtype_, raw_.data(), as_, converted_.data(), kBlock);
    }
  }

  /// `count` elements from the row-major index `start`.
  const std::byte* read(int64_t start, int64_t count) {
    if (is_constant_) return converted_.data();
    const size_t inner = plan_.sizes.size() - 1;
    const int64_t length = plan_.sizes[inner];
    const int64_t step = strides_[inner];
    int64_t column = start % length;
    if (step == 1 && column + count <= length) {
      const std::byte* run = base_ + (row_offset(start / length) + column) * static_cast<int64_t>(item_);
      if (dtype_ == as_) return run;
      convert_elements(dtype_, run, as_, converted_.data(), static_cast<size_t>(count));
      return converted_.data();
    }
    int64_t row = start / length;
    int64_t done = 0;
    while (done < count) {
      const int64_t part = std::min(length - column, count - done);
      const std::byte* run = base_ + (row_offset(row) + column * step) * static_cast<int64_t>(item_);
      gather(run, step, part, raw_.data() + done * static_cast<int64_t>(item_));
      done += part;
      column = 0;
      ++row;
    }
    if (dtype_ == as_) return raw_.data();
    convert_elements(dtype_, raw_.data(), as_, converted_.data(), static_cast<size_t>(count));
    return converted_.data();
  }

 private:
  int64_t row_offset(int64_t row) const {
    int64_t offset = 0;
    for (size_t dim = plan_.sizes.size() - 1; dim-- > 0;) {
      offset += row % plan_.sizes[dim] * strides_[dim];
      row /= plan_.sizes[dim];
    }
    return offset;
  }
  void gather(const std::byte* run, int64_t step, int64_t count, std::byte* target) const {
    visit_storage(dtype_, [&](auto zero) { gather_run<decltype(zero)>(run, step, count, target); });
  }

  const Plan& plan_;
  const std::vector<int64_t>& strides_;
  const std::byte* base_;
  DType dtype_, as_;
  size_t item_;
  bool is_constant_;
  std::vector<std::byte> raw_, converted_;
};

}  // namespace

HostTensor run_blocks(std::span<const BlockInput> inputs, const std::vector<int64_t>& sizes, DType output_as,
                      DType result, BlockLoop loop) {
  HostTensor output = HostTensor::empty(result, sizes);
  const int64_t total = output.element_count();
  if (total == 0) return output;
  const Plan plan = make_plan(inputs, sizes);
  const int64_t inner = plan.sizes.back();
  const int64_t length = inner >= kShortRow ? inner : total;  // blocks do not cross a row of this length
  const int64_t blocks_per_row = (length + kBlock - 1) / kBlock;
  const int64_t blocks = total / length * blocks_per_row;
  const size_t item = item_size(result);
#pragma omp parallel if (total > kParallel)
  {
    std::vector<Reader> readers;
    for (size_t i = 0; i < inputs.size(); ++i) readers.emplace_back(inputs[i], plan, plan.strides[i]);
    std::vector<const std::byte*> pointers(inputs.size());
    std::vector<std::byte> buffer(result == output_as ? 0 : kBlock * kWidest);
#pragma omp for schedule(static)
    for (int64_t block = 0; block < blocks; ++block) {
      const int64_t column = block % blocks_per_row * kBlock;
      const int64_t start = block / blocks_per_row * length + column;
      const int64_t count = std::min(kBlock, length - column);
      for (size_t i = 0; i < readers.size(); ++i) pointers[i] = readers[i].read(start, count);
      std::byte* target = output.raw() + start * static_cast<int64_t>(item);
      loop.run(loop.context, count, pointers.data(), result == output_as ? target : buffer.data());
      if (result != output_as) convert_elements(output_as, buffer.data(), result, target, static_cast<size_t>(count));
    }
  }
  return output;
}

}  // namespace exformer
