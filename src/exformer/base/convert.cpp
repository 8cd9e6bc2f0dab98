// Element conversions between dtypes, as Tensor.to does them.
#include <cstring>
#include <type_traits>

#include "exformer/base/dtype.h"
#include "exformer/base/error.h"

namespace exformer {
namespace {

/// A binary float narrower than float32. Rounding, overflow and NaN follow torch's c10/util/Half.h, Float8_e4m3fn.h and
/// Float8_e5m2.h.
struct HalfFormat {
  static constexpr int kBits = 16, kMantissa = 10, kBias = 15;
  static constexpr bool kHasInfinity = true;
  static constexpr uint32_t kOverflow = 143U << 23;  // the float32 bits from which on a value is too large: 2^16
  static constexpr uint32_t kNan = 0x7e00;
};
struct Float8E4M3Format {
  static constexpr int kBits = 8, kMantissa = 3, kBias = 7;
  static constexpr bool kHasInfinity = false;
  static constexpr uint32_t kOverflow = 0x43e80000;  // 464, halfway to what would be the next value: torch saturates
  static constexpr uint32_t kNan = 0x7f;
};
struct Float8E5M2Format {
  static constexpr int kBits = 8, kMantissa = 2, kBias = 15;
  static constexpr bool kHasInfinity = true;
  static constexpr uint32_t kOverflow = 143U << 23;
  static constexpr uint32_t kNan = 0x7f;
};

/// Without branches, so that compilers vectorise it; no subnormal float32 occurs, so it does not depend on
/// flush-to-zero.
template <class Format>
float widen(uint32_t bits) {
  constexpr uint32_t kMask = (1U << (Format::kBits - 1)) - 1;
  constexpr uint32_t kSpecial = (kMask >> Format::kMantissa) << Format::kMantissa;
  constexpr uint32_t kSmallestNormal = static_cast<uint32_t>(128 - Format::kBias) << 23;
  const uint32_t magnitude = bits & kMask;
  const uint32_t wide = magnitude << (23 - Format::kMantissa);
  const uint32_t normal = wide + (static_cast<uint32_t>(127 - Format::kBias) << 23);
  // A subnormal m * 2^k is (smallest normal + m * 2^k) - smallest normal.
  const float shifted = std::bit_cast<float>(wide + kSmallestNormal) - std::bit_cast<float>(kSmallestNormal);
  uint32_t result = magnitude < (1U << Format::kMantissa) ? std::bit_cast<uint32_t>(shifted) : normal;
  if constexpr (Format::kHasInfinity) {
    result = magnitude >= kSpecial ? wide | 0x7f800000U : result;
  } else {
    result = magnitude == kMask ? 0x7fc00000U : result;
  }
  return std::bit_cast<float>(result | (bits & (kMask + 1)) << (32 - Format::kBits));
}

template <class Format>
uint32_t narrow(float value) {
  constexpr uint32_t kMask = (1U << (Format::kBits - 1)) - 1;
  constexpr uint32_t kTooLarge = Format::kHasInfinity ? (kMask >> Format::kMantissa) << Format::kMantissa : kMask - 1;
  constexpr uint32_t kSmallestNormal = static_cast<uint32_t>(128 - Format::kBias) << 23;
  // Adding it puts a subnormal result's last bit at the end of the float's mantissa, where the addition rounds.
  constexpr uint32_t kMagic = static_cast<uint32_t>(151 - Format::kBias - Format::kMantissa) << 23;
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t magnitude = bits & 0x7fffffffU;
  const uint32_t subnormal =
      std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + std::bit_cast<float>(kMagic)) - kMagic;
  const uint32_t odd = (magnitude >> (23 - Format::kMantissa)) & 1U;
  const uint32_t rebias = static_cast<uint32_t>(127 - Format::kBias) << 23;
  const uint32_t normal = (magnitude - rebias + (1U << (22 - Format::kMantissa)) - 1 + odd) >> (23 - Format::kMantissa);
  uint32_t result = magnitude < kSmallestNormal ? subnormal : normal;
  result = magnitude >= Format::kOverflow ? kTooLarge : result;
  result = magnitude > 0x7f800000U ? Format::kNan : result;
  return result | (bits >> 31) << (Format::kBits - 1);
}

struct BoolElement {
  uint8_t value;
};

struct Float8E4M3Element {
  uint8_t bits;
};
struct Float8E5M2Element {
  uint8_t bits;
};

/// A float for floating elements (double for float64), an integer otherwise.
template <class T>
auto load(T element) {
  if constexpr (std::is_same_v<T, Half>) {
    return widen<HalfFormat>(element.bits);
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    return static_cast<float>(element);
  } else if constexpr (std::is_same_v<T, Float8E4M3Element>) {
    return widen<Float8E4M3Format>(element.bits);
  } else if constexpr (std::is_same_v<T, Float8E5M2Element>) {
    return widen<Float8E5M2Format>(element.bits);
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
    half.bits = static_cast<uint16_t>(narrow<HalfFormat>(static_cast<float>(value)));
    return half;
  } else if constexpr (std::is_same_v<T, Float8E4M3Element>) {
    return {static_cast<uint8_t>(narrow<Float8E4M3Format>(static_cast<float>(value)))};
  } else if constexpr (std::is_same_v<T, Float8E5M2Element>) {
    return {static_cast<uint8_t>(narrow<Float8E5M2Format>(static_cast<float>(value)))};
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    return BFloat16(static_cast<float>(value));
  } else if constexpr (std::is_same_v<T, BoolElement>) {
    return {static_cast<uint8_t>(value != V(0))};
  } else if constexpr (std::is_integral_v<T> && std::is_floating_point_v<V>) {
    // What does not fit is undefined in torch; here it is what x86 makes of it, on every machine.
    constexpr V kLimit = static_cast<V>(9223372036854775808.0);  // 2^63
    if constexpr (std::is_same_v<T, uint64_t>) {
      if (value >= kLimit && value < 2 * kLimit) return static_cast<uint64_t>(value - kLimit) | uint64_t{1} << 63;
    }
    const bool fits = value >= -kLimit && value < kLimit;
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
    case DType::Float8E4M3FN: return visit(Float8E4M3Element{});
    case DType::Float8E5M2: return visit(Float8E5M2Element{});
    case DType::Float16: return visit(Half{});
    case DType::BFloat16: return visit(BFloat16{});
    case DType::Float32: return visit(float{});
    case DType::Float64: return visit(double{});
    default: unsupported("conversion of {} elements is not supported", dtype_name(dtype));
  }
}

}  // namespace

Half::Half(float value) : bits(static_cast<uint16_t>(narrow<HalfFormat>(value))) {}
Half::operator float() const { return widen<HalfFormat>(bits); }

void convert_elements(DType from, const void* source, DType to, void* target, size_t count) {
  if (from == to) {
    std::memcpy(target, source, count * item_size(from));
    return;
  }
  with_element_type(from, [&](auto source_element) {
    with_element_type(to, [&](auto target_element) {
      convert_block<decltype(source_element), decltype(target_element)>(static_cast<const std::byte*>(source),
                                                                        static_cast<std::byte*>(target), count);
    });
  });
}

}  // namespace exformer
