// Element types: names, sizes and categories, as torch.dtype has them; and 16-bit float conversions.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace exformer {

enum class DType : uint8_t {
  Bool,
  UInt8,
  Int8,
  UInt16,
  Int16,
  UInt32,
  Int32,
  UInt64,
  Int64,
  Float8E4M3FN,
  Float8E5M2,
  Float16,
  BFloat16,
  Float32,
  Float64,
  Complex64,
  Complex128,
};

/// Bytes of one element.
size_t item_size(DType dtype);
/// torch's name without the module: "float32", "bool", "bfloat16".
std::string_view dtype_name(DType dtype);
/// Reads torch's name ("float32", "torch.float32") and the short forms f32, f16, bf16, i64; nothing if unknown.
std::optional<DType> parse_dtype(std::string_view name);
/// Every dtype name that parse_dtype accepts in its long form.
std::vector<std::string> dtype_names();

bool is_floating_point(DType dtype);
bool is_complex(DType dtype);
/// Integers without bool, as torch's is_integral(includeBool=False).
bool is_integer(DType dtype);

/// IEEE half precision, stored as its bits.
struct Half {
  uint16_t bits = 0;
  Half() = default;
  explicit Half(float value);
  explicit operator float() const;
};

/// The upper 16 bits of a float32, rounded to nearest even.
struct BFloat16 {
  uint16_t bits = 0;
  BFloat16() = default;
  explicit BFloat16(float value) {
    const auto wide = std::bit_cast<uint32_t>(value);
    const bool is_nan = (wide & 0x7fffffffU) > 0x7f800000U;
    bits = is_nan ? 0x7fc0 : static_cast<uint16_t>((wide + 0x7fffU + ((wide >> 16) & 1U)) >> 16);
  }
  explicit operator float() const { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }
};

/// Converts `count` elements between any two real dtypes as Tensor.to does (round to nearest even, float to int
/// truncates).
void convert_elements(DType from, const void* source, DType to, void* target, size_t count);

}  // namespace exformer
