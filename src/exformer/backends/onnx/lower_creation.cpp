// Tensors made of numbers: fills, ranges, triangles.
#include "exformer/backends/onnx/lowering.h"
#include "exformer/base/error.h"

namespace exformer::onnx {
namespace {

Results filled(const LowerCall& call, double value) {
  return {call.onnx.full(call.out().sizes, call.graph.scalar(value, call.out_dtype()))};
}

Results full(const LowerCall& call) {
  return {call.onnx.full(call.out().sizes, call.onnx.scalar(call.args.scalar("fill_value"), call.out_dtype()))};
}

/// Range has kernels for float32, float64, int16, int32 and int64.
Results arange(const LowerCall& call, bool has_start, bool has_step) {
  OnnxGraph& graph = call.graph;
  const DType wanted = call.out_dtype();
  const bool is_direct =
      wanted == DType::Float32 || wanted == DType::Float64 || wanted == DType::Int32 || wanted == DType::Int64;
  const DType dtype = is_direct ? wanted : is_floating_point(wanted) ? DType::Float32 : DType::Int64;
  const auto number = [&](bool given, std::string_view name, int64_t otherwise) {
    return given ? call.onnx.scalar(call.args.scalar(name), dtype)
                 : graph.scalar(static_cast<double>(otherwise), dtype);
  };
  // Of floats: start + i * step, as torch computes it, so that no error adds up.
  if (is_floating_point(dtype)) {
    ValueId values = graph.cast(call.onnx.range(call.out().sizes[0]), dtype);
    if (has_step) values = graph.pointwise("Mul", {values, number(true, "step", 1)});
    if (has_start) values = graph.pointwise("Add", {values, number(true, "start", 0)});
    return {graph.cast(values, wanted)};
  }
  const ValueId range =
      graph.emit("Range", {number(has_start, "start", 0), number(true, "end", 0), number(has_step, "step", 1)}, {},
                 dtype, call.out().sizes);
  return {graph.cast(range, wanted)};
}

/// start + i * (end - start) / (steps - 1)
Results linspace(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const int64_t steps = call.args.integer("steps");
  const double start = call.args.real("start"), end = call.args.real("end");
  std::vector<double> values;
  for (int64_t i = 0; i < steps; ++i) {
    const double step = steps > 1 ? (end - start) / static_cast<double>(steps - 1) : 0.0;
    values.push_back(i < steps / 2 ? start + step * static_cast<double>(i)
                                   : end - step * static_cast<double>(steps - 1 - i));
  }
  if (steps == 1) values[0] = start;
  return {graph.constant(HostTensor::from(DType::Float64, {steps}, values).to(call.out_dtype()))};
}

template <bool Upper>
Results triangle(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const ValueId diagonal = call.onnx.shapes.scalar(call.args.sym("diagonal"));
  return {graph.emit("Trilu", {call.tensor("self"), diagonal}, {{"upper", int64_t{Upper}}}, call.out_dtype(),
                     call.out().sizes)};
}

/// Ones where the row's number equals the column's.
Results eye(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const Sizes& sizes = call.out().sizes;
  const ValueId rows = call.onnx.unsqueeze(call.onnx.range(sizes[0]), 1), columns = call.onnx.range(sizes[1]);
  return {graph.cast(graph.pointwise_as(DType::Bool, "Equal", {rows, columns}), call.out_dtype())};
}

}  // namespace

void add_creation_lowerings(LoweringTable& table) {
  for (const char* op : {"aten::full", "aten::new_full", "aten::full_like"}) table.add(op, full);
  for (const char* op : {"aten::zeros", "aten::new_zeros", "aten::zeros_like", "aten::empty.memory_format",
                         "aten::new_empty", "aten::empty_like"}) {
    table.add(op, [](const LowerCall& call) { return filled(call, 0); });
  }
  for (const char* op : {"aten::ones", "aten::new_ones", "aten::ones_like"})
    table.add(op, [](const LowerCall& call) { return filled(call, 1); });
  table.add("aten::scalar_tensor", [](const LowerCall& call) -> Results {
    return {call.onnx.scalar(call.args.scalar("s"), call.out_dtype())};
  });
  table.add("aten::arange", [](const LowerCall& call) { return arange(call, false, false); });
  table.add("aten::arange.start", [](const LowerCall& call) { return arange(call, true, false); });
  table.add("aten::arange.start_step", [](const LowerCall& call) { return arange(call, true, true); });
  table.add("aten::linspace", linspace);
  table.add("aten::tril", triangle<false>);
  table.add("aten::triu", triangle<true>);
  table.add("aten::eye", eye);
  table.add("aten::eye.m", eye);
}

}  // namespace exformer::onnx
