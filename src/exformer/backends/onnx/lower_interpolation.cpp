// upsample_*: Resize, which has torch's coordinates under other names; and grid_sampler.
#include "exformer/backends/onnx/lowering.h"
#include "exformer/base/error.h"
#include "exformer/symbolic/printers.h"

namespace exformer::onnx {
namespace {

struct Form {
  const char* mode;
  const char* coordinates;
  const char* rounding = "";
  double cubic_coefficient = -0.75;
  bool antialias = false;
};

/// Factors that the caller gave, which torch computes coordinates with; empty when it goes by the sizes.
std::vector<float> given_factors(const LowerCall& call, size_t dims) {
  constexpr std::string_view kOne[] = {"scales"}, kTwo[] = {"scales_h", "scales_w"};
  std::vector<float> factors;
  for (size_t i = 0; i < dims; ++i) {
    const auto factor = call.args.optional_real(dims == 1 ? kOne[i] : kTwo[i]);
    if (factor) factors.push_back(static_cast<float>(*factor));
  }
  return factors.size() == dims ? factors : std::vector<float>();
}

Results resize(const LowerCall& call, Form form) {
  OnnxGraph& graph = call.graph;
  const Sizes& sizes = call.out().sizes;
  const size_t dims = sizes.size() - 2;
  Attributes attributes{{"mode", form.mode}, {"coordinate_transformation_mode", form.coordinates}};
  if (*form.rounding) attributes.emplace_back("nearest_mode", form.rounding);
  if (std::string_view(form.mode) == "cubic") attributes.emplace_back("cubic_coeff_a", form.cubic_coefficient);
  if (form.antialias) {
    attributes.emplace_back("antialias", int64_t{1});
    attributes.emplace_back("exclude_outside", int64_t{1});
  }
  std::vector<ValueId> inputs{graph.cast(call.tensor("self"), DType::Float32), kAbsent};
  std::vector<float> factors = given_factors(call, dims);
  if (factors.empty()) {
    inputs.insert(inputs.end(), {kAbsent, call.onnx.shapes.vector(sizes)});
  } else {
    for (size_t i = 0; i < dims; ++i) {  // Resize takes its sizes from the factors
      const SymInt &in = call.meta("self").sizes[i + 2], &out = sizes[i + 2];
      const bool is_known = in.is_constant() && out.is_constant();
      const bool agrees = is_known && static_cast<int64_t>(static_cast<float>(in.value()) * factors[i]) == out.value();
      if (is_known ? !agrees : out.is_constant())
        unsupported("a factor of {} from size {} to {}", factors[i], to_string(in), to_string(out));
    }
    factors.insert(factors.begin(), {1.0F, 1.0F});
    inputs.push_back(graph.constant(HostTensor::from(DType::Float32, {static_cast<int64_t>(factors.size())}, factors)));
  }
  const ValueId result = graph.emit("Resize", std::move(inputs), std::move(attributes), DType::Float32, sizes);
  return {graph.cast(result, call.out_dtype())};
}

const char* coordinates(const LowerCall& call) {
  return call.args.boolean("align_corners") ? "align_corners" : "half_pixel";
}

Results nearest(const LowerCall& call) {
  return resize(call, {.mode = "nearest", .coordinates = "asymmetric", .rounding = "floor"});
}
Results nearest_exact(const LowerCall& call) {
  return resize(call, {.mode = "nearest", .coordinates = "half_pixel", .rounding = "round_prefer_ceil"});
}
Results linear(const LowerCall& call) { return resize(call, {.mode = "linear", .coordinates = coordinates(call)}); }
Results cubic(const LowerCall& call) { return resize(call, {.mode = "cubic", .coordinates = coordinates(call)}); }
Results linear_antialias(const LowerCall& call) {
  return resize(call, {.mode = "linear", .coordinates = coordinates(call), .antialias = true});
}
Results cubic_antialias(const LowerCall& call) {
  if (call.args.boolean("align_corners")) unsupported("antialiased cubic weights with aligned corners");
  return resize(call,
                {.mode = "cubic", .coordinates = coordinates(call), .cubic_coefficient = -0.5, .antialias = true});
}

Results grid_sample(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  constexpr int kRenamed = 20;  // the opset that took the "bi" away
  constexpr const char* kOldModes[] = {"bilinear", "nearest", "bicubic"};
  constexpr const char* kModes[] = {"linear", "nearest", "cubic"};
  constexpr const char* kPaddings[] = {"zeros", "border", "reflection"};
  const auto mode = static_cast<size_t>(call.args.integer("interpolation_mode"));
  const auto padding = static_cast<size_t>(call.args.integer("padding_mode"));
  if (call.meta("input").rank() != 4) unsupported("sampling in three dims");
  const ValueId result = graph.emit(
      "GridSample", {graph.cast(call.tensor("input"), DType::Float32), graph.cast(call.tensor("grid"), DType::Float32)},
      {{"mode", graph.opset() < kRenamed ? kOldModes[mode] : kModes[mode]},
       {"padding_mode", kPaddings[padding]},
       {"align_corners", int64_t{call.args.boolean("align_corners")}}},
      DType::Float32, call.out().sizes);
  return {graph.cast(result, call.out_dtype())};
}

}  // namespace

void add_interpolation_lowerings(LoweringTable& table) {
  table.add("aten::upsample_nearest1d", nearest);
  table.add("aten::upsample_nearest2d", nearest);
  table.add("aten::_upsample_nearest_exact1d", nearest_exact);
  table.add("aten::_upsample_nearest_exact2d", nearest_exact);
  table.add("aten::upsample_linear1d", linear);
  table.add("aten::upsample_bilinear2d", linear);
  table.add("aten::upsample_bicubic2d", cubic);
  table.add("aten::_upsample_bilinear2d_aa", linear_antialias);
  table.add("aten::_upsample_bicubic2d_aa", cubic_antialias);
  table.add("aten::grid_sampler_2d", grid_sample);
}

}  // namespace exformer::onnx
