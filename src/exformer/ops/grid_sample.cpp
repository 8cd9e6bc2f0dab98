// grid_sampler: values of an image at given positions. Positions and weights as ATen/native/GridSampler.h computes
// them.
#include <algorithm>
#include <array>
#include <cmath>

#include "exformer/ops/builder.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/layout_rules.h"
#include "exformer/ops/matmul_kernels.h"
#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

enum class Interpolation : int64_t { Bilinear, Nearest, Bicubic };
enum class Border : int64_t { Zeros, Edge, Reflection };

struct Sampling {
  Interpolation interpolation;
  Border border;
  bool align_corners;
};

/// A position in [-1, 1] as a pixel coordinate.
template <class T>
T pixel_position(T position, int64_t size, bool align_corners) {
  const T length = static_cast<T>(size);
  return align_corners ? (position + 1) / 2 * (length - 1) : ((position + 1) * length - 1) / 2;
}

/// Reflects into [low / 2, high / 2].
template <class T>
T reflect(T value, int64_t twice_low, int64_t twice_high) {
  if (twice_low == twice_high) return 0;
  const T low = static_cast<T>(twice_low) / 2, span = static_cast<T>(twice_high - twice_low) / 2;
  value = std::abs(value - low);
  const T rest = std::fmod(value, span);
  const auto flips = static_cast<int64_t>(std::floor(value / span));
  return flips % 2 == 0 ? rest + low : span - rest + low;
}

/// compute_coordinates: how the border brings a coordinate back inside.
template <class T>
T bring_inside(T value, int64_t size, const Sampling& sampling) {
  if (sampling.border == Border::Zeros) return value;
  if (sampling.border == Border::Reflection)
    value = sampling.align_corners ? reflect<T>(value, 0, 2 * (size - 1)) : reflect<T>(value, -1, 2 * size - 1);
  return std::min(std::max(value, T(0)), static_cast<T>(size - 1));
}

/// Pixels along one dim and their weights; an index outside counts as 0.
template <class T>
struct Taps {
  std::array<int64_t, 4> index{};
  std::array<T, 4> weight{};
  int count = 0;
  void add(int64_t i, T w) {
    index[count] = i;
    weight[count++] = w;
  }
};

template <class T>
Taps<T> taps_at(T position, int64_t size, const Sampling& sampling) {
  const T pixel = pixel_position(position, size, sampling.align_corners);
  Taps<T> taps;
  // Far outside or not a number: kept within what an integer holds.
  const auto whole = [](T value) {
    return value > T(-1e9) && value < T(1e9) ? static_cast<int64_t>(value) : int64_t{-1000};
  };
  if (sampling.interpolation == Interpolation::Bicubic) {
    constexpr T a = T(-0.75);
    const T below = std::floor(pixel), t = pixel - below;
    const auto near = [](T x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
    const auto far = [](T x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
    const T weights[] = {far(t + 1), near(t), near(1 - t), far(2 - t)};
    for (int i = 0; i < 4; ++i)
      taps.add(whole(bring_inside(below + static_cast<T>(i - 1), size, sampling)), weights[i]);
    return taps;
  }
  const T inside = bring_inside(pixel, size, sampling);
  if (sampling.interpolation == Interpolation::Nearest) {
    taps.add(whole(std::nearbyint(inside)), T(1));
    return taps;
  }
  const T below = std::floor(inside);
  taps.add(whole(below), below + 1 - inside);
  taps.add(whole(below) + 1, inside - below);
  return taps;
}

template <class T>
void sample(const HostTensor& input, const HostTensor& grid, const Sampling& sampling, HostTensor& output) {
  const int64_t batch = output.size(0), channels = output.size(1), rows = output.size(2), columns = output.size(3);
  const int64_t height = input.size(2), width = input.size(3), positions = rows * columns;
#pragma omp parallel for if (batch * positions > 1024)
  for (int64_t at = 0; at < batch * positions; ++at) {
    const int64_t n = at / positions, position = at % positions;
    const Taps<T> across = taps_at(grid.data<T>()[2 * at], width, sampling);
    const Taps<T> down = taps_at(grid.data<T>()[2 * at + 1], height, sampling);
    for (int64_t c = 0; c < channels; ++c) {
      const T* plane = input.data<T>() + (n * channels + c) * height * width;
      T sum = 0;
      for (int y = 0; y < down.count; ++y) {
        if (down.index[y] < 0 || down.index[y] >= height) continue;
        T line = 0;
        for (int x = 0; x < across.count; ++x) {
          if (across.index[x] >= 0 && across.index[x] < width)
            line += across.weight[x] * plane[down.index[y] * width + across.index[x]];
        }
        sum += down.weight[y] * line;
      }
      output.data<T>()[(n * channels + c) * positions + position] = sum;
    }
  }
}

template <class A>
Sampling read_sampling(const A& args) {
  const int64_t interpolation = args.integer("interpolation_mode"), border = args.integer("padding_mode");
  if (interpolation < 0 || interpolation > 2)
    fail("{}: interpolation_mode must be 0, 1 or 2, got {}", args.schema().name, interpolation);
  if (border < 0 || border > 2) fail("{}: padding_mode must be 0, 1 or 2, got {}", args.schema().name, border);
  return {static_cast<Interpolation>(interpolation), static_cast<Border>(border), args.boolean("align_corners")};
}

std::vector<OutputMeta> infer_grid_sample(const MetaArgs& args) {
  const std::string_view op = args.schema().name;
  const TensorMeta& input = *args.tensor("input");
  const TensorMeta& grid = *args.tensor("grid");
  read_sampling(args);
  if (input.rank() == 5) unsupported("{}: volumes; input has sizes {}", op, to_string(input.sizes));
  if (input.rank() != 4 || grid.rank() != 4)
    fail("{}: input and grid must have 4 dims, got sizes {} and {}", op, to_string(input.sizes), to_string(grid.sizes));
  if (input.dtype != grid.dtype)
    fail("{}: input is {} but grid is {}", op, dtype_name(input.dtype), dtype_name(grid.dtype));
  if (!known_equal(input.sizes[0], grid.sizes[0]) || !known_equal(grid.sizes[3], 2)) {
    fail("{}: a grid of sizes {} does not fit an input of sizes {}", op, to_string(grid.sizes), to_string(input.sizes));
  }
  return {contiguous_meta(input.dtype, {input.sizes[0], input.sizes[1], grid.sizes[1], grid.sizes[2]})};
}

std::vector<HostTensor> run_grid_sample(const KernelArgs& args) {
  const HostTensor& given = args.tensor("input");
  const DType dtype = compute_dtype(given.dtype(), args.schema().name);
  const HostTensor input = given.to(dtype).contiguous(), grid = args.tensor("grid").to(dtype).contiguous();
  HostTensor output = HostTensor::empty(dtype, {input.size(0), input.size(1), grid.size(1), grid.size(2)});
  with_float_type(dtype, [&](auto zero) { sample<decltype(zero)>(input, grid, read_sampling(args), output); });
  return {output.to(given.dtype())};
}

}  // namespace

void declare_grid_sample_ops(OpRegistry& ops) {
  ops.declare({.schema = "aten::grid_sampler(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool "
                         "align_corners) -> Tensor",
               .infer = infer_grid_sample,
               .kernel = run_grid_sample,
               .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                 return {builder.call("aten::grid_sampler_2d", {args["input"], args["grid"], args["interpolation_mode"],
                                                                args["padding_mode"], args["align_corners"]})};
               }});
  ops.declare({.schema = "aten::grid_sampler_2d(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, "
                         "bool align_corners) -> Tensor",
               .infer = infer_grid_sample,
               .kernel = run_grid_sample,
               .out_variant = "aten::grid_sampler_2d.out",
               .tags = Tag::Core});
}

}  // namespace exformer
