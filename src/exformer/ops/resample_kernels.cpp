#include "exformer/ops/resample_kernels.h"

#include <algorithm>
#include <cmath>

#include "exformer/ops/matmul_kernels.h"

namespace exformer {
namespace {

/// area_pixel_compute_scale
float pixel_scale(int64_t input, int64_t output, bool align_corners, std::optional<double> scale) {
  if (align_corners) return output > 1 ? static_cast<float>(input - 1) / static_cast<float>(output - 1) : 0.0F;
  if (scale && *scale > 0.0) return static_cast<float>(1.0 / *scale);
  return static_cast<float>(input) / static_cast<float>(output);
}

/// Keys' cubic kernel for distances below 1 and from 1 to 2; torch takes -0.75, and -0.5 when it smooths.
float cubic_near(float x, float a) { return ((a + 2.0F) * x - (a + 3.0F)) * x * x + 1.0F; }
float cubic_far(float x, float a) { return ((a * x - 5.0F * a) * x + 8.0F * a) * x - 4.0F * a; }

float smoothing_weight(Filter filter, float x) {
  x = std::abs(x);
  if (filter == Filter::Linear) return x < 1.0F ? 1.0F - x : 0.0F;
  if (x < 1.0F) return cubic_near(x, -0.5F);
  return x < 2.0F ? cubic_far(x, -0.5F) : 0.0F;
}

/// _compute_indices_min_size_weights_aa: the filter widens with the step.
std::vector<Taps::Tap> smooth_taps(int64_t i, int64_t input, float scale, Filter filter) {
  const float reach = filter == Filter::Linear ? 1.0F : 2.0F;
  const float support = scale >= 1.0F ? reach * scale : reach;
  const float inverse = scale >= 1.0F ? 1.0F / scale : 1.0F;
  const float center = scale * (static_cast<float>(i) + 0.5F);
  const int64_t first = std::max<int64_t>(static_cast<int64_t>(center - support + 0.5F), 0);
  const int64_t last = std::min<int64_t>(static_cast<int64_t>(center + support + 0.5F), input);
  std::vector<Taps::Tap> taps;
  float total = 0.0F;
  for (int64_t j = first; j < last; ++j) {
    taps.push_back({j, smoothing_weight(filter, (static_cast<float>(j) - center + 0.5F) * inverse)});
    total += taps.back().weight;
  }
  for (Taps::Tap& tap : taps) tap.weight = total == 0.0F ? tap.weight : tap.weight / total;
  return taps;
}

}  // namespace

Taps make_taps(int64_t input, int64_t output, const ResampleOptions& options, std::optional<double> user_scale) {
  const float scale = pixel_scale(input, output, options.align_corners, user_scale);
  const auto inside = [input](int64_t index) { return std::clamp<int64_t>(index, 0, input - 1); };
  Taps taps;
  for (int64_t i = 0; i < output; ++i) {
    const auto at = static_cast<float>(i);
    if (options.filter == Filter::Nearest || options.filter == Filter::NearestExact) {
      const float offset = options.filter == Filter::NearestExact ? 0.5F : 0.0F;
      taps.of_output.push_back({{inside(static_cast<int64_t>(std::floor((at + offset) * scale))), 1.0F}});
      continue;
    }
    if (options.antialias) {
      taps.of_output.push_back(smooth_taps(i, input, scale, options.filter));
      continue;
    }
    float source = options.align_corners ? scale * at : scale * (at + 0.5F) - 0.5F;
    if (options.filter == Filter::Linear) {
      source = std::max(source, 0.0F);
      const auto first = inside(static_cast<int64_t>(source));
      const float t = std::clamp(source - static_cast<float>(first), 0.0F, 1.0F);
      taps.of_output.push_back({{first, 1.0F - t}, {inside(first + 1), t}});
      continue;
    }
    const float below = std::floor(source);
    const auto first = static_cast<int64_t>(below);
    const float t = source - below;
    taps.of_output.push_back({{inside(first - 1), cubic_far(t + 1.0F, -0.75F)},
                              {inside(first), cubic_near(t, -0.75F)},
                              {inside(first + 1), cubic_near(1.0F - t, -0.75F)},
                              {inside(first + 2), cubic_far(2.0F - t, -0.75F)}});
  }
  return taps;
}

HostTensor resample_dim(const HostTensor& tensor, int64_t dim, const Taps& taps) {
  std::vector<int64_t> sizes = tensor.sizes();
  int64_t outer = 1, inner = 1;
  for (int64_t i = 0; i < tensor.rank(); ++i) {
    if (i < dim) outer *= sizes[i];
    if (i > dim) inner *= sizes[i];
  }
  const int64_t input = sizes[dim], output = static_cast<int64_t>(taps.of_output.size());
  sizes[dim] = output;
  HostTensor result = HostTensor::empty(tensor.dtype(), sizes);
  with_float_type(tensor.dtype(), [&](auto zero) {
    using T = decltype(zero);
#pragma omp parallel for if (result.element_count() > 32768)
    for (int64_t o = 0; o < outer; ++o) {
      for (int64_t i = 0; i < output; ++i) {
        T* out = result.data<T>() + (o * output + i) * inner;
        bool first = true;
        for (const Taps::Tap& tap : taps.of_output[i]) {
          const T* in = tensor.data<T>() + (o * input + tap.index) * inner;
          const T weight = static_cast<T>(tap.weight);
          if (first) {
            for (int64_t j = 0; j < inner; ++j) out[j] = in[j] * weight;
          } else {
            for (int64_t j = 0; j < inner; ++j) out[j] += in[j] * weight;
          }
          first = false;
        }
        if (first) std::fill(out, out + inner, T(0));
      }
    }
  });
  return result;
}

}  // namespace exformer
