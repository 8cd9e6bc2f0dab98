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

}  // namespace

void add_repeats_lowerings(LoweringTable& table) {
  table.add("aten::repeat", repeat);
  table.add("aten::flip", flip);
  table.add("aten::roll", roll);
  table.add("aten::repeat_interleave.self_int", repeat_interleave);
}

}  // namespace exformer::onnx
