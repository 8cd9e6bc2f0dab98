// Elementary functions in forms that compilers turn into vector code: no calls, no branches.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace exformer {

/// e^x within 2 units in the last place; 0 below the smallest normal result, inf above the largest, NaN stays.
/// x = n ln 2 + r with |r| <= ln 2 / 2; the polynomial is Cephes' expf.
inline float exp_value(float x) {
  const float limited = x < -87.5F ? -87.5F : (x > 88.8F ? 88.8F : x);
  const float scaled = limited * 1.44269504088896341F;
  const float shifted = scaled + 12582912.0F;  // rounds to an integer in the low bits
  const float n = shifted - 12582912.0F;
  float r = limited - n * 0.693359375F;
  r = r - n * -2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  // 2^n in two steps: n itself may be 128, beyond one exponent field.
  const auto half = static_cast<int32_t>(n) >> 1;
  const float first = std::bit_cast<float>((half + 127) << 23);
  const float second = std::bit_cast<float>((static_cast<int32_t>(n) - half + 127) << 23);
  const float result = p * first * second;
  return x < -87.5F ? 0.0F : (x == x ? result : x);
}
inline double exp_value(double x) { return std::exp(x); }

}  // namespace exformer
