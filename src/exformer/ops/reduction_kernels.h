// Functions of one row of elements, and the loop that applies one to every row of a tensor.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "exformer/ops/row_view.h"

namespace exformer {

/// out[i] = function(row i, length): rows of the arithmetic type T.
template <class R, class T, class F>
void map_rows(const RowView& view, R* out, const F& function) {
  const T* rows = view.rows.template data<T>();
#pragma omp parallel for if (view.count > 1 && view.count * view.length > 65536)
  for (int64_t row = 0; row < view.count; ++row)
    out[row] = static_cast<R>(function(rows + row * view.length, view.length));
}

/// Sums in blocks, so that rounding errors do not grow with the length; integers wrap.
template <class T>
T sum_of(const T* row, int64_t length) {
  if constexpr (std::is_integral_v<T>) {
    uint64_t sum = 0;
    for (int64_t i = 0; i < length; ++i) sum += static_cast<uint64_t>(row[i]);
    return static_cast<T>(sum);
  } else {
    constexpr int64_t kBlock = 512;
    double total = 0;
    for (int64_t start = 0; start < length; start += kBlock) {
      const int64_t end = std::min(start + kBlock, length);
      T sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int64_t i = start; i < end; ++i) sum += row[i];
      total += static_cast<double>(sum);
    }
    return static_cast<T>(total);
  }
}

/// Where the largest (smallest) element is, the first of equal ones; a NaN comes before any number.
template <bool kLargest, class T>
int64_t extreme_index(const T* row, int64_t length) {
  int64_t best = 0;
  for (int64_t i = 0; i < length; ++i) {
    if (row[i] != row[i]) return i;
    if (kLargest ? row[i] > row[best] : row[i] < row[best]) best = i;
  }
  return best;
}

/// The largest (smallest) element, or NaN where there is one.
template <bool kLargest, class T>
T extreme_value(const T* row, int64_t length) {
  T best = row[0];
  bool has_nan = false;
  if constexpr (kLargest) {
#pragma omp simd reduction(max : best) reduction(|| : has_nan)
    for (int64_t i = 0; i < length; ++i) {
      best = row[i] > best ? row[i] : best;
      has_nan = has_nan || row[i] != row[i];
    }
  } else {
#pragma omp simd reduction(min : best) reduction(|| : has_nan)
    for (int64_t i = 0; i < length; ++i) {
      best = row[i] < best ? row[i] : best;
      has_nan = has_nan || row[i] != row[i];
    }
  }
  if constexpr (!std::is_integral_v<T>) {
    if (has_nan) return std::numeric_limits<T>::quiet_NaN();
  }
  return best;
}

template <class T>
double mean_of(const T* row, int64_t length) {
  double sum = 0;
  for (int64_t i = 0; i < length; ++i) sum += static_cast<double>(row[i]);
  return sum / static_cast<double>(length);
}

/// The mean squared distance from the mean, the count lessened by `correction`.
template <class T>
double variance_of(const T* row, int64_t length, double correction) {
  const double mean = mean_of(row, length);
  double squares = 0;
  for (int64_t i = 0; i < length; ++i) {
    const double distance = static_cast<double>(row[i]) - mean;
    squares += distance * distance;
  }
  return squares / std::max(static_cast<double>(length) - correction, 0.0);
}

/// Orders as torch.linalg.vector_norm names them: 0 counts, infinite ones take an extreme.
template <class T>
double norm_of(const T* row, int64_t length, double order) {
  const auto total = [&](auto term) {
    double sum = 0;
    for (int64_t i = 0; i < length; ++i) sum += term(std::fabs(static_cast<double>(row[i])));
    return sum;
  };
  if (order == 2.0) return std::sqrt(total([](double x) { return x * x; }));
  if (order == 1.0) return total([](double x) { return x; });
  if (order == 0.0) return total([](double x) { return x != 0 ? 1.0 : 0.0; });
  if (!std::isinf(order)) return std::pow(total([&](double x) { return std::pow(x, order); }), 1.0 / order);
  double result = order > 0 ? 0.0 : std::numeric_limits<double>::infinity();
  for (int64_t i = 0; i < length; ++i) {
    const double size = std::fabs(static_cast<double>(row[i]));
    if (std::isnan(size)) return size;
    result = order > 0 ? std::max(result, size) : std::min(result, size);
  }
  return result;
}

/// log(sum(e^x)) without overflow.
template <class T>
T log_sum_exp_of(const T* row, int64_t length) {
  double top = -std::numeric_limits<double>::infinity();
  for (int64_t i = 0; i < length; ++i) top = std::max(top, static_cast<double>(row[i]));
  const double shift = std::isinf(top) ? 0.0 : top;
  double sum = 0;
  for (int64_t i = 0; i < length; ++i) sum += std::exp(static_cast<double>(row[i]) - shift);
  return static_cast<T>(std::log(sum) + shift);
}

}  // namespace exformer
