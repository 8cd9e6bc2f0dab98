// Comparisons; the result is bool.
#include "exformer/backends/onnx/lowering.h"

namespace exformer::onnx {
namespace {

constexpr char kEqual[] = "Equal", kLess[] = "Less", kLessOrEqual[] = "LessOrEqual", kGreater[] = "Greater",
               kGreaterOrEqual[] = "GreaterOrEqual";

template <const char* Operator, bool Negate = false>
Results compare(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  DType dtype = call.common_dtype({"self", "other"});
  if (dtype == DType::Bool && std::string_view(Operator) != "Equal") dtype = DType::Int32;
  const ValueId result =
      graph.pointwise_as(DType::Bool, Operator, {call.operand("self", dtype), call.operand("other", dtype)});
  return {Negate ? graph.pointwise("Not", {result}) : result};
}

/// |a - b| <= atol + rtol * |b|, or equal.
Results isclose(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const DType dtype = graph.dtype(call.tensor("self"));
  if (!is_floating_point(dtype) || call.args.boolean("equal_nan"))
    unsupported("isclose of integers or with equal_nan has no ONNX form yet");
  const ValueId a = call.tensor("self"), b = call.tensor("other");
  const auto number = [&](double value) { return graph.scalar(value, dtype); };
  const ValueId distance = graph.pointwise("Abs", {graph.pointwise("Sub", {a, b})});
  const ValueId relative = graph.pointwise("Mul", {graph.pointwise("Abs", {b}), number(call.args.real("rtol"))});
  const ValueId allowed = graph.pointwise("Add", {relative, number(call.args.real("atol"))});
  const ValueId near = graph.pointwise_as(DType::Bool, "LessOrEqual", {distance, allowed});
  const ValueId infinite = graph.pointwise_as(DType::Bool, "IsInf", {b});
  const ValueId near_finite = graph.pointwise("And", {near, graph.pointwise("Not", {infinite})});
  return {graph.pointwise("Or", {graph.pointwise_as(DType::Bool, "Equal", {a, b}), near_finite})};
}

/// Each element against all of the tests, along a new last dim.
Results isin(const LowerCall& call, std::string_view elements_name, std::string_view tests_name) {
  OnnxGraph& graph = call.graph;
  DType dtype = call.common_dtype({elements_name, tests_name});
  ValueId elements = call.operand(elements_name, dtype);
  const ValueId tests = call.operand(tests_name, dtype);
  elements = call.onnx.unsqueeze(elements, graph.rank(elements));
  SymInt count(1);
  for (const SymInt& size : graph.sizes(tests)) count = count * size;
  const ValueId row = graph.emit("Reshape", {tests, graph.constant_ints({-1})}, {}, dtype, {count});
  const ValueId matches = graph.cast(graph.pointwise_as(DType::Bool, "Equal", {elements, row}), DType::Int32);
  const ValueId any = call.onnx.reduce("ReduceMax", matches, {graph.rank(matches) - 1}, false);
  const ValueId found = graph.cast(any, DType::Bool);
  return {call.args.boolean("invert") ? graph.pointwise("Not", {found}) : found};
}

}  // namespace

void add_comparison_lowerings(LoweringTable& table) {
  for (const char* kind : {".Tensor", ".Scalar"}) {
    const std::string suffix(kind);
    table.add("aten::eq" + suffix, compare<kEqual>);
    table.add("aten::ne" + suffix, compare<kEqual, true>);
    table.add("aten::lt" + suffix, compare<kLess>);
    table.add("aten::le" + suffix, compare<kLessOrEqual>);
    table.add("aten::gt" + suffix, compare<kGreater>);
    table.add("aten::ge" + suffix, compare<kGreaterOrEqual>);
  }
  table.add("aten::isclose", isclose);
  table.add("aten::isin.Tensor_Tensor", [](const LowerCall& call) { return isin(call, "elements", "test_elements"); });
  table.add("aten::isin.Tensor_Scalar", [](const LowerCall& call) { return isin(call, "elements", "test_element"); });
  table.add("aten::isin.Scalar_Tensor", [](const LowerCall& call) { return isin(call, "element", "test_elements"); });
}

}  // namespace exformer::onnx
