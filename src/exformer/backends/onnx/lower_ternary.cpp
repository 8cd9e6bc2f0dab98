// Pointwise ops of three operands.
#include "exformer/backends/onnx/lowering.h"
#include "exformer/base/error.h"

namespace exformer::onnx {
namespace {

Results where(const LowerCall& call) {
  const DType dtype = call.out_dtype();
  const ValueId condition = call.graph.cast(call.tensor("condition"), DType::Bool);
  return {call.onnx.where(condition, call.operand("self", dtype), call.operand("other", dtype))};
}

Results masked_fill(const LowerCall& call) {
  const DType dtype = call.out_dtype();
  return {call.onnx.where(call.graph.cast(call.tensor("mask"), DType::Bool), call.operand("value", dtype),
                          call.promoted("self"))};
}

/// min(max(x, low), high): Max and Min pass NaN on, as torch does, and take tensors as bounds.
Results clamp(const LowerCall& call, std::string_view low, std::string_view high) {
  OnnxGraph& graph = call.graph;
  const DType dtype = call.out_dtype();
  ValueId value = call.promoted("self");
  if (!low.empty() && call.args.has(low)) value = graph.pointwise("Max", {value, call.operand(low, dtype)});
  if (!high.empty() && call.args.has(high)) value = graph.pointwise("Min", {value, call.operand(high, dtype)});
  return {value};
}

Results clamp_both(const LowerCall& call) { return clamp(call, "min", "max"); }

/// self + weight * (end - self)
Results lerp(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const DType dtype = call.out_dtype();
  const ValueId self = call.promoted("self");
  const ValueId step =
      graph.pointwise("Mul", {graph.pointwise("Sub", {call.promoted("end"), self}), call.operand("weight", dtype)});
  return {graph.pointwise("Add", {self, step})};
}

/// self + value * (a op b)
Results add_combined(const LowerCall& call, std::string_view op) {
  OnnxGraph& graph = call.graph;
  ValueId combined = graph.pointwise(op, {call.promoted("tensor1"), call.promoted("tensor2")});
  const Scalar value = call.args.scalar("value");
  if (value.kind == Scalar::Kind::Float ? value.real != 1.0 : value.integer != SymInt(1)) {
    combined = graph.pointwise("Mul", {combined, call.onnx.scalar(value, call.out_dtype())});
  }
  return {graph.pointwise("Add", {call.promoted("self"), combined})};
}

}  // namespace

void add_ternary_lowerings(LoweringTable& table) {
  for (const char* op : {"aten::where.self", "aten::where.ScalarOther", "aten::where.ScalarSelf", "aten::where.Scalar"})
    table.add(op, where);
  table.add("aten::masked_fill.Scalar", masked_fill);
  table.add("aten::masked_fill.Tensor", masked_fill);
  for (const char* op : {"aten::clamp", "aten::clamp.Tensor", "aten::clip", "aten::clip.Tensor"})
    table.add(op, clamp_both);
  for (const char* kind : {"", ".Tensor"}) {
    table.add(std::string("aten::clamp_min") + kind, [](const LowerCall& call) { return clamp(call, "min", ""); });
    table.add(std::string("aten::clamp_max") + kind, [](const LowerCall& call) { return clamp(call, "", "max"); });
  }
  table.add("aten::lerp.Scalar", lerp);
  table.add("aten::lerp.Tensor", lerp);
  table.add("aten::addcmul", [](const LowerCall& call) { return add_combined(call, "Mul"); });
  table.add("aten::addcdiv", [](const LowerCall& call) { return add_combined(call, "Div"); });
}

}  // namespace exformer::onnx
