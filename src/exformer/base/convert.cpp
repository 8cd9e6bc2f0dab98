// Element conversions between dtypes, as Tensor.to does them.
#include <cmath>
#include <cstring>
#include <type_traits>

#include "exformer/base/dtype.h"
#include "exformer/base/error.h"

namespace exformer {
namespace {

float half_to_float(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000U) << 16;
  const uint32_t magnitude = static_cast<uint32_t>(bits & 0x7fffU) << 13;
  // A multiplication by 2^112 moves the exponent to its place and makes subnormals right; inf and nan keep theirs.
  constexpr uint32_t kScale = (254U - 15U) << 23;
  float value = std::bit_cast<float>(magnitude) * std::bit_cast<float>(kScale);
  const uint32_t infinite = (bits & 0x7c00U) == 0x7c00U ? 0x7f800000U : 0U;
  return std::bit_cast<float>(std::bit_cast<uint32_t>(value) | infinite | sign);
}

uint16_t float_to_half(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000U);
  const uint32_t magnitude = bits & 0x7fffffffU;
  const bool special = magnitude >= 0x7f800000U;
  const bool overflow = magnitude >= 0x477ff000U;
  // Subnormal results round through a float addition that aligns the mantissa.
  constexpr uint32_t kMagic = ((127U - 15U) + (23U - 10U) + 1U) << 23;
  const float aligned = std::bit_cast<float>(magnitude) + std::bit_cast<float>(kMagic);
  const uint32_t subnormal = std::bit_cast<uint32_t>(aligned) - kMagic;
  const uint32_t odd = (magnitude >> 13) & 1U;
  const uint32_t normal = (magnitude + 0xc8000fffU + odd) >> 13;
  uint32_t result = magnitude < 0x38800000U ? subnormal : normal;
  result = overflow ? 0x7c00U : result;
  result = special ? (magnitude > 0x7f800000U ? 0x7e00U : 0x7c00U) : result;
  return static_cast<uint16_t>(sign | result);
}

struct BoolElement {
  uint8_t value;
};

/// Float8 with the given layout to float; only reading is needed by checkpoints that are widened.
float float8_to_float(uint8_t bits, int exponent_bits, int mantissa_bits, int bias, bool has_infinity) {
  const int exponent = (bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
  const int mantissa = bits & ((1 << mantissa_bits) - 1);
  const float sign = (bits & 0x80) ? -1.0F : 1.0F;
  const int all_ones = (1 << exponent_bits) - 1;
  if (exponent == all_ones && (has_infinity || mantissa == (1 << mantissa_bits) - 1)) {
    return has_infinity && mantissa == 0 ? sign * INFINITY : NAN;
  }
  const float fraction = static_cast<float>(mantissa) / static_cast<float>(1 << mantissa_bits);
  return sign * (exponent == 0 ? std::ldexp(fraction, 1 - bias) : std::ldexp(1.0F + fraction, exponent - bias));
}

struct Float8E4M3 {
  uint8_t bits;
};
struct Float8E5M2Element {
  uint8_t bits;
};

/// A float for floating elements (double for float64), an integer otherwise.
template <class T>
auto load(T element) {
  if constexpr (std::is_same_v<T, Half>) {
    return half_to_float(element.bits);
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    return static_cast<float>(element);
  } else if constexpr (std::is_same_v<T, Float8E4M3>) {
    return float8_to_float(element.bits, 4, 3, 7, false);
  } else if constexpr (std::is_same_v<T, Float8E5M2Element>) {
    return float8_to_float(element.bits, 5, 2, 15, true);
  } else if constexpr (std::is_same_v<T, BoolElement>) {
    return static_cast<int64_t>(element.value != 0);
  } else {
    return element;
  }
}

template <class T, class V>
T store(V value) {
  if constexpr (std::is_same_v<T, Half>) {
    Half half;
    half.bits = float_to_half(static_cast<float>(value));
    return half;
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    return BFloat16(static_cast<float>(value));
  } else if constexpr (std::is_same_v<T, BoolElement>) {
    return {static_cast<uint8_t>(value != V(0))};
  } else if constexpr (std::is_integral_v<T> && std::is_floating_point_v<V>) {
    // Values outside int64 are undefined in torch; here they become the smallest integer, as x86 does.
    const bool fits = value > static_cast<V>(-9.3e18) && value < static_cast<V>(9.2e18);
    return static_cast<T>(fits ? static_cast<int64_t>(value) : INT64_MIN);
  } else {
    return static_cast<T>(value);
  }
}

template <class From, class To>
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
__attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#endif
void convert_block(const std::byte* source, std::byte* target, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    From element;
    std::memcpy(&element, source + i * sizeof(From), sizeof(From));
    const To converted = store<To>(load(element));
    std::memcpy(target + i * sizeof(To), &converted, sizeof(To));
  }
}

template <class Visit>
void with_element_type(DType dtype, Visit&& visit) {
  switch (dtype) {
    case DType::Bool: return visit(BoolElement{});
    case DType::UInt8: return visit(uint8_t{});
    case DType::Int8: return visit(int8_t{});
    case DType::UInt16: return visit(uint16_t{});
    case DType::Int16: return visit(int16_t{});
    case DType::UInt32: return visit(uint32_t{});
    case DType::Int32: return visit(int32_t{});
    case DType::UInt64: return visit(uint64_t{});
    case DType::Int64: return visit(int64_t{});
    case DType::Float8E4M3FN: return visit(Float8E4M3{});
    case DType::Float8E5M2: return visit(Float8E5M2Element{});
    case DType::Float16: return visit(Half{});
    case DType::BFloat16: return visit(BFloat16{});
    case DType::Float32: return visit(float{});
    case DType::Float64: return visit(double{});
    default: unsupported("conversion of {} elements is not supported", dtype_name(dtype));
  }
}

}  // namespace

Half::Half(float value) : bits(float_to_half(value)) {}
Half::operator float() const { return half_to_float(bits); }

void convert_elements(DType from, const void* source, DType to, void* target, size_t count) {
  if (from == to) {
    std::memcpy(target, source, count * item_size(from));
    return;
  }
  if (to == DType::Float8E4M3FN || to == DType::Float8E5M2) unsupported("conversion to {} is not supported", dtype_name(to));
  with_element_type(from, [&](auto source_element) {
    with_element_type(to, [&](auto target_element) {
      using To = decltype(target_element);
      if constexpr (!std::is_same_v<To, Float8E4M3> && !std::is_same_v<To, Float8E5M2Element>) {
        convert_block<decltype(source_element), To>(static_cast<const std::byte*>(source), static_cast<std::byte*>(target), count);
      }
    });
  });
}

}  // namespace exformer
