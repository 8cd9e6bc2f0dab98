// cat and stack.
#include "exformer/backends/onnx/lowering.h"

namespace exformer::onnx {
namespace {

/// torch passes over one-dimensional empty tensors whatever the others' rank is.
Results cat(const LowerCall& call) {
  std::vector<ValueId> parts;
  for (const Value* tensor : call.args.tensors("tensors")) {
    const bool is_skipped = tensor->meta.rank() == 1 && call.out().rank() != 1 && tensor->meta.sizes[0] == SymInt(0);
    if (!is_skipped) parts.push_back(call.graph.cast(call.onnx.get(tensor), call.out_dtype()));
  }
  const int64_t given = call.args.integer("dim"), dim = given < 0 ? given + call.out().rank() : given;
  if (parts.size() == 1) return {parts.front()};
  return {call.graph.emit("Concat", parts, {{"axis", dim}}, call.out_dtype(), call.out().sizes)};
}

Results stack(const LowerCall& call) {
  const int64_t given = call.args.integer("dim"), dim = given < 0 ? given + call.out().rank() : given;
  std::vector<ValueId> parts;
  for (const ValueId tensor : call.tensors("tensors"))
    parts.push_back(call.onnx.unsqueeze(call.graph.cast(tensor, call.out_dtype()), dim));
  if (parts.size() == 1) return {parts.front()};
  return {call.graph.emit("Concat", parts, {{"axis", dim}}, call.out_dtype(), call.out().sizes)};
}

}  // namespace

void add_joining_lowerings(LoweringTable& table) {
  table.add("aten::cat", cat);
  table.add("aten::stack", stack);
}

}  // namespace exformer::onnx
