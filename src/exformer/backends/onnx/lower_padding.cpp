// Borders: constants, reflections, repeated edges. Negative amounts crop.
#include "exformer/backends/onnx/lowering.h"

namespace exformer::onnx {
namespace {

/// torch lists (before, after) from the last dim on; ONNX all befores, then all afters.
ValueId amounts(const LowerCall& call, std::string_view name) {
  const std::vector<SymInt>& pads = call.args.syms(name);
  const size_t rank = call.meta("self").sizes.size();
  Sizes result(2 * rank, SymInt(0));
  for (size_t i = 0; i < pads.size() / 2; ++i) {
    result[rank - 1 - i] = pads[2 * i];
    result[2 * rank - 1 - i] = pads[2 * i + 1];
  }
  return call.onnx.shapes.vector(result);
}

/// Pad has kernels for float32, float64, the 8-, 32- and 64-bit integers and bool.
DType kernel_dtype(DType dtype) {
  if (dtype == DType::Float16) return DType::Float32;
  return dtype == DType::Int16 || dtype == DType::UInt16 ? DType::Int32 : dtype;
}

Results pad(const LowerCall& call, std::string_view amount, const char* mode, bool has_value) {
  OnnxGraph& graph = call.graph;
  const DType dtype = kernel_dtype(call.out_dtype());
  std::vector<ValueId> inputs{graph.cast(call.tensor("self"), dtype), amounts(call, amount)};
  if (has_value) inputs.push_back(call.onnx.scalar(call.args.scalar("value"), dtype));
  return {
      graph.cast(graph.emit("Pad", std::move(inputs), {{"mode", mode}}, dtype, call.out().sizes), call.out_dtype())};
}

}  // namespace

void add_padding_lowerings(LoweringTable& table) {
  table.add("aten::constant_pad_nd", [](const LowerCall& call) { return pad(call, "pad", "constant", true); });
  for (const char* op : {"aten::reflection_pad1d", "aten::reflection_pad2d", "aten::reflection_pad3d"})
    table.add(op, [](const LowerCall& call) { return pad(call, "padding", "reflect", false); });
  for (const char* op : {"aten::replication_pad1d", "aten::replication_pad2d", "aten::replication_pad3d"})
    table.add(op, [](const LowerCall& call) { return pad(call, "padding", "edge", false); });
}

}  // namespace exformer::onnx
