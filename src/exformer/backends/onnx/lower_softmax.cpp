// softmax and log_softmax.
#include <limits>

#include "exformer/backends/onnx/lowering.h"

namespace exformer::onnx {
namespace {

ValueId along(const LowerCall& call, std::string_view op, ValueId self) {
  if (call.out().rank() == 0) {
    const ValueId row = call.onnx.unsqueeze(self, 0);
    return call.onnx.squeeze(call.graph.pointwise(op, {row}, {{"axis", int64_t{0}}}), 0);
  }
  return call.graph.pointwise(op, {self}, {{"axis", call.dim("dim")}});
}

constexpr char kSoftmax[] = "Softmax", kLogSoftmax[] = "LogSoftmax";

template <const char* Operator>
Results softmax(const LowerCall& call) {
  return {along(call, Operator, call.promoted("self"))};
}

/// A row whose every score is -inf gives 0 instead of NaN.
Results safe_softmax(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const ValueId self = call.promoted("self");
  const DType dtype = call.out_dtype();
  const ValueId largest = call.out().rank() == 0 ? self : call.onnx.reduce("ReduceMax", self, {call.dim("dim")}, true);
  const ValueId is_masked = graph.pointwise_as(
      DType::Bool, "Equal", {largest, graph.scalar(-std::numeric_limits<double>::infinity(), dtype)});
  return {call.onnx.where(is_masked, graph.scalar(0.0, dtype), along(call, "Softmax", self))};
}

}  // namespace

void add_softmax_lowerings(LoweringTable& table) {
  table.add("aten::softmax.int", softmax<kSoftmax>);
  table.add("aten::_softmax", softmax<kSoftmax>);
  table.add("aten::log_softmax.int", softmax<kLogSoftmax>);
  table.add("aten::_log_softmax", softmax<kLogSoftmax>);
  table.add("aten::_safe_softmax", safe_softmax);
}

}  // namespace exformer::onnx
