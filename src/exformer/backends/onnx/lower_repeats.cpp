// Repetition and reordering of elements along dims.
#include <limits>

#include "exformer/backends/onnx/lowering.h"

namespace exformer::onnx {
namespace {

Results repeat(const LowerCall& call) {
  const ValueId self = call.tensor("self");
  const auto& repeats = call.args.syms("repeats");
  Sizes wide(repeats.size() - call.meta("self").sizes.size(), SymInt(1));
  wide.insert(wide.end(), call.meta("self").sizes.begin(), call.meta("self").sizes.end());
  const ValueId aligned = call.onnx.reshape(self, wide);
  if (call.out().sizes == wide) return {aligned};
  return {call.graph.emit("Tile", {aligned, call.onnx.shapes.vector(repeats)}, {}, call.graph.dtype(self),
                          call.out().sizes)};
}

Results flip(const LowerCall& call) {
  const ValueId self = call.tensor("self");
  const std::vector<int64_t> dims = call.dims("dims", false);
  if (dims.empty()) return {self};
  OnnxGraph& graph = call.graph;
  const auto each = [&](int64_t value) { return graph.constant_ints(std::vector<int64_t>(dims.size(), value)); };
  return {graph.emit("Slice",
                     {self, each(-1), each(std::numeric_limits<int64_t>::min()), graph.constant_ints(dims), each(-1)},
                     {}, graph.dtype(self), call.out().sizes)};
}

/// The last `shift` elements of each dim come first; without dims the tensor is rolled as one row.
Results roll(const LowerCall& call) {
  ValueId self = call.tensor("self");
  const auto& shifts = call.args.syms("shifts");
  std::vector<int64_t> dims = call.args.integers("dims");
  const Sizes sizes = call.out().sizes;
  if (sizes.empty()) return {self};
  if (dims.empty()) {
    self = call.onnx.reshape(self, {element_count(sizes)});
    dims = {0};
  }
  for (size_t i = 0; i < dims.size(); ++i) {
    const int64_t dim = dims[i] < 0 ? dims[i] + call.graph.rank(self) : dims[i];
    const SymInt size = call.graph.sizes(self)[static_cast<size_t>(dim)];
    if (size == SymInt(0)) continue;
    const SymInt start = mod(-shifts[i], size);
    if (start == SymInt(0)) continue;
    const Sizes kept = call.graph.sizes(self);
    self = call.onnx.concat({call.onnx.slice(self, dim, start, size, 1), call.onnx.slice(self, dim, 0, start, 1)}, dim);
    call.graph.set_sizes(self, kept);
  }
  return {call.onnx.reshape(self, sizes)};
}

Results repeat_interleave(const LowerCall& call) {
  ValueId self = call.tensor("self");
  const Sizes& from = call.meta("self").sizes;
  if (!call.args.has("dim")) self = call.onnx.reshape(self, {element_count(from)});
  const int64_t dim = call.args.has("dim") ? call.dim("dim") : 0;
  Sizes wide = call.graph.sizes(self);
  wide.insert(wide.begin() + dim + 1, call.args.sym("repeats"));
  return {call.onnx.reshape(call.onnx.expand(call.onnx.unsqueeze(self, dim + 1), wide), call.out().sizes)};
}

/// Each position as often as `repeats` says: a step up at the end of every run, summed. [count]
ValueId run_positions(const LowerCall& call, ValueId repeats, const SymInt& length, const SymInt& count) {
  OnnxGraph& graph = call.graph;
  const ValueId axis = graph.constant_int(0);
  const ValueId ends = graph.emit("CumSum", {graph.cast(repeats, DType::Int64), axis}, {}, DType::Int64, {length});
  const ValueId total =
      graph.emit("Gather", {ends, graph.constant_ints({-1})}, {{"axis", int64_t{0}}}, DType::Int64, {SymInt(1)});
  const ValueId room = graph.pointwise("Add", {total, graph.constant_ints({1})});  // the last run ends behind the list
  const ValueId zeros = graph.emit("Expand", {graph.constant_ints({0}), room}, {}, DType::Int64, {count + 1});
  const ValueId one = graph.constant_ints({1});
  const ValueId ones = graph.emit("Expand", {one, graph.emit("Shape", {ends}, {}, DType::Int64, {SymInt(1)})}, {},
                                  DType::Int64, {length});
  const ValueId steps = graph.emit("ScatterElements", {zeros, ends, ones}, {{"reduction", std::string("add")}},
                                   DType::Int64, {count + 1});
  const ValueId summed = graph.emit("CumSum", {steps, axis}, {}, DType::Int64, {count + 1});
  return graph.emit("Slice", {summed, graph.constant_ints({0}), total}, {}, DType::Int64, {count});
}

Results repeat_interleave_positions(const LowerCall& call) {
  const ValueId positions =
      run_positions(call, call.tensor("repeats"), call.meta("repeats").sizes[0], call.out().sizes[0]);
  return {call.graph.cast(positions, call.out_dtype())};
}

Results repeat_interleave_by_tensor(const LowerCall& call) {
  ValueId self = call.tensor("self");
  const Sizes& from = call.meta("self").sizes;
  if (!call.args.has("dim")) self = call.onnx.reshape(self, {element_count(from)});
  const int64_t dim = call.args.has("dim") ? call.dim("dim") : 0;
  const SymInt length = call.graph.sizes(self)[static_cast<size_t>(dim)];
  ValueId repeats = call.tensor("repeats");
  if (known_equal(element_count(call.meta("repeats").sizes), 1) && !known_equal(length, 1))
    repeats = call.onnx.expand(call.onnx.reshape(repeats, {SymInt(1)}), {length});
  const SymInt count = call.out().sizes[static_cast<size_t>(dim)];
  return {call.graph.emit("Gather", {self, run_positions(call, repeats, length, count)}, {{"axis", dim}},
                          call.out_dtype(), call.out().sizes)};
}

}  // namespace

void add_repeats_lowerings(LoweringTable& table) {
  table.add("aten::repeat", repeat);
  table.add("aten::flip", flip);
  table.add("aten::roll", roll);
  table.add("aten::repeat_interleave.self_int", repeat_interleave);
  table.add("aten::repeat_interleave.Tensor", repeat_interleave_positions);
  table.add("aten::repeat_interleave.self_Tensor", repeat_interleave_by_tensor);
}

}  // namespace exformer::onnx
