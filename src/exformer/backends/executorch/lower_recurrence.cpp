// Recurrent layers as loops of the program: the runtime has jumps, but no kernel for a layer.
#include "exformer/backends/executorch/lowering.h"

namespace exformer::executorch {
namespace {

/// What one step of an LSTM calls. States are tensors that every step writes again.
class Step {
 public:
  Step(Lowering& lowering, Sizes sizes, DType dtype) : lowering_(lowering), sizes_(std::move(sizes)), dtype_(dtype) {}

  ValueId linear(ValueId input, ValueId weight, ValueId bias, Sizes result) const {
    return lowering_.call_one("aten::linear", {input, weight, bias}, dtype_, std::move(result));
  }
  ValueId call(std::string_view op, std::vector<ValueId> inputs) const {
    if (op == "aten::add.Tensor") inputs.push_back(lowering_.program.integer(1));
    return lowering_.call_one(op, std::move(inputs), dtype_, sizes_);
  }
  /// The same, into a state.
  void write(std::string_view kernel, std::vector<ValueId> inputs, ValueId state) const {
    inputs.insert(inputs.end(), {state, state});
    lowering_.call_operator(kernel, std::move(inputs), {state});
  }
  /// The gate of a number among [batch, 4 * size].
  ValueId gate(ValueId gates, int64_t number) const {
    const SymInt size = sizes_[1];
    return call("aten::slice.Tensor", {gates, lowering_.program.integer(1), lowering_.sizes.integer(size * number),
                                       lowering_.sizes.integer(size * (number + 1)), lowering_.program.integer(1)});
  }

 private:
  Lowering& lowering_;
  Sizes sizes_;  // [batch, size]
  DType dtype_;
};

/// c = f*c + i*g, h = o*tanh(c), with the gates i, f, g, o = W x + b + R h + b'. The products with x come first, for
/// all steps at once.
Results lstm(const LowerCall& call) {
  Lowering& lowering = call.lowering;
  ExecutorchProgram& program = lowering.program;
  const auto value = [&](std::string_view list, size_t index) { return lowering.get(call.args.tensors(list)[index]); };
  const bool has_biases = call.args.boolean("has_biases");
  const auto bias = [&](size_t index) { return has_biases ? value("params", index) : program.none(); };
  const SymInt length = call.out().sizes[0], batch = call.out().sizes[1], size = call.out().sizes[2];
  const Step step(lowering, {batch, size}, call.out().dtype);
  const ValueId inputs =
      step.linear(lowering.get(call.args.tensor("input")), value("params", 0), bias(2), {length, batch, size * 4});
  const ValueId hidden = lowering.copy(lowering.view(value("hx", 0), {batch, size}));
  const ValueId cell = lowering.copy(lowering.view(value("hx", 1), {batch, size}));
  // Made before the loop: the copies of rows grow the first dim only.
  const ValueId output = lowering.full(call.out().sizes, Scalar{}, call.out().dtype);
  program.tensor(output).grows = true;
  const ValueId steps = lowering.sizes.integer(length), one = program.integer(1);
  const ValueId number = program.add(int64_t{0}), is_last = program.add(false);

  const size_t first = program.instructions.size();
  ValueId gates = step.linear(hidden, value("params", 1), bias(3), {batch, size * 4});
  const ValueId input =
      lowering.call_one("aten::select.int", {inputs, program.integer(0), number}, call.out().dtype, {batch, size * 4});
  gates = lowering.call_one("aten::add.Tensor", {input, gates, one}, call.out().dtype, {batch, size * 4});
  const auto sigmoid = [&](int64_t gate) { return step.call("aten::sigmoid", {step.gate(gates, gate)}); };
  const ValueId kept = step.call("aten::mul.Tensor", {sigmoid(1), cell});
  const ValueId candidate = step.call("aten::tanh", {step.gate(gates, 2)});
  step.write("aten::add.out", {kept, step.call("aten::mul.Tensor", {sigmoid(0), candidate}), one}, cell);
  step.write("aten::mul.out", {sigmoid(3), step.call("aten::tanh", {cell})}, hidden);
  lowering.call_operator("executorch_prim::et_copy_index.tensor", {output, hidden, number}, {output});
  lowering.call_operator("executorch_prim::add.Scalar", {number, one, number}, {});
  lowering.call_operator("executorch_prim::eq.Scalar", {number, steps, is_last}, {});
  program.instructions.push_back({.kind = Instruction::Kind::JumpIfFalse,
                                  .target = first,
                                  .arguments = {is_last},
                                  .module_path = lowering.module_path});
  lowering.call_operator("executorch_prim::sub.Scalar", {number, steps, number}, {});  // for the next call
  return {output, lowering.view(hidden, call.out(1).sizes), lowering.view(cell, call.out(2).sizes)};
}

}  // namespace

void add_recurrence_lowerings(LoweringTable& table) { table.add("aten::lstm.input", lstm); }

}  // namespace exformer::executorch
