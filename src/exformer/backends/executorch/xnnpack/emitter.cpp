#include "exformer/backends/executorch/xnnpack/emitter.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "exformer/base/error.h"
#include "exformer/symbolic/printers.h"

namespace exformer::executorch::xnnpack {
namespace {

size_t at(int axis) { return static_cast<size_t>(axis); }

std::vector<std::byte> element_bytes(const std::vector<double>& values, DType dtype) {
  const std::vector<float> narrow(values.begin(), values.end());
  const HostTensor tensor = HostTensor::from(DType::Float32, {static_cast<int64_t>(values.size())}, narrow).to(dtype);
  return {tensor.raw(), tensor.raw() + tensor.byte_size()};
}

}  // namespace

uint32_t constant_size(const SymInt& size, std::string_view what) {
  if (!size.is_constant()) refuse(fmt::format("{} is dynamic ({}), XNNPACK needs a constant", what, to_string(size)));
  if (size.value() < 0 || size.value() > INT32_MAX) refuse(fmt::format("{} does not fit: {}", what, size.value()));
  return static_cast<uint32_t>(size.value());
}

Placed Emitter::default_place(DType dtype, const std::vector<SymInt>& sizes) {
  const int rank = static_cast<int>(sizes.size());
  if (rank > kAxes) refuse(fmt::format("a tensor of {} dims (at most {} are placed)", rank, kAxes));
  Placed placed{.dtype = dtype, .axes = std::vector<int>(sizes.size(), -1)};
  for (int dim = 0; dim < rank; ++dim) {
    const int axis = rank == 3 && dim == 0 ? 0 : kAxes - rank + dim;
    if (is_one(sizes[at(dim)])) continue;
    placed.axes[at(dim)] = axis;
    placed.sizes[at(axis)] = sizes[at(dim)];
  }
  return placed;
}

Placed Emitter::scalar(double value, DType dtype) { return {.id = repeated(value, 1, dtype), .dtype = dtype}; }

ValueId Emitter::repeated(double value, uint32_t count, DType dtype) {
  const auto [found, is_new] = repeated_.try_emplace({value, count, dtype}, kAbsent);
  if (is_new) {
    std::vector<std::byte> bytes = element_bytes(std::vector<double>(count, value), dtype);
    const std::string key = fmt::format("{} of {} {}", count, dtype_name(dtype), value);
    NamedData data{.key = key, .storage_key = key, .size = bytes.size()};
    data.stream = [bytes = std::move(bytes)](const std::function<void(Bytes)>& sink) { sink(bytes); };
    found->second = payload.add_constant(dtype, count == 1 ? Dims(kAxes, 1) : Dims{1, count}, std::move(data));
  }
  return found->second;
}

Placed Emitter::result_like(const Placed& x) {
  Placed result = x;
  result.id = payload.add_value(x.dtype, kAxes);
  return result;
}

Placed Emitter::unary(NodeKind kind, const Placed& x) {
  Placed result = result_like(x);
  payload.unary(kind, x.id, result.id);
  return result;
}

Placed Emitter::cast(const Placed& x, DType dtype) {
  if (x.dtype == dtype) return x;
  const auto [found, is_new] = casts_.try_emplace({x.id, dtype}, kAbsent);
  if (is_new) {
    found->second = payload.add_value(dtype, kAxes);
    payload.unary(NodeKind::Convert, x.id, found->second);
  }
  Placed result = x;
  result.id = found->second;
  result.dtype = dtype;
  return result;
}

Placed Emitter::clamp(const Placed& x, double minimum, double maximum) {
  Placed result = result_like(x);
  payload.clamp(x.id, result.id, static_cast<float>(minimum), static_cast<float>(maximum));
  return result;
}

Placed Emitter::permute(const Placed& x, const std::array<int, kAxes>& axis_to_axis) {
  bool is_identity = true;
  Dims permutation(kAxes);
  Placed result = x;
  for (int axis = 0; axis < kAxes; ++axis) {
    const int target = axis_to_axis[at(axis)];
    is_identity = is_identity && target == axis;
    permutation[at(target)] = static_cast<uint32_t>(axis);
    result.sizes[at(target)] = x.sizes[at(axis)];
  }
  if (is_identity) return x;
  for (int& axis : result.axes) axis = axis < 0 ? axis : axis_to_axis[at(axis)];
  result.id = payload.add_value(x.dtype, kAxes);
  payload.transpose(x.id, permutation, result.id);
  return result;
}

Placed Emitter::require(const Placed& x, const std::vector<std::pair<int, int>>& dim_to_axis) {
  std::array<int, kAxes> target;
  target.fill(-1);
  std::array<bool, kAxes> taken{};
  std::array<bool, kAxes> in_use{};
  for (const int axis : x.axes) {
    if (axis >= 0) in_use[at(axis)] = true;
  }
  for (const auto& [dim, axis] : dim_to_axis) {
    if (x.axis(dim) < 0) continue;
    EXFORMER_ASSERT(!taken[at(axis)] && target[at(x.axis(dim))] < 0);
    target[at(x.axis(dim))] = axis;
    taken[at(axis)] = true;
  }
  for (const auto& [dim, axis] : dim_to_axis) {  // a unit dim: any axis that no dim lies on
    if (x.axis(dim) >= 0 || taken[at(axis)]) continue;
    int unit = !in_use[at(axis)] && target[at(axis)] < 0 ? axis : -1;
    for (int candidate = 0; candidate < kAxes && unit < 0; ++candidate) {
      if (!in_use[at(candidate)] && target[at(candidate)] < 0) unit = candidate;
    }
    if (unit < 0) refuse("no free axis for a dim of one element");
    target[at(unit)] = axis;
    taken[at(axis)] = true;
  }
  for (int axis = 0; axis < kAxes; ++axis) {
    if (target[at(axis)] < 0 && !taken[at(axis)]) {
      target[at(axis)] = axis;
      taken[at(axis)] = true;
    }
  }
  int next = 0;
  for (int axis = 0; axis < kAxes; ++axis) {
    if (target[at(axis)] >= 0) continue;
    while (taken[at(next)]) ++next;
    target[at(axis)] = next;
    taken[at(next)] = true;
  }
  return permute(x, target);
}

Placed Emitter::ascending(const Placed& x) {
  std::vector<int> dims, axes;
  for (int dim = 0; dim < x.rank(); ++dim) {
    if (x.axis(dim) < 0) continue;
    dims.push_back(dim);
    axes.push_back(x.axis(dim));
  }
  std::sort(axes.begin(), axes.end());
  std::vector<std::pair<int, int>> wanted;
  for (size_t i = 0; i < dims.size(); ++i) wanted.emplace_back(dims[i], axes[i]);
  return require(x, wanted);
}

Placed Emitter::binary(NodeKind kind, const Placed& a, const Placed& b) {
  if (a.dtype != b.dtype) refuse("operands of two dtypes");
  const int rank = std::max(a.rank(), b.rank());
  const auto axis_of = [rank](const Placed& x, int dim) {
    const int own = dim - (rank - x.rank());
    return own < 0 ? -1 : x.axis(own);
  };
  const auto real_dims = [](const Placed& x) {
    return std::count_if(x.axes.begin(), x.axes.end(), [](int axis) { return axis >= 0; });
  };
  // The operand with more dims of more than one element stays as it lies.
  const bool a_leads = real_dims(a) >= real_dims(b);
  const Placed& lead = a_leads ? a : b;
  Placed other = a_leads ? b : a;
  std::vector<int> axes(at(rank), -1);
  std::array<bool, kAxes> taken{};
  for (int dim = 0; dim < rank; ++dim) {
    axes[at(dim)] = axis_of(lead, dim);
    if (axes[at(dim)] >= 0) taken[at(axes[at(dim)])] = true;
  }
  std::vector<std::pair<int, int>> wanted;
  const auto place = [&](bool keep_only) {
    for (int dim = 0; dim < rank; ++dim) {
      const int own = axis_of(other, dim);
      if (own < 0 || axes[at(dim)] >= 0) continue;
      int target = taken[at(own)] ? -1 : own;
      for (int axis = 0; axis < kAxes && target < 0 && !keep_only; ++axis) {
        if (!taken[at(axis)]) target = axis;
      }
      if (target < 0) {
        if (keep_only) continue;
        refuse("operands that together have more than four dims");
      }
      axes[at(dim)] = target;
      taken[at(target)] = true;
    }
  };
  place(true);
  place(false);
  for (int dim = 0; dim < rank; ++dim) {
    if (axis_of(other, dim) >= 0) wanted.emplace_back(dim - (rank - other.rank()), axes[at(dim)]);
  }
  other = require(other, wanted);
  Placed result{.id = payload.add_value(a.dtype, kAxes), .dtype = a.dtype, .axes = std::move(axes)};
  for (int axis = 0; axis < kAxes; ++axis) {
    result.sizes[at(axis)] = is_one(lead.sizes[at(axis)]) ? other.sizes[at(axis)] : lead.sizes[at(axis)];
  }
  payload.binary(kind, a_leads ? lead.id : other.id, a_leads ? other.id : lead.id, result.id);
  return result;
}

Placed Emitter::slice_axis(const Placed& x, int axis, uint32_t offset, uint32_t count, SymInt size) {
  Placed result = result_like(x);
  Dims offsets(kAxes, 0), counts(kAxes, Payload::kRest);
  offsets[at(axis)] = offset;
  counts[at(axis)] = count;
  result.sizes[at(axis)] = size;
  if (is_one(size)) std::replace(result.axes.begin(), result.axes.end(), axis, -1);
  payload.slice(x.id, offsets, counts, result.id);
  return result;
}

ValueId Emitter::concatenate(std::vector<ValueId> values, int axis, DType dtype) {
  constexpr size_t kMost = 5;  // inputs of one node
  while (values.size() > 1) {
    std::vector<ValueId> joined;
    for (size_t i = 0; i < values.size(); i += kMost) {
      const std::vector<ValueId> part(values.begin() + static_cast<ptrdiff_t>(i),
                                      values.begin() + static_cast<ptrdiff_t>(std::min(i + kMost, values.size())));
      if (part.size() == 1) {
        joined.push_back(part[0]);
        continue;
      }
      joined.push_back(payload.add_value(dtype, kAxes));
      payload.concatenate(part, static_cast<uint32_t>(axis), joined.back());
    }
    values = std::move(joined);
  }
  return values[0];
}

Placed Emitter::broadcast_axes(const Placed& x, const Placed& like, const std::vector<int>& axes) {
  // A slice of `like` with one element on the other axes, made zero and added.
  Placed donor = like;
  for (int axis = 0; axis < kAxes; ++axis) {
    const bool is_wanted = std::find(axes.begin(), axes.end(), axis) != axes.end();
    if (!is_wanted && !is_one(donor.sizes[at(axis)])) donor = slice_axis(donor, axis, 0, 1, 1);
  }
  donor = clamp(donor, 0.0, 0.0);
  Placed result = result_like(x);
  for (const int axis : axes) result.sizes[at(axis)] = like.sizes[at(axis)];
  payload.binary(NodeKind::Add, donor.id, x.id, result.id);
  return result;
}

Placed Emitter::split_last(const Placed& x, int64_t count, int64_t width) {
  Placed last = require(x, {{-1, kAxes - 1}});
  std::vector<int> axes(last.axes.begin(), last.axes.end() - 1);
  axes.push_back(-1);
  axes.push_back(width == 1 ? -1 : kAxes - 1);
  if (count == 1) return {last.id, last.dtype, last.sizes, std::move(axes)};
  int free = -1;
  for (const int axis : {1, 0, 2}) {
    if (free < 0 && is_one(last.sizes[at(axis)])) free = axis;
  }
  if (free < 0) refuse("no free axis to split a dim into");
  std::vector<ValueId> parts;
  for (int64_t i = 0; i < count; ++i) {
    parts.push_back(
        slice_axis(last, kAxes - 1, static_cast<uint32_t>(i * width), static_cast<uint32_t>(width), width).id);
  }
  Placed result{.id = concatenate(std::move(parts), free, x.dtype), .dtype = x.dtype, .sizes = last.sizes};
  result.sizes[at(free)] = count;
  result.sizes[kAxes - 1] = width;
  axes[axes.size() - 2] = free;
  result.axes = std::move(axes);
  return result;
}

Placed Emitter::merge_last(const Placed& x) {
  Placed last = require(x, {{-1, kAxes - 1}});
  const int axis = last.axis(-2);
  std::vector<int> axes(last.axes.begin(), last.axes.end() - 2);
  if (axis < 0) {
    axes.push_back(last.axis(-1));
    return {last.id, last.dtype, last.sizes, std::move(axes)};
  }
  const uint32_t count = constant_size(last.sizes[at(axis)], "a merged dim");
  const SymInt width = last.sizes[kAxes - 1];
  std::vector<ValueId> parts;
  for (uint32_t i = 0; i < count; ++i) parts.push_back(slice_axis(last, axis, i, 1, 1).id);
  Placed result{.id = concatenate(std::move(parts), kAxes - 1, x.dtype), .dtype = x.dtype, .sizes = last.sizes};
  result.sizes[at(axis)] = 1;
  result.sizes[kAxes - 1] = width * SymInt(int64_t{count});
  axes.push_back(kAxes - 1);
  result.axes = std::move(axes);
  return result;
}

Placed Emitter::weighted_sum_last(const Placed& x, double weight) {
  const Placed last = require(x, {{-1, kAxes - 1}});
  const uint32_t width = constant_size(last.sizes[kAxes - 1], "the dim of a sum");
  if (width == 1) return binary(NodeKind::Multiply, last, weight);
  const ValueId filter = repeated(weight, width, x.dtype);
  Placed result = result_like(last);
  result.sizes[kAxes - 1] = 1;
  result.axes.back() = -1;
  payload.fully_connected(last.id, filter, kAbsent, result.id, Payload::FilterLayout::OutIn);
  return result;
}

}  // namespace exformer::executorch::xnnpack
