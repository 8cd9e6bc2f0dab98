// Convolutions, forward and transposed, of any number of spatial dims.
#include "exformer/backends/onnx/lowering.h"
#include "exformer/base/error.h"

namespace exformer::onnx {
namespace {

struct Geometry {
  std::vector<int64_t> stride, padding, dilation, output_padding;
  std::string auto_pad;
  int64_t groups = 1;
  bool transposed = false;
};

/// One number stands for all spatial dims.
std::vector<int64_t> spread(std::vector<int64_t> values, size_t count) {
  if (values.size() == 1) values.resize(count, values[0]);
  return values;
}

Results convolve(const LowerCall& call, Geometry geometry) {
  OnnxGraph& graph = call.graph;
  ValueId input = call.promoted("input");
  const ValueId weight = call.promoted("weight");
  const size_t spatial = static_cast<size_t>(graph.rank(weight)) - 2;
  const bool is_unbatched = static_cast<size_t>(graph.rank(input)) == spatial + 1;
  Attributes attributes = {{"strides", spread(geometry.stride, spatial)},
                           {"dilations", spread(geometry.dilation, spatial)},
                           {"group", geometry.groups}};
  if (geometry.auto_pad.empty()) {
    std::vector<int64_t> pads = spread(geometry.padding, spatial);
    pads.insert(pads.end(), pads.begin(), pads.begin() + static_cast<int64_t>(spatial));
    attributes.emplace_back("pads", pads);
  } else {
    attributes.emplace_back("auto_pad", geometry.auto_pad);
  }
  if (geometry.transposed) attributes.emplace_back("output_padding", spread(geometry.output_padding, spatial));
  if (is_unbatched) input = call.onnx.unsqueeze(input, 0);
  std::vector<ValueId> inputs = {input, weight};
  if (const ValueId bias = call.optional("bias"); bias != kAbsent) inputs.push_back(graph.cast(bias, call.out_dtype()));
  Sizes sizes = call.out().sizes;
  if (is_unbatched) sizes.insert(sizes.begin(), SymInt(1));
  const ValueId output = graph.emit(geometry.transposed ? "ConvTranspose" : "Conv", std::move(inputs),
                                    std::move(attributes), call.out_dtype(), std::move(sizes));
  return {is_unbatched ? call.onnx.squeeze(output, 0) : output};
}

Results forward(const LowerCall& call) {
  return convolve(call, {call.args.integers("stride"),
                         call.args.integers("padding"),
                         call.args.integers("dilation"),
                         {},
                         "",
                         call.args.integer("groups")});
}

/// padding = "valid" is none; "same" puts the odd one at the end, as SAME_UPPER does.
Results named_padding(const LowerCall& call) {
  Geometry geometry{call.args.integers("stride"), {0}, call.args.integers("dilation"), {}, "",
                    call.args.integer("groups")};
  if (call.args.string("padding") == "same") geometry.auto_pad = "SAME_UPPER";
  return convolve(call, std::move(geometry));
}

Results backward(const LowerCall& call) {
  return convolve(call, {call.args.integers("stride"), call.args.integers("padding"), call.args.integers("dilation"),
                         call.args.integers("output_padding"), "", call.args.integer("groups"), true});
}

Results general(const LowerCall& call) { return call.args.boolean("transposed") ? backward(call) : forward(call); }

}  // namespace

void add_convolution_lowerings(LoweringTable& table) {
  table.add("aten::convolution", general);
  for (const char* op : {"aten::conv1d", "aten::conv2d", "aten::conv3d"}) {
    table.add(op, forward);
    table.add(std::string(op) + ".padding", named_padding);
  }
  table.add("aten::conv_transpose1d", backward);
  table.add("aten::conv_transpose2d.input", backward);
  table.add("aten::conv_transpose3d.input", backward);
}

}  // namespace exformer::onnx
