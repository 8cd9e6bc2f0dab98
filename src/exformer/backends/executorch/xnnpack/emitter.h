// Adds nodes to a payload for tensors that lie in it in any order of their dims.
//
// XNNPACK's reshape infers one size at most, so a tensor with two dynamic dims cannot be reshaped inside a delegate.
// What is a view in torch is therefore bookkeeping here: every value of the payload has four axes, and a tensor knows
// which of its dims lies on which axis. Transposes and unit dims cost nothing; a head split is a batched product
// (lower_linalg).
#pragma once

#include <array>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "exformer/backends/executorch/xnnpack/payload.h"
#include "exformer/ir/graph.h"

namespace exformer::executorch::xnnpack {

inline constexpr int kAxes = 4;
using AxisSizes = std::array<SymInt, kAxes>;

/// Why an op is not in a delegate. Thrown by lowerings, caught by the partitioner.
struct Refusal {
  std::string reason;
};
[[noreturn]] inline void refuse(std::string reason) { throw Refusal{std::move(reason)}; }

/// A tensor in a payload. Axes that no dim lies on have size 1; a dim without an axis (-1) has one element there, and
/// stands for as many as its tensor has (an expanded dim).
struct Placed {
  ValueId id = kAbsent;
  DType dtype = DType::Float32;
  AxisSizes sizes = {1, 1, 1, 1};
  std::vector<int> axes;

  int rank() const { return static_cast<int>(axes.size()); }
  /// The dim (counted from the end when negative) has its elements here.
  int axis(int dim) const { return axes[static_cast<size_t>(dim < 0 ? dim + rank() : dim)]; }
  SymInt size(int dim) const { return axis(dim) < 0 ? SymInt(1) : sizes[static_cast<size_t>(axis(dim))]; }
};

inline bool is_one(const SymInt& size) { return size == SymInt(1); }
/// The size as the payload's tables hold it; refuses one that is symbolic or too large.
uint32_t constant_size(const SymInt& size, std::string_view what);

class Emitter {
 public:
  Payload payload;

  /// Where a tensor of these sizes lies when nothing says otherwise: its last dims on the last axes, but the first of
  /// three dims (a batch) on the first axis. Refuses ranks above 4.
  static Placed default_place(DType dtype, const std::vector<SymInt>& sizes);
  /// A constant with one element.
  Placed scalar(double value, DType dtype);

  Placed unary(NodeKind kind, const Placed& x);
  /// The same numbers in another dtype; each conversion once.
  Placed cast(const Placed& x, DType dtype);
  Placed clamp(const Placed& x, double minimum, double maximum);
  /// Broadcasts as torch does; operands that lie differently are brought together. Both have one dtype.
  Placed binary(NodeKind kind, const Placed& a, const Placed& b);
  Placed binary(NodeKind kind, const Placed& a, double b) { return binary(kind, a, scalar(b, a.dtype)); }
  /// The same tensor with the given dims on the given axes (a dim of one element may name any axis).
  Placed require(const Placed& x, const std::vector<std::pair<int, int>>& dim_to_axis);
  /// The same tensor with its dims on ascending axes.
  Placed ascending(const Placed& x);
  /// Elements from `offset` on along an axis; count kRest: all that follow. `size` is the resulting size.
  Placed slice_axis(const Placed& x, int axis, uint32_t offset, uint32_t count, SymInt size);
  /// Joins values along an axis.
  ValueId concatenate(std::vector<ValueId> values, int axis, DType dtype);
  /// A copy with `size` elements instead of one on axes where `like` has more.
  Placed broadcast_axes(const Placed& x, const Placed& like, const std::vector<int>& axes);
  /// [.., count * width] -> [.., count, width]: `count` becomes an axis that was free.
  Placed split_last(const Placed& x, int64_t count, int64_t width);
  /// The last two dims as one.
  Placed merge_last(const Placed& x);
  /// A tensor of the same axes in a new value.
  Placed result_like(const Placed& x);
  /// Sums over the last dim by a product with constant numbers: [.., n] -> [.., 1].
  Placed weighted_sum_last(const Placed& x, double weight);

 private:
  Placed permute(const Placed& x, const std::array<int, kAxes>& axis_to_axis);
  /// A constant [1, count] (four axes for a count of 1) that holds one number.
  ValueId repeated(double value, uint32_t count, DType dtype);
  std::map<std::tuple<double, uint32_t, DType>, ValueId> repeated_;
  std::map<std::pair<ValueId, DType>, ValueId> casts_;
};

}  // namespace exformer::executorch::xnnpack
