// Layer, RMS, group, batch and instance normalization.
#include <cmath>
#include <limits>
#include <numeric>

#include "exformer/backends/onnx/lowering.h"
#include "exformer/base/error.h"

namespace exformer::onnx {
namespace {

/// The weight in the input's dtype, or a constant of its sizes.
ValueId weight_or(const LowerCall& call, std::string_view name, double otherwise, const Sizes& sizes, DType dtype) {
  if (const ValueId given = call.optional(name); given != kAbsent) return call.graph.cast(given, dtype);
  return call.onnx.full(sizes, call.graph.scalar(otherwise, dtype));
}

Results layer_norm(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const ValueId input = call.promoted("input");
  const Sizes& shape = call.args.syms("normalized_shape");
  const int64_t axis = call.meta("input").rank() - static_cast<int64_t>(shape.size());
  const DType dtype = call.out_dtype();
  std::vector<ValueId> inputs = {input, weight_or(call, "weight", 1.0, shape, dtype)};
  if (const ValueId bias = call.optional("bias"); bias != kAbsent) inputs.push_back(graph.cast(bias, dtype));
  const Attributes attributes = {{"axis", axis}, {"epsilon", call.args.real("eps")}};
  if (call.node.outputs().size() == 1)
    return {graph.emit("LayerNormalization", std::move(inputs), attributes, dtype, call.out().sizes)};
  bool needs_statistics = false;
  for (size_t i = 1; i < call.node.outputs().size(); ++i) {
    needs_statistics =
        needs_statistics || !call.node.output(i)->users().empty() || call.node.graph().is_output(call.node.output(i));
  }
  if (!needs_statistics) {
    const ValueId output = graph.emit("LayerNormalization", std::move(inputs), attributes, dtype, call.out().sizes);
    return {output, output, output};  // the statistics are read by nothing
  }
  return graph.emit_many(
      "LayerNormalization", std::move(inputs), attributes,
      {{dtype, call.out().sizes}, {DType::Float32, call.out(1).sizes}, {DType::Float32, call.out(2).sizes}});
}

/// x * rsqrt(mean(x^2) + eps) * weight, in float32 for 16-bit inputs.
Results rms_norm(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const Sizes& shape = call.args.syms("normalized_shape");
  const int64_t rank = call.meta("input").rank(), axis = rank - static_cast<int64_t>(shape.size());
  const DType dtype = call.out_dtype();
  const ValueId input = call.promoted("input");
  const double smallest =
      dtype == DType::Float64 ? std::numeric_limits<double>::epsilon() : std::numeric_limits<float>::epsilon();
  const double eps = call.args.optional_real("eps").value_or(smallest);
  if (graph.opset() >= 23) {
    const ValueId weight = weight_or(call, "weight", 1.0, shape, dtype);
    return {
        graph.emit("RMSNormalization", {input, weight}, {{"axis", axis}, {"epsilon", eps}}, dtype, call.out().sizes)};
  }
  const DType wide = dtype == DType::Float16 ? DType::Float32 : dtype;
  const ValueId x = graph.cast(input, wide);
  std::vector<int64_t> axes(static_cast<size_t>(rank - axis));
  std::iota(axes.begin(), axes.end(), axis);
  const ValueId mean = call.onnx.reduce("ReduceMean", graph.pointwise("Mul", {x, x}), axes, true);
  const ValueId scale = graph.pointwise(
      "Reciprocal", {graph.pointwise("Sqrt", {graph.pointwise("Add", {mean, graph.scalar(eps, wide)})})});
  const ValueId normalized = graph.cast(graph.pointwise("Mul", {x, scale}), dtype);
  const ValueId weight = call.optional("weight");
  return {weight == kAbsent ? normalized : graph.pointwise("Mul", {normalized, graph.cast(weight, dtype)})};
}

/// [N, C, ...] * weight[C] + bias[C]
ValueId per_channel(const LowerCall& call, ValueId value, std::string_view op, std::string_view name) {
  const ValueId given = call.optional(name);
  if (given == kAbsent) return value;
  OnnxGraph& graph = call.graph;
  Sizes sizes(static_cast<size_t>(graph.rank(value) - 1), SymInt(1));
  sizes[0] = graph.sizes(given)[0];
  return graph.pointwise(op, {value, call.onnx.reshape(graph.cast(given, graph.dtype(value)), sizes)});
}

/// Each group is one instance: InstanceNormalization over [N, groups, everything else].
ValueId grouped(const LowerCall& call, ValueId input, int64_t groups, double eps) {
  OnnxGraph& graph = call.graph;
  const Sizes sizes = graph.sizes(input);
  SymInt rest = element_count(sizes);
  const SymInt per_group = floordiv(rest, sizes[0] * groups);
  const DType dtype = graph.dtype(input);
  const std::vector<double> ones(static_cast<size_t>(groups), 1.0), zeros(static_cast<size_t>(groups), 0.0);
  const auto constant = [&](const std::vector<double>& values) {
    return graph.constant(HostTensor::from(DType::Float64, {groups}, values).to(dtype));
  };
  const ValueId folded = graph.emit("Reshape", {input, graph.constant_ints({0, groups, -1})}, {}, dtype,
                                    {sizes[0], SymInt(groups), per_group});
  const ValueId normalized = graph.emit("InstanceNormalization", {folded, constant(ones), constant(zeros)},
                                        {{"epsilon", eps}}, dtype, graph.sizes(folded));
  return call.onnx.reshape(normalized, sizes);
}

Results group_norm(const LowerCall& call, std::string_view groups) {
  const ValueId normalized = grouped(call, call.promoted("input"), call.args.integer(groups), call.args.real("eps"));
  const ValueId result = per_channel(call, per_channel(call, normalized, "Mul", "weight"), "Add", "bias");
  return Results(call.node.outputs().size(), result);
}

Results batch_norm(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const ValueId input = call.promoted("input");
  const DType dtype = call.out_dtype();
  if (call.optional("running_mean") == kAbsent || call.optional("running_var") == kAbsent)
    unsupported("batch normalization without running statistics");
  const Sizes channels = {call.meta("input").sizes[1]};
  const ValueId result =
      graph.emit("BatchNormalization",
                 {input, weight_or(call, "weight", 1.0, channels, dtype), weight_or(call, "bias", 0.0, channels, dtype),
                  graph.cast(call.tensor("running_mean"), dtype), graph.cast(call.tensor("running_var"), dtype)},
                 {{"epsilon", call.args.real("eps")}}, dtype, call.out().sizes);
  return Results(call.node.outputs().size(), result);
}

Results training_batch_norm(const LowerCall& call) {
  if (call.args.boolean("training")) unsupported("batch normalization in training mode");
  return batch_norm(call);
}

Results instance_norm(const LowerCall& call) {
  if (!call.args.boolean("use_input_stats")) unsupported("instance normalization with running statistics");
  const SymInt channels = call.meta("input").sizes[1];
  if (!channels.is_constant()) unsupported("instance normalization over a symbolic number of channels");
  const ValueId normalized = grouped(call, call.promoted("input"), channels.value(), call.args.real("eps"));
  return {per_channel(call, per_channel(call, normalized, "Mul", "weight"), "Add", "bias")};
}

}  // namespace

void add_normalization_lowerings(LoweringTable& table) {
  table.add("aten::layer_norm", layer_norm);
  table.add("aten::native_layer_norm", layer_norm);
  table.add("aten::rms_norm", rms_norm);
  table.add("aten::group_norm", [](const LowerCall& call) { return group_norm(call, "num_groups"); });
  table.add("aten::native_group_norm", [](const LowerCall& call) { return group_norm(call, "group"); });
  table.add("aten::batch_norm", training_batch_norm);
  table.add("aten::_native_batch_norm_legit_no_training", batch_norm);
  table.add("aten::instance_norm", instance_norm);
}

}  // namespace exformer::onnx
