// Activation mathematics in forms that compilers turn into vector code (float), with the standard library's functions
// for double.
#pragma once

#include <cmath>

#include "exformer/ops/vector_math.h"

namespace exformer {

/// Relative error below 2e-7: an odd polynomial near 0 (Cephes' tanhf), the exponential elsewhere.
inline float tanh_value(float x) {
  const float size = x < 0 ? -x : x;
  const float square = x * x;
  float p = -5.70498872745e-3F;
  p = p * square + 2.06390887954e-2F;
  p = p * square - 5.37397155531e-2F;
  p = p * square + 1.33314422036e-1F;
  p = p * square - 3.33332819422e-1F;
  const float small = p * square * x + x;
  const float large = 1.0F - 2.0F / (exp_value(size + size) + 1.0F);
  const float result = size < 0.625F ? small : (x < 0 ? -large : large);
  return x != x ? x : result;
}
inline double tanh_value(double x) { return std::tanh(x); }

/// 1 / (1 + e^-x)
template <class T>
T sigmoid_value(T x) {
  return T(1) / (T(1) + exp_value(-x));
}

/// Absolute error below 3e-7; the rational approximation on [-4, 4] is Eigen's.
inline float erf_value(float x) {
  const float limited = x < -4.0F ? -4.0F : (x > 4.0F ? 4.0F : x);
  const float square = limited * limited;
  float p = -2.72614225801306e-10F;
  p = p * square + 2.77068142495902e-08F;
  p = p * square - 2.10102402082508e-06F;
  p = p * square - 5.69250639462346e-05F;
  p = p * square - 7.34990630326855e-04F;
  p = p * square - 2.95459980854025e-03F;
  p = p * square - 1.60960333262415e-02F;
  float q = -1.45660718464996e-05F;
  q = q * square - 2.13374055278905e-04F;
  q = q * square - 1.68282697438203e-03F;
  q = q * square - 7.37332916720468e-03F;
  q = q * square - 1.42647390514189e-02F;
  return x != x ? x : limited * p / q;
}
inline double erf_value(double x) { return std::erf(x); }

/// log(1 + e^x) for x of any size.
template <class T>
T softplus_value(T x) {
  return std::fmax(x, T(0)) + std::log1p(exp_value(-std::fabs(x)));
}

}  // namespace exformer
