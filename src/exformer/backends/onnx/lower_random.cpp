// Random draws: torch's distributions, not torch's numbers. ONNX Runtime has no kernel of RandomNormal and its kin at
// the opsets in use; its Dropout in training mode draws bits.
#include <cmath>
#include <numbers>

#include "exformer/backends/onnx/lowering.h"

namespace exformer::onnx {
namespace {

constexpr int64_t kBits = 24;  // the mantissa of float32

/// In [0, 1), multiples of 2^-24: the bits weighed and added.
ValueId uniform(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const Sizes& sizes = call.out().sizes;
  Sizes stacked = sizes;
  stacked.insert(stacked.begin(), SymInt(kBits));
  const ValueId ones = call.onnx.full(stacked, graph.scalar(1, DType::Float32));
  const ValueId half = graph.scalar(0.5, DType::Float32), training = graph.scalar(1, DType::Bool);
  const ValueId bits =
      graph.emit_many("Dropout", {ones, half, training}, {}, {{DType::Float32, stacked}, {DType::Bool, stacked}})[1];
  std::vector<float> weights;
  for (int64_t i = 1; i <= kBits; ++i) weights.push_back(std::ldexp(1.0F, static_cast<int>(-i)));
  std::vector<int64_t> column(stacked.size(), 1);
  column[0] = kBits;
  const ValueId weighed = graph.pointwise(
      "Mul", {graph.cast(bits, DType::Float32), graph.constant(HostTensor::from(DType::Float32, column, weights))});
  return call.onnx.reduce("ReduceSum", weighed, {0}, false);
}

/// Box and Muller: sqrt(-2 log(1 - u)) cos(2 pi v)
ValueId normal(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const auto number = [&](double value) { return graph.scalar(value, DType::Float32); };
  const ValueId logarithm = graph.pointwise("Log", {graph.pointwise("Sub", {number(1), uniform(call)})});
  const ValueId radius = graph.pointwise("Sqrt", {graph.pointwise("Mul", {logarithm, number(-2)})});
  const ValueId angle = graph.pointwise("Mul", {uniform(call), number(2 * std::numbers::pi)});
  return graph.pointwise("Mul", {radius, graph.pointwise("Cos", {angle})});
}

template <bool Normal>
Results draw(const LowerCall& call) {
  return {call.graph.cast(Normal ? normal(call) : uniform(call), call.out_dtype())};
}

}  // namespace

void add_random_lowerings(LoweringTable& table) {
  table.add("aten::randn", draw<true>);
  table.add("aten::randn_like", draw<true>);
  table.add("aten::rand", draw<false>);
  table.add("aten::rand_like", draw<false>);
}

}  // namespace exformer::onnx
