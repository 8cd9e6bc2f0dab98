// Kernels that work along rows: softmax and the normalizations. Rows are contiguous and of one floating compute dtype.
#pragma once

#include <cstdint>

namespace exformer {

struct RowShape {
  int64_t rows = 0;
  int64_t length = 0;
};

/// One row: exp(x - max) / sum; a row of -inf alone gives NaN, or 0 when `safe`. Input and output may be the same.
void softmax_row(const float* input, float* output, int64_t length, bool safe);
void softmax_row(const double* input, double* output, int64_t length, bool safe);

/// Each row: exp(x - max) / sum; a row of -inf alone gives NaN, or 0 when `safe`.
template <class T>
void softmax_rows(const T* input, T* output, RowShape shape, bool safe = false);
/// x - max - log(sum(exp(x - max)))
template <class T>
void log_softmax_rows(const T* input, T* output, RowShape shape);

/// Mean and 1 / sqrt(variance + eps) of each row.
template <class T>
void row_moments(const T* input, RowShape shape, double eps, T* mean, T* reciprocal_deviation);
/// (x - mean) * rstd * weight + bias; weight and bias (of one row's length) may be null.
template <class T>
void layer_norm_rows(const T* input, const T* weight, const T* bias, T* output, RowShape shape, const T* mean,
                     const T* reciprocal_deviation);
/// x / sqrt(mean(x^2) + eps) * weight; weight may be null.
template <class T>
void rms_norm_rows(const T* input, const T* weight, T* output, RowShape shape, double eps);

}  // namespace exformer
