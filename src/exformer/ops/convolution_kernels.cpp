#include "exformer/ops/convolution_kernels.h"

#include <algorithm>

#include "exformer/ops/matmul_kernels.h"

namespace exformer {
namespace {

using Three = std::array<int64_t, 3>;

/// Spatial values as depth, height, width; missing leading ones are `fill`.
Three three(const std::vector<int64_t>& values, int64_t fill) {
  Three result{fill, fill, fill};
  std::copy(values.begin(), values.end(), result.end() - static_cast<int64_t>(values.size()));
  return result;
}

/// The image that windows slide over, the windows' positions, and how they step.
struct Windows {
  Three image, positions, kernel, stride, padding, dilation;
};

int64_t volume(const Three& sizes) { return sizes[0] * sizes[1] * sizes[2]; }

/// Visits every (kernel offset row, image offset) pair of one channel: `visit(column_row, column_index, image_index)`.
template <class Visit>
void for_each_tap(const Windows& w, Visit visit) {
  int64_t tap = 0;
  for (int64_t kd = 0; kd < w.kernel[0]; ++kd) {
    for (int64_t kh = 0; kh < w.kernel[1]; ++kh) {
      for (int64_t kw = 0; kw < w.kernel[2]; ++kw, ++tap) {
        int64_t position = 0;
        for (int64_t pd = 0; pd < w.positions[0]; ++pd) {
          const int64_t d = pd * w.stride[0] - w.padding[0] + kd * w.dilation[0];
          for (int64_t ph = 0; ph < w.positions[1]; ++ph) {
            const int64_t h = ph * w.stride[1] - w.padding[1] + kh * w.dilation[1];
            const bool inside = d >= 0 && d < w.image[0] && h >= 0 && h < w.image[1];
            const int64_t row = (d * w.image[1] + h) * w.image[2];
            for (int64_t pw = 0; pw < w.positions[2]; ++pw, ++position) {
              const int64_t x = pw * w.stride[2] - w.padding[2] + kw * w.dilation[2];
              if (inside && x >= 0 && x < w.image[2]) visit(tap, position, row + x);
            }
          }
        }
      }
    }
  }
}

template <class T>
void run_forward(const HostTensor& input, const HostTensor& weight, HostTensor& output, const Windows& w,
                 int64_t groups) {
  const int64_t batch = input.size(0), channels = input.size(1) / groups, filters = weight.size(0) / groups;
  const int64_t taps = volume(w.kernel), positions = volume(w.positions), image = volume(w.image);
#pragma omp parallel for if (batch * groups > 1)
  for (int64_t index = 0; index < batch * groups; ++index) {
    const int64_t n = index / groups, group = index % groups;
    std::vector<T> columns(static_cast<size_t>(channels * taps * positions), T(0));
    for (int64_t c = 0; c < channels; ++c) {
      const T* plane = input.data<T>() + (n * groups * channels + group * channels + c) * image;
      T* rows = columns.data() + c * taps * positions;
      for_each_tap(
          w, [&](int64_t tap, int64_t position, int64_t pixel) { rows[tap * positions + position] = plane[pixel]; });
    }
    multiply_matrices(filters, positions, channels * taps, weight.data<T>() + group * filters * channels * taps,
                      MatrixStrides{channels * taps, 1}, columns.data(), MatrixStrides{positions, 1},
                      output.data<T>() + (n * groups + group) * filters * positions);
  }
}

/// The forward pass read backwards: columns are products, then added into the image.
template <class T>
void run_transposed(const HostTensor& input, const HostTensor& weight, HostTensor& output, const Windows& w,
                    int64_t groups) {
  const int64_t batch = input.size(0), channels = input.size(1) / groups, filters = weight.size(1);
  const int64_t taps = volume(w.kernel), positions = volume(w.positions), image = volume(w.image);
#pragma omp parallel for if (batch * groups > 1)
  for (int64_t index = 0; index < batch * groups; ++index) {
    const int64_t n = index / groups, group = index % groups;
    std::vector<T> columns(static_cast<size_t>(filters * taps * positions), T(0));
    multiply_matrices(filters * taps, positions, channels, weight.data<T>() + group * channels * filters * taps,
                      MatrixStrides{1, filters * taps}, input.data<T>() + (n * groups + group) * channels * positions,
                      MatrixStrides{positions, 1}, columns.data());
    for (int64_t f = 0; f < filters; ++f) {
      T* plane = output.data<T>() + (n * groups * filters + group * filters + f) * image;
      const T* rows = columns.data() + f * taps * positions;
      for_each_tap(
          w, [&](int64_t tap, int64_t position, int64_t pixel) { plane[pixel] += rows[tap * positions + position]; });
    }
  }
}

}  // namespace

HostTensor convolve_reference(const HostTensor& given_input, const HostTensor& given_weight, const HostTensor& bias,
                              const ConvolutionShape& shape, const std::vector<int64_t>& sizes) {
  const HostTensor input = given_input.contiguous(), weight = given_weight.contiguous();
  HostTensor output = HostTensor::zeros(input.dtype(), sizes);
  if (output.element_count() == 0) return output;
  const std::vector<int64_t> in(input.sizes().begin() + 2, input.sizes().end()), out(sizes.begin() + 2, sizes.end()),
      kernel(weight.sizes().begin() + 2, weight.sizes().end());
  Windows windows{three(shape.transposed ? out : in, 1),
                  three(shape.transposed ? in : out, 1),
                  three(kernel, 1),
                  three(shape.stride, 1),
                  three(shape.padding, 0),
                  three(shape.dilation, 1)};
  with_float_type(input.dtype(), [&](auto zero) {
    using T = decltype(zero);
    if (shape.transposed) {
      run_transposed<T>(input, weight, output, windows, shape.groups);
    } else {
      run_forward<T>(input, weight, output, windows, shape.groups);
    }
  });
  if (bias.defined()) {
    std::vector<int64_t> bias_sizes(sizes.size(), 1);
    bias_sizes[1] = sizes[1];
    scale_and_add(output, 1.0, 1.0, bias.contiguous().reshaped(bias_sizes));
  }
  return output;
}

}  // namespace exformer
