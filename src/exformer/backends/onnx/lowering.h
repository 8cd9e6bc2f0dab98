// Turns one exported graph into ONNX: which ONNX value stands for each graph value, and the table of lowerings.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "exformer/backends/onnx/checks.h"
#include "exformer/backends/onnx/emitter.h"
#include "exformer/ir/program.h"
#include "exformer/ops/args.h"

namespace exformer::onnx {

/// The dtype that stands for `dtype` inside the ONNX graph. ONNX Runtime's CPU provider has next to no bfloat16
/// kernels, so bfloat16 values are carried as float32; weights, inputs and outputs keep their own dtype, with a Cast.
DType carried(DType dtype);

/// One exported graph on its way: which ONNX value stands for each of its values.
class Lowering : public Emitter {
 public:
  explicit Lowering(OnnxGraph& target) : Emitter(target, ShapeArithmetic(target)) {}

  void bind(const Value* value, ValueId id) { values_[value] = id; }
  /// A SymInt-valued result as a 0-d int64 tensor, a tensor as itself.
  ValueId get(const Value* value) const;

  std::vector<DataCheck> data_checks;  // of the nodes so far

 private:
  std::unordered_map<const Value*, ValueId> values_;
};

/// One call to be lowered. Values come as ONNX values, in their carried dtypes.
class LowerCall {
 public:
  LowerCall(Lowering& lowering, const Node& lowered)
      : onnx(lowering), graph(lowering.graph), node(lowered), args(lowered.schema(), lowered.arguments()) {}

  Lowering& onnx;
  OnnxGraph& graph;
  const Node& node;
  ValueArgs args;

  ValueId tensor(std::string_view name) const { return onnx.get(args.tensor(name)); }
  /// kAbsent for None.
  ValueId optional(std::string_view name) const;
  std::vector<ValueId> tensors(std::string_view name) const;
  const TensorMeta& meta(std::string_view name) const { return args.tensor(name)->meta; }
  const TensorMeta& out(size_t index = 0) const { return node.output(index)->meta; }
  DType out_dtype(size_t index = 0) const { return carried(out(index).dtype); }
  /// A dim argument counted from the front.
  int64_t dim(std::string_view name, std::string_view of = "self") const;
  /// A list of dims counted from the front, ascending; all of them when the list is empty or None and `all_if_empty`.
  std::vector<int64_t> dims(std::string_view name, bool all_if_empty, std::string_view of = "self") const;
  /// A tensor or scalar argument in `dtype`.
  ValueId operand(std::string_view name, DType dtype) const;
  /// The (carried) dtype in which these arguments are computed: torch.result_type.
  DType common_dtype(std::initializer_list<std::string_view> names) const;
  /// A tensor argument in the result's dtype.
  ValueId promoted(std::string_view name) const { return graph.cast(tensor(name), out_dtype()); }
};

using Results = std::vector<ValueId>;
using LowerFunction = Results (*)(const LowerCall&);

/// Lowerings by ATen overload ("aten::add.Tensor").
class LoweringTable {
 public:
  /// Every lowering of this backend (lowerings.inc lists the files).
  static const LoweringTable& standard();
  void add(std::string_view op, LowerFunction function);
  LowerFunction find(const std::string& op) const;
  std::vector<std::string> names() const;

 private:
  std::unordered_map<std::string, LowerFunction> functions_;
};

#define LOWERING_FILE(name) void add_##name##_lowerings(LoweringTable& table);
#include "exformer/backends/onnx/lowerings.inc"
#undef LOWERING_FILE

}  // namespace exformer::onnx
