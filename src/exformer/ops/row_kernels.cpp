#include "exformer/ops/row_kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "exformer/ops/vector_math.h"

namespace exformer {
namespace {

bool is_large(RowShape shape) { return shape.rows > 1 && shape.rows * shape.length > 32768; }

template <class T>
T maximum(const T* row, int64_t length) {
  T result = -std::numeric_limits<T>::infinity();
  bool has_nan = false;
#pragma omp simd reduction(max : result) reduction(|| : has_nan)
  for (int64_t i = 0; i < length; ++i) {
    result = row[i] > result ? row[i] : result;
    has_nan = has_nan || row[i] != row[i];
  }
  return has_nan ? std::numeric_limits<T>::quiet_NaN() : result;
}

}  // namespace

template <class T>
void softmax_rows(const T* input, T* output, RowShape shape, bool safe) {
#pragma omp parallel for if (is_large(shape))
  for (int64_t row = 0; row < shape.rows; ++row) {
    const T* in = input + row * shape.length;
    T* out = output + row * shape.length;
    const T top = maximum(in, shape.length);
    if (safe && top == -std::numeric_limits<T>::infinity()) {
      std::fill(out, out + shape.length, T(0));
      continue;
    }
    T sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < shape.length; ++i) {
      out[i] = exp_value(in[i] - top);
      sum += out[i];
    }
    const T scale = T(1) / sum;
    for (int64_t i = 0; i < shape.length; ++i) out[i] *= scale;
  }
}

template <class T>
void log_softmax_rows(const T* input, T* output, RowShape shape) {
#pragma omp parallel for if (is_large(shape))
  for (int64_t row = 0; row < shape.rows; ++row) {
    const T* in = input + row * shape.length;
    T* out = output + row * shape.length;
    const T top = maximum(in, shape.length);
    T sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < shape.length; ++i) sum += exp_value(in[i] - top);
    const T shift = top == -std::numeric_limits<T>::infinity() ? std::numeric_limits<T>::quiet_NaN() : std::log(sum);
    for (int64_t i = 0; i < shape.length; ++i) out[i] = in[i] - top - shift;
  }
}

template <class T>
void row_moments(const T* input, RowShape shape, double eps, T* mean, T* reciprocal_deviation) {
  const T count = static_cast<T>(shape.length);
#pragma omp parallel for if (is_large(shape))
  for (int64_t row = 0; row < shape.rows; ++row) {
    const T* in = input + row * shape.length;
    T sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < shape.length; ++i) sum += in[i];
    const T center = sum / count;
    T squares = 0;
#pragma omp simd reduction(+ : squares)
    for (int64_t i = 0; i < shape.length; ++i) squares += (in[i] - center) * (in[i] - center);
    mean[row] = center;
    reciprocal_deviation[row] = T(1) / std::sqrt(squares / count + static_cast<T>(eps));
  }
}

template <class T>
void layer_norm_rows(const T* input, const T* weight, const T* bias, T* output, RowShape shape, const T* mean, const T* reciprocal_deviation) {
#pragma omp parallel for if (is_large(shape))
  for (int64_t row = 0; row < shape.rows; ++row) {
    const T* in = input + row * shape.length;
    T* out = output + row * shape.length;
    const T center = mean[row], scale = reciprocal_deviation[row];
    if (weight && bias) {
      for (int64_t i = 0; i < shape.length; ++i) out[i] = (in[i] - center) * scale * weight[i] + bias[i];
    } else if (weight) {
      for (int64_t i = 0; i < shape.length; ++i) out[i] = (in[i] - center) * scale * weight[i];
    } else {
      for (int64_t i = 0; i < shape.length; ++i) out[i] = (in[i] - center) * scale + (bias ? bias[i] : T(0));
    }
  }
}

template <class T>
void rms_norm_rows(const T* input, const T* weight, T* output, RowShape shape, double eps) {
#pragma omp parallel for if (is_large(shape))
  for (int64_t row = 0; row < shape.rows; ++row) {
    const T* in = input + row * shape.length;
    T* out = output + row * shape.length;
    T squares = 0;
#pragma omp simd reduction(+ : squares)
    for (int64_t i = 0; i < shape.length; ++i) squares += in[i] * in[i];
    const T scale = T(1) / std::sqrt(squares / static_cast<T>(shape.length) + static_cast<T>(eps));
    for (int64_t i = 0; i < shape.length; ++i) out[i] = in[i] * scale * (weight ? weight[i] : T(1));
  }
}

#define EXFORMER_ROW_KERNELS(T)                                                                     \
  template void softmax_rows(const T*, T*, RowShape, bool);                                         \
  template void log_softmax_rows(const T*, T*, RowShape);                                           \
  template void row_moments(const T*, RowShape, double, T*, T*);                                    \
  template void layer_norm_rows(const T*, const T*, const T*, T*, RowShape, const T*, const T*);    \
  template void rms_norm_rows(const T*, const T*, T*, RowShape, double);
EXFORMER_ROW_KERNELS(float)
EXFORMER_ROW_KERNELS(double)
#undef EXFORMER_ROW_KERNELS

}  // namespace exformer
