// Turns the nodes of one partition into nodes of a payload, and the table of lowerings.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "exformer/backends/executorch/xnnpack/emitter.h"
#include "exformer/ir/program.h"
#include "exformer/ops/args.h"

namespace exformer::executorch::xnnpack {

/// linear(input, weight, bias) that is not emitted before it is known how its result is read: as it is by a
/// fully-connected node, split into heads by a batched product that gives each head its own axis.
struct DeferredLinear {
  Placed input;
  const Value* weight = nullptr;
  const Value* bias = nullptr;
};

/// [.., heads, width] read as [.., heads * width]: a convolution over the axis of the heads when a linear reads it,
/// slices joined side by side otherwise.
struct DeferredMerge {
  Placed heads;
};

/// Weights of the program by graph value.
using Weights = std::unordered_map<const Value*, std::pair<std::string, const LazyTensor*>>;

class Lowering : public Emitter {
 public:
  explicit Lowering(const Weights& weights) : weights_(&weights) {}

  void bind(const Value* value, Placed placed);
  void bind(const Value* value, DeferredLinear linear) { entries_[value].linear = std::move(linear); }
  void bind(const Value* value, DeferredMerge merge) { entries_[value].merge = std::move(merge); }
  bool is_bound(const Value* value) const { return entries_.contains(value); }
  /// The tensor in the payload; constants are added on first use, deferred ones emitted.
  const Placed& get(const Value* value);
  const Placed& get_along(const Value* value, const std::vector<int>& dims);
  /// The tensor in `dtype`; weights are cast while they are written.
  Placed get_in(const Value* value, DType dtype);
  const DeferredLinear* deferred_linear(const Value* value) const;
  const DeferredMerge* deferred_merge(const Value* value) const;

  /// The weight behind a value; null when it is not one.
  const LazyTensor* weight(const Value* value) const;
  /// A weight with the given dims (same elements, same order).
  ValueId weight_as(const Value* value, Dims dims);
  /// The same, cast.
  ValueId weight_in(const Value* value, DType dtype, Dims dims);
  /// A weight in `dtype` whose bytes are produced by `stream`, under its name and `suffix`.
  ValueId rearranged_weight(const Value* value, std::string_view suffix, DType dtype, Dims dims,
                            std::function<void(const LazyTensor&, const std::function<void(Bytes)>&)> stream);
  /// linear of `input`, whose last dim is the weight's second one.
  Placed fully_connected(const DeferredLinear& linear);

 private:
  Placed placed_weight(const Value* value, DType dtype);
  struct Entry {
    std::optional<Placed> placed;
    std::optional<Placed> wide;  // a weight of 16 bits in float32
    std::optional<DeferredLinear> linear;
    std::optional<DeferredMerge> merge;
  };
  const Weights* weights_;
  std::unordered_map<const Value*, Entry> entries_;
};

/// One call to be lowered.
class LowerCall {
 public:
  LowerCall(Lowering& lowering, const Node& lowered)
      : xnn(lowering), node(lowered), args(lowered.schema(), lowered.arguments()) {}

  Lowering& xnn;
  const Node& node;
  ValueArgs args;

  const Value* value(std::string_view name) const { return args.tensor(name); }
  /// Null for None.
  const Value* optional(std::string_view name) const;
  const Placed& tensor(std::string_view name) const { return xnn.get(value(name)); }
  /// The same, for an op that works along these dims (counted from the end when negative): all their elements must be
  /// there.
  const Placed& tensor_along(std::string_view name, const std::vector<int>& dims) const;
  /// In float32, where torch's kernels compute what takes more than one rounding; set() brings the result back.
  Placed wide(std::string_view name) const { return xnn.get_in(value(name), DType::Float32); }
  Placed wide_along(std::string_view name, const std::vector<int>& dims) const;
  const TensorMeta& meta(std::string_view name) const { return args.tensor(name)->meta; }
  const TensorMeta& out(size_t index = 0) const { return node.output(index)->meta; }
  /// A dim argument counted from the front.
  int dim(std::string_view name, std::string_view of = "self") const;
  std::vector<int> dims(std::string_view name, std::string_view of = "self") const;
  /// A number that is a constant.
  double number(std::string_view name) const;
  /// In the dtype of the node's result.
  void set(Placed result, size_t index = 0) const {
    if (result.dtype != out(index).dtype) result = xnn.cast(result, out(index).dtype);
    xnn.bind(node.output(index), std::move(result));
  }
};

using LowerFunction = void (*)(const LowerCall&);

/// Lowerings by ATen overload; a lowering throws Refusal when the call is not one that XNNPACK can run.
class LoweringTable {
 public:
  static const LoweringTable& standard();
  void add(std::string_view op, LowerFunction function);
  LowerFunction find(const std::string& op) const;

 private:
  std::unordered_map<std::string, LowerFunction> functions_;
};

#define LOWERING_FILE(name) void add_##name##_lowerings(LoweringTable& table);
#include "exformer/backends/executorch/xnnpack/lowerings.inc"
#undef LOWERING_FILE

}  // namespace exformer::executorch::xnnpack
