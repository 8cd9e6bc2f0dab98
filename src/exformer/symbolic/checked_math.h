// 64-bit integer arithmetic that reports overflow, and Python's rounding for division.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "exformer/base/error.h"

namespace exformer {

inline constexpr int64_t kInt64Min = std::numeric_limits<int64_t>::min();
inline constexpr int64_t kInt64Max = std::numeric_limits<int64_t>::max();

/// a * b, or nothing when it does not fit.
inline std::optional<int64_t> try_multiply(int64_t a, int64_t b) {
  int64_t result;
  if (__builtin_mul_overflow(a, b, &result)) return std::nullopt;
  return result;
}

/// a + b; ExportError when it does not fit.
inline int64_t checked_add(int64_t a, int64_t b) {
  int64_t result;
  if (__builtin_add_overflow(a, b, &result)) fail("size arithmetic overflows 64 bits: {} + {}", a, b);
  return result;
}

/// a - b; ExportError when it does not fit.
inline int64_t checked_subtract(int64_t a, int64_t b) {
  int64_t result;
  if (__builtin_sub_overflow(a, b, &result)) fail("size arithmetic overflows 64 bits: {} - {}", a, b);
  return result;
}

/// a * b; ExportError when it does not fit.
inline int64_t checked_multiply(int64_t a, int64_t b) {
  int64_t result;
  if (__builtin_mul_overflow(a, b, &result)) fail("size arithmetic overflows 64 bits: {} * {}", a, b);
  return result;
}

/// Rounds towards minus infinity; ExportError for a zero divisor and for the one quotient that does not fit.
inline int64_t checked_floordiv(int64_t a, int64_t b) {
  if (b == 0) fail("size arithmetic divides by zero: floordiv({}, 0)", a);
  if (a == kInt64Min && b == -1) fail("size arithmetic overflows 64 bits: floordiv({}, -1)", a);
  const int64_t quotient = a / b;
  return (a % b != 0 && (a < 0) != (b < 0)) ? quotient - 1 : quotient;
}

/// The sign follows the divisor; ExportError for a zero divisor.
inline int64_t checked_mod(int64_t a, int64_t b) {
  if (b == 0) fail("size arithmetic divides by zero: mod({}, 0)", a);
  if (b == -1) return 0;
  const int64_t remainder = a % b;
  return (remainder != 0 && (remainder < 0) != (b < 0)) ? remainder + b : remainder;
}

/// |a| without overflow.
inline uint64_t magnitude(int64_t a) { return a < 0 ? ~static_cast<uint64_t>(a) + 1 : static_cast<uint64_t>(a); }

/// Greatest common divisor, never negative; gcd(0, 0) = 0. 2^63 does not fit and is given as 2^62, which divides too.
inline int64_t common_divisor(int64_t a, int64_t b) {
  uint64_t x = magnitude(a), y = magnitude(b);
  while (y != 0) {
    const uint64_t rest = x % y;
    x = y;
    y = rest;
  }
  return x > static_cast<uint64_t>(kInt64Max) ? static_cast<int64_t>(x >> 1) : static_cast<int64_t>(x);
}

}  // namespace exformer
