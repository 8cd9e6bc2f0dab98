// Maxima and means over sliding windows, and means over as many windows as are asked for.
#include "exformer/backends/onnx/lowering.h"
#include "exformer/base/error.h"

namespace exformer::onnx {
namespace {

constexpr size_t kDims = 2;  // pooling of one dim is decomposed into this

std::vector<int64_t> per_dim(const LowerCall& call, std::string_view name, std::string_view otherwise = {}) {
  std::vector<int64_t> values = call.args.integers(name);
  if (values.empty() && !otherwise.empty()) return per_dim(call, otherwise);
  if (values.size() == 1) values.resize(kDims, values[0]);
  return values;
}

Attributes window(const LowerCall& call) {
  std::vector<int64_t> pads = per_dim(call, "padding");
  pads.insert(pads.end(), pads.begin(), pads.end());
  return {{"kernel_shape", per_dim(call, "kernel_size")},
          {"strides", per_dim(call, "stride", "kernel_size")},
          {"pads", std::move(pads)},
          {"ceil_mode", int64_t{call.args.boolean("ceil_mode")}}};
}

/// The input as float32 with a batch dim, and the sizes of a result that has one too.
struct Planes {
  ValueId input;
  Sizes sizes;
  bool added_batch = false;
};

Planes planes(const LowerCall& call) {
  Planes result{call.graph.cast(call.tensor("self"), DType::Float32), call.out().sizes};
  if (call.meta("self").rank() == static_cast<int64_t>(kDims) + 1) {
    result.input = call.onnx.unsqueeze(result.input, 0);
    result.sizes.insert(result.sizes.begin(), SymInt(1));
    result.added_batch = true;
  }
  return result;
}

ValueId finish(const LowerCall& call, const Planes& p, ValueId value, size_t output = 0) {
  return call.graph.cast(p.added_batch ? call.onnx.squeeze(value, 0) : value, call.out_dtype(output));
}

Results max_pool(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const Planes p = planes(call);
  Attributes attributes = window(call);
  attributes.emplace_back("dilations", per_dim(call, "dilation"));
  const auto results =
      graph.emit_many("MaxPool", {p.input}, attributes, {{DType::Float32, p.sizes}, {DType::Int64, p.sizes}});
  // ONNX counts through batch and channels, torch within the plane.
  const Sizes& in = graph.sizes(p.input);
  const ValueId plane = call.onnx.shapes.scalar(in[2] * in[3]);
  const ValueId places = graph.pointwise("Mod", {results[1], plane});
  return {finish(call, p, results[0]), finish(call, p, places, 1)};
}

Results avg_pool(const LowerCall& call) {
  if (call.args.has("divisor_override")) unsupported("a divisor_override");
  const Planes p = planes(call);
  Attributes attributes = window(call);
  attributes.emplace_back("count_include_pad", int64_t{call.args.boolean("count_include_pad")});
  return {finish(call, p, call.graph.emit("AveragePool", {p.input}, attributes, DType::Float32, p.sizes))};
}

/// Row i holds the weights with which the elements of a dim enter mean number i: [count, size]. That mean is over
/// [floor(i * size / count), ceil((i + 1) * size / count)).
ValueId mean_weights(const LowerCall& call, const SymInt& size, const SymInt& count) {
  OnnxGraph& graph = call.graph;
  const auto number = [&](const SymInt& value) { return call.onnx.shapes.scalar(value); };
  const ValueId first = graph.pointwise("Mul", {call.onnx.unsqueeze(call.onnx.range(count), 1), number(size)});
  const ValueId start = graph.pointwise("Div", {first, number(count)});
  const ValueId end =
      graph.pointwise("Div", {graph.pointwise("Add", {first, number(size + count - 1)}), number(count)});
  const ValueId place = call.onnx.range(size);
  const ValueId is_inside = graph.pointwise_as(DType::Bool, "And",
                                               {graph.pointwise_as(DType::Bool, "GreaterOrEqual", {place, start}),
                                                graph.pointwise_as(DType::Bool, "Less", {place, end})});
  return graph.pointwise(
      "Div", {graph.cast(is_inside, DType::Float32), graph.cast(graph.pointwise("Sub", {end, start}), DType::Float32)});
}

/// rows @ x @ columns^T: a mean over a rectangle is one over rows, then over columns.
Results adaptive_avg_pool(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const Sizes& in = call.meta("self").sizes;
  const Sizes& out = call.out().sizes;
  ValueId value = graph.cast(call.tensor("self"), DType::Float32);
  Sizes sizes = in;
  for (size_t dim = in.size() - kDims; dim < in.size(); ++dim) {
    if (in[dim] == out[dim]) continue;
    if (out[dim] == SymInt(1)) {
      value = call.onnx.reduce("ReduceMean", value, {static_cast<int64_t>(dim)}, true);
      sizes[dim] = 1;
      continue;
    }
    sizes[dim] = out[dim];
    const ValueId weights = mean_weights(call, in[dim], out[dim]);
    if (dim + 1 < in.size()) {
      value = graph.emit("MatMul", {weights, value}, {}, DType::Float32, sizes);
    } else {
      const ValueId columns = call.onnx.transpose(weights, {1, 0});
      value = graph.emit("MatMul", {value, columns}, {}, DType::Float32, sizes);
    }
  }
  return {graph.cast(value, call.out_dtype())};
}

}  // namespace

void add_pooling_lowerings(LoweringTable& table) {
  table.add("aten::max_pool2d_with_indices", max_pool);
  table.add("aten::avg_pool2d", avg_pool);
  table.add("aten::_adaptive_avg_pool2d", adaptive_avg_pool);
}

}  // namespace exformer::onnx
