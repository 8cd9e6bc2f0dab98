// Casts, copies and fills.
#include "exformer/backends/onnx/lowering.h"
#include "exformer/base/error.h"

namespace exformer::onnx {
namespace {

/// Everything that `Tensor.to` does is a Cast or nothing.
Results to_result_dtype(const LowerCall& call) { return {call.promoted("self")}; }

Results fill(const LowerCall& call) {
  return {call.onnx.full(call.out().sizes, call.operand("value", call.out_dtype()))};
}

Results dropout(const LowerCall& call) {
  if (call.args.boolean("train") && call.args.real("p") != 0.0) unsupported("dropout in training mode");
  return {call.tensor("input")};
}

Results native_dropout(const LowerCall& call) {
  const auto* train = call.args["train"].get_if<bool>();
  if ((!train || *train) && call.args.real("p") != 0.0) unsupported("dropout in training mode");
  return {call.tensor("input"), call.onnx.full(call.out(1).sizes, call.graph.scalar(1, DType::Bool))};
}

}  // namespace

void add_copy_lowerings(LoweringTable& table) {
  for (const char* op : {"aten::to.dtype", "aten::to.device", "aten::to.dtype_layout", "aten::to.other",
                         "aten::type_as", "aten::_to_copy"}) {
    table.add(op, to_result_dtype);
  }
  table.add("aten::copy", [](const LowerCall& call) -> Results {
    return {call.onnx.expand(call.promoted("src"), call.out().sizes)};
  });
  table.add("aten::fill.Scalar", fill);
  table.add("aten::fill.Tensor", fill);
  table.add("aten::zero", [](const LowerCall& call) -> Results {
    return {call.onnx.full(call.out().sizes, call.graph.scalar(0, call.out_dtype()))};
  });
  table.add("aten::dropout", dropout);
  table.add("aten::feature_dropout", dropout);
  table.add("aten::native_dropout", native_dropout);
}

}  // namespace exformer::onnx
