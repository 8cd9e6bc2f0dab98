// Recurrent layers.
#include "exformer/backends/onnx/lowering.h"

namespace exformer::onnx {
namespace {

/// torch's gates are i, f, g, o; ONNX's are i, o, f, g. With a first dim of one direction.
ValueId reordered(const LowerCall& call, ValueId weight, const SymInt& size, DType dtype) {
  weight = call.graph.cast(weight, dtype);
  std::vector<ValueId> gates;
  for (const int64_t gate : {0, 3, 1, 2}) {
    gates.push_back(call.onnx.slice(weight, 0, gate * size, (gate + 1) * size, 1));
  }
  return call.onnx.unsqueeze(call.onnx.concat(gates, 0), 0);
}

Results lower_lstm(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const DType dtype = call.out_dtype() == DType::Float16 ? DType::Float32 : call.out_dtype();
  const std::vector<ValueId> params = call.tensors("params"), states = call.tensors("hx");
  const Sizes& sizes = call.out().sizes;  // [length, batch, size]
  const SymInt& size = sizes[2];
  ValueId bias = kAbsent;
  if (params.size() == 4) {
    bias = call.onnx.concat({reordered(call, params[2], size, dtype), reordered(call, params[3], size, dtype)}, 1);
  }
  if (!size.is_constant()) unsupported("a recurrent layer whose width is not a constant");
  const Sizes state{1, sizes[1], size};
  const auto results = graph.emit_many(
      "LSTM",
      {graph.cast(call.tensor("input"), dtype), reordered(call, params[0], size, dtype),
       reordered(call, params[1], size, dtype), bias, kAbsent, graph.cast(states[0], dtype),
       graph.cast(states[1], dtype)},
      {{"hidden_size", size.value()}}, {{dtype, Sizes{sizes[0], 1, sizes[1], size}}, {dtype, state}, {dtype, state}});
  return {graph.cast(call.onnx.squeeze(results[0], 1), call.out_dtype()), graph.cast(results[1], call.out_dtype(1)),
          graph.cast(results[2], call.out_dtype(2))};
}

}  // namespace

void add_recurrence_lowerings(LoweringTable& table) { table.add("aten::lstm.input", lower_lstm); }

}  // namespace exformer::onnx
