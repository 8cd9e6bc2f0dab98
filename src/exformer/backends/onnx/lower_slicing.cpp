// Parts of tensors along a dim, and writes into such parts.
#include <algorithm>
#include <limits>
#include <numeric>

#include "exformer/backends/onnx/lowering.h"
#include "exformer/base/error.h"

namespace exformer::onnx {
namespace {

/// ONNX's Slice wraps negative positions and cuts off what lies outside, as torch does.
Results slice(const LowerCall& call) {
  const ValueId self = call.tensor("self");
  if (call.meta("self").sizes == call.out().sizes && call.args.sym("step") == SymInt(1)) return {self};
  OnnxGraph& graph = call.graph;
  const SymInt start = call.args.optional_sym("start").value_or(SymInt(0)), step = call.args.sym("step");
  const SymInt end = call.args.optional_sym("end").value_or(SymInt(std::numeric_limits<int64_t>::max()));
  const int64_t dim = call.dim("dim");
  const SymInt& size = call.meta("self").sizes[static_cast<size_t>(dim)];
  const ValueId stop = less_equal(size, end) == Truth::Yes ? graph.constant_ints({std::numeric_limits<int64_t>::max()})
                                                           : call.onnx.shapes.one(end);
  std::vector<ValueId> inputs = {self, call.onnx.shapes.one(start), stop, graph.constant_ints({dim})};
  if (step != SymInt(1)) inputs.push_back(call.onnx.shapes.one(step));
  return {graph.emit("Slice", std::move(inputs), {}, graph.dtype(self), call.out().sizes)};
}

Results select(const LowerCall& call) {
  const ValueId self = call.tensor("self");
  const ValueId index = call.onnx.shapes.scalar(call.args.sym("index"));
  return {
      call.graph.emit("Gather", {self, index}, {{"axis", call.dim("dim")}}, call.graph.dtype(self), call.out().sizes)};
}

Results split(const LowerCall& call) {
  const ValueId self = call.tensor("self");
  const int64_t dim = call.dim("dim");
  std::vector<std::pair<DType, Sizes>> parts;
  Sizes lengths;
  for (const Value* output : call.node.outputs()) {
    parts.emplace_back(call.graph.dtype(self), output->meta.sizes);
    lengths.push_back(output->meta.sizes[static_cast<size_t>(dim)]);
  }
  if (parts.size() == 1) return {self};
  return call.graph.emit_many("Split", {self, call.onnx.shapes.vector(lengths)}, {{"axis", dim}}, std::move(parts));
}

Results unbind(const LowerCall& call) {
  const ValueId self = call.tensor("self");
  Results results;
  for (size_t i = 0; i < call.node.outputs().size(); ++i) {
    const ValueId index = call.graph.constant_int(static_cast<int64_t>(i));
    results.push_back(call.graph.emit("Gather", {self, index}, {{"axis", call.dim("dim")}}, call.graph.dtype(self),
                                      call.out(i).sizes));
  }
  return results;
}

/// Windows of `size` every `step`, as a last dim: Gather with the positions [windows, size].
Results unfold(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const ValueId self = call.tensor("self");
  const int64_t dim = call.dim("dimension"), rank = call.meta("self").rank(), size = call.args.integer("size"),
                step = call.args.integer("step");
  if (rank == 0) return {call.onnx.reshape(self, call.out().sizes)};
  const SymInt count = call.out().sizes[static_cast<size_t>(dim)];
  const ValueId starts =
      call.onnx.unsqueeze(graph.pointwise("Mul", {call.onnx.range(count), graph.constant_int(step)}), 1);
  const ValueId positions = graph.pointwise("Add", {starts, call.onnx.range(size)});
  Sizes sizes = call.meta("self").sizes;
  sizes[static_cast<size_t>(dim)] = count;
  sizes.insert(sizes.begin() + dim + 1, SymInt(size));
  const ValueId windows = graph.emit("Gather", {self, positions}, {{"axis", dim}}, graph.dtype(self), std::move(sizes));
  std::vector<int64_t> permutation;
  for (int64_t i = 0; i <= rank; ++i) {
    if (i != dim + 1) permutation.push_back(i);
  }
  permutation.push_back(dim + 1);
  return {call.onnx.transpose(windows, permutation)};
}

/// The position of a possibly negative index, counted from the front and cut to [0, size].
SymInt wrap(const SymInt& index, const SymInt& size) {
  const SymInt front = index.is_constant() && index.value() < 0 ? size + index : index;
  if (less_equal(front, size) == Truth::Yes && less_equal(0, front) == Truth::Yes) return front;
  return sym_max(0, sym_min(front, size));
}

/// self with [start, end) of one dim replaced.
ValueId replace_range(const LowerCall& call, ValueId source, int64_t dim, const SymInt& start, const SymInt& end) {
  const ValueId self = call.tensor("self");
  const SymInt& size = call.meta("self").sizes[static_cast<size_t>(dim)];
  std::vector<ValueId> parts;
  if (start != SymInt(0)) parts.push_back(call.onnx.slice(self, dim, 0, start, 1));
  parts.push_back(source);
  if (!known_equal(end, size)) parts.push_back(call.onnx.slice(self, dim, end, size, 1));
  return call.onnx.concat(parts, dim);
}

Results slice_scatter(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const ValueId self = call.tensor("self"), source = graph.cast(call.tensor("src"), graph.dtype(call.tensor("self")));
  const int64_t dim = call.dim("dim");
  const SymInt& size = call.meta("self").sizes[static_cast<size_t>(dim)];
  const SymInt start = wrap(call.args.optional_sym("start").value_or(SymInt(0)), size);
  const SymInt end = wrap(call.args.optional_sym("end").value_or(size), size), step = call.args.sym("step");
  ValueId result;
  if (step == SymInt(1)) {
    result = replace_range(call, source, dim, start, start + call.meta("src").sizes[static_cast<size_t>(dim)]);
  } else {
    // Positions along the dim, brought to the front: ScatterND writes whole rows.
    std::vector<int64_t> permutation(static_cast<size_t>(graph.rank(self)));
    std::iota(permutation.begin(), permutation.end(), 0);
    std::swap(permutation[0], permutation[static_cast<size_t>(dim)]);
    const SymInt count = call.meta("src").sizes[static_cast<size_t>(dim)];
    ShapeArithmetic& shapes = call.onnx.shapes;
    const ValueId range =
        graph.emit("Range", {shapes.scalar(start), shapes.scalar(end), shapes.scalar(step)}, {}, DType::Int64, {count});
    const ValueId data = call.onnx.transpose(self, permutation);
    const ValueId written =
        graph.emit("ScatterND", {data, call.onnx.unsqueeze(range, 1), call.onnx.transpose(source, permutation)}, {},
                   graph.dtype(self), graph.sizes(data));
    result = call.onnx.transpose(written, permutation);
  }
  graph.set_sizes(result, call.out().sizes);
  return {result};
}

Results select_scatter(const LowerCall& call) {
  const int64_t dim = call.dim("dim");
  const SymInt index = wrap(call.args.sym("index"), call.meta("self").sizes[static_cast<size_t>(dim)]);
  const ValueId source =
      call.onnx.unsqueeze(call.graph.cast(call.tensor("src"), call.graph.dtype(call.tensor("self"))), dim);
  const ValueId result = replace_range(call, source, dim, index, index + 1);
  if (result != source) call.graph.set_sizes(result, call.out().sizes);
  return {result};
}

Results diagonal(const LowerCall& call) {
  const TensorMeta& self = call.meta("self");
  const int64_t rank = self.rank();
  int64_t a = call.args.integer("dim1"), b = call.args.integer("dim2");
  a = a < 0 ? a + rank : a;
  b = b < 0 ? b + rank : b;
  const int64_t offset = call.args.integer("offset");
  // The two dims first, then GatherND at (i + down, i + right).
  std::vector<int64_t> permutation = {a, b};
  for (int64_t i = 0; i < rank; ++i) {
    if (i != a && i != b) permutation.push_back(i);
  }
  OnnxGraph& graph = call.graph;
  const SymInt count = call.out().sizes.back();
  const ValueId range = call.onnx.range(count);
  const auto moved = [&](int64_t by) {
    return call.onnx.unsqueeze(by > 0 ? graph.pointwise("Add", {range, graph.constant_int(by)}) : range, 1);
  };
  const ValueId positions = call.onnx.concat({moved(-offset), moved(offset)}, 1);
  const ValueId front = call.onnx.transpose(call.tensor("self"), permutation);
  Sizes sizes = {count};
  for (size_t i = 2; i < permutation.size(); ++i) sizes.push_back(self.sizes[static_cast<size_t>(permutation[i])]);
  const ValueId taken = graph.emit("GatherND", {front, positions}, {}, graph.dtype(front), std::move(sizes));
  std::vector<int64_t> back;
  for (int64_t i = 1; i < rank - 1; ++i) back.push_back(i);
  back.push_back(0);
  return {call.onnx.transpose(taken, back)};
}

}  // namespace

void add_slicing_lowerings(LoweringTable& table) {
  table.add("aten::slice.Tensor", slice);
  table.add("aten::select.int", select);
  for (const char* op : {"aten::split.Tensor", "aten::split_with_sizes", "aten::split.sizes", "aten::chunk"})
    table.add(op, split);
  table.add("aten::unbind.int", unbind);
  table.add("aten::unfold", unfold);
  table.add("aten::slice_scatter", slice_scatter);
  table.add("aten::select_scatter", select_scatter);
  table.add("aten::diagonal", diagonal);
}

}  // namespace exformer::onnx
