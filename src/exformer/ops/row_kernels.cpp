#include "exformer/ops/row_kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "exformer/ops/vector_clones.h"
#include "exformer/ops/vector_math.h"

namespace exformer {
namespace {

bool is_large(RowShape shape) { return shape.rows > 1 && shape.rows * shape.length > 32768; }

template <class T>
EXFORMER_ALWAYS_INLINE T row_maximum(const T* row, int64_t length) {
  T result = -std::numeric_limits<T>::infinity();
#pragma omp simd reduction(max : result)
  for (int64_t i = 0; i < length; ++i) result = row[i] > result ? row[i] : result;
  return result;
}

template <class T>
EXFORMER_ALWAYS_INLINE void softmax_body(const T* in, T* out, int64_t length, bool safe) {
  const T top = row_maximum(in, length);
  if (safe && top == -std::numeric_limits<T>::infinity()) {
    T nan_or_zero = 0;  // 0 unless a NaN is among the values
    for (int64_t i = 0; i < length; ++i) nan_or_zero = in[i] == in[i] ? nan_or_zero : in[i];
    std::fill(out, out + length, nan_or_zero);
    return;
  }
  T sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < length; ++i) {
    const T value = exp_value(in[i] - top);
    out[i] = value;
    sum += value;
  }
  const T scale = T(1) / sum;
  for (int64_t i = 0; i < length; ++i) out[i] *= scale;
}

template <class T>
EXFORMER_ALWAYS_INLINE void log_softmax_body(const T* in, T* out, int64_t length) {
  const T top = row_maximum(in, length);
  T sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < length; ++i) sum += exp_value(in[i] - top);
  const T shift = std::log(sum);
  for (int64_t i = 0; i < length; ++i) out[i] = in[i] - top - shift;
}

template <class T>
EXFORMER_ALWAYS_INLINE void moments_body(const T* in, int64_t length, T eps, T* mean, T* rstd) {
  T sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < length; ++i) sum += in[i];
  const T center = sum / static_cast<T>(length);
  T squares = 0;
#pragma omp simd reduction(+ : squares)
  for (int64_t i = 0; i < length; ++i) squares += (in[i] - center) * (in[i] - center);
  *mean = center;
  *rstd = T(1) / std::sqrt(squares / static_cast<T>(length) + eps);
}

template <class T>
EXFORMER_ALWAYS_INLINE void layer_norm_body(const T* in, const T* weight, const T* bias, T* out, int64_t length,
                                            T center, T scale) {
  if (weight && bias) {
    for (int64_t i = 0; i < length; ++i) out[i] = (in[i] - center) * scale * weight[i] + bias[i];
  } else if (weight) {
    for (int64_t i = 0; i < length; ++i) out[i] = (in[i] - center) * scale * weight[i];
  } else if (bias) {
    for (int64_t i = 0; i < length; ++i) out[i] = (in[i] - center) * scale + bias[i];
  } else {
    for (int64_t i = 0; i < length; ++i) out[i] = (in[i] - center) * scale;
  }
}

template <class T>
EXFORMER_ALWAYS_INLINE void rms_norm_body(const T* in, const T* weight, T* out, int64_t length, T eps) {
  T squares = 0;
#pragma omp simd reduction(+ : squares)
  for (int64_t i = 0; i < length; ++i) squares += in[i] * in[i];
  const T scale = T(1) / std::sqrt(squares / static_cast<T>(length) + eps);
  if (weight) {
    for (int64_t i = 0; i < length; ++i) out[i] = in[i] * scale * weight[i];
  } else {
    for (int64_t i = 0; i < length; ++i) out[i] = in[i] * scale;
  }
}

#define EXFORMER_ROW_FUNCTIONS(T)                                                                                 \
  EXFORMER_VECTOR_CLONES void log_softmax_row(const T* in, T* out, int64_t length) {                              \
    log_softmax_body(in, out, length);                                                                            \
  }                                                                                                               \
  EXFORMER_VECTOR_CLONES void row_moment(const T* in, int64_t length, T eps, T* mean, T* rstd) {                  \
    moments_body(in, length, eps, mean, rstd);                                                                    \
  }                                                                                                               \
  EXFORMER_VECTOR_CLONES void layer_norm_row(const T* in, const T* weight, const T* bias, T* out, int64_t length, \
                                             T mean, T rstd) {                                                    \
    layer_norm_body(in, weight, bias, out, length, mean, rstd);                                                   \
  }                                                                                                               \
  EXFORMER_VECTOR_CLONES void rms_norm_row(const T* in, const T* weight, T* out, int64_t length, T eps) {         \
    rms_norm_body(in, weight, out, length, eps);                                                                  \
  }
EXFORMER_ROW_FUNCTIONS(float)
EXFORMER_ROW_FUNCTIONS(double)
#undef EXFORMER_ROW_FUNCTIONS

}  // namespace

EXFORMER_VECTOR_CLONES void softmax_row(const float* in, float* out, int64_t length, bool safe) {
  softmax_body(in, out, length, safe);
}
EXFORMER_VECTOR_CLONES void softmax_row(const double* in, double* out, int64_t length, bool safe) {
  softmax_body(in, out, length, safe);
}

template <class T>
void softmax_rows(const T* input, T* output, RowShape shape, bool safe) {
#pragma omp parallel for if (is_large(shape))
  for (int64_t row = 0; row < shape.rows; ++row)
    softmax_row(input + row * shape.length, output + row * shape.length, shape.length, safe);
}

template <class T>
void log_softmax_rows(const T* input, T* output, RowShape shape) {
#pragma omp parallel for if (is_large(shape))
  for (int64_t row = 0; row < shape.rows; ++row)
    log_softmax_row(input + row * shape.length, output + row * shape.length, shape.length);
}

template <class T>
void row_moments(const T* input, RowShape shape, double eps, T* mean, T* reciprocal_deviation) {
#pragma omp parallel for if (is_large(shape))
  for (int64_t row = 0; row < shape.rows; ++row) {
    row_moment(input + row * shape.length, shape.length, static_cast<T>(eps), mean + row, reciprocal_deviation + row);
  }
}

template <class T>
void layer_norm_rows(const T* input, const T* weight, const T* bias, T* output, RowShape shape, const T* mean,
                     const T* reciprocal_deviation) {
#pragma omp parallel for if (is_large(shape))
  for (int64_t row = 0; row < shape.rows; ++row) {
    layer_norm_row(input + row * shape.length, weight, bias, output + row * shape.length, shape.length, mean[row],
                   reciprocal_deviation[row]);
  }
}

template <class T>
void rms_norm_rows(const T* input, const T* weight, T* output, RowShape shape, double eps) {
#pragma omp parallel for if (is_large(shape))
  for (int64_t row = 0; row < shape.rows; ++row) {
    rms_norm_row(input + row * shape.length, weight, output + row * shape.length, shape.length, static_cast<T>(eps));
  }
}

#define EXFORMER_ROW_KERNELS(T)                                                                  \
  template void softmax_rows(const T*, T*, RowShape, bool);                                      \
  template void log_softmax_rows(const T*, T*, RowShape);                                        \
  template void row_moments(const T*, RowShape, double, T*, T*);                                 \
  template void layer_norm_rows(const T*, const T*, const T*, T*, RowShape, const T*, const T*); \
  template void rms_norm_rows(const T*, const T*, T*, RowShape, double);
EXFORMER_ROW_KERNELS(float)
EXFORMER_ROW_KERNELS(double)
#undef EXFORMER_ROW_KERNELS

}  // namespace exformer
