// From a dtype to a C++ type: which type a kernel computes in, and which types cover all element sizes.
#pragma once

#include <cstdint>
#include <string_view>

#include "exformer/base/dtype.h"
#include "exformer/base/error.h"

namespace exformer {

/// The dtype in which arithmetic on `dtype` is done: float32 for 16-bit floats (rounded once at the end, as torch does
/// on the CPU), int64 for integers and bool (results wrap to the width they are stored in), else itself. Other dtypes
/// throw ExportError naming `op`.
DType arithmetic_dtype(DType dtype, std::string_view op);

/// The arithmetic dtype that a C++ type stands for; uint8_t is the storage of bool.
template <class T>
struct ArithmeticType;
template <>
struct ArithmeticType<float> {
  static constexpr DType kDType = DType::Float32;
};
template <>
struct ArithmeticType<double> {
  static constexpr DType kDType = DType::Float64;
};
template <>
struct ArithmeticType<int64_t> {
  static constexpr DType kDType = DType::Int64;
};
template <>
struct ArithmeticType<uint8_t> {
  static constexpr DType kDType = DType::Bool;
};

/// Calls `function` with a value of the arithmetic type of `dtype`: float, double or int64_t.
template <class Function>
decltype(auto) visit_arithmetic(DType dtype, std::string_view op, Function&& function) {
  switch (arithmetic_dtype(dtype, op)) {
    case DType::Float32: return function(float{});
    case DType::Float64: return function(double{});
    default: return function(int64_t{});
  }
}

/// The same for kernels that exist for floating dtypes only.
template <class Function>
decltype(auto) visit_floating(DType dtype, std::string_view op, Function&& function) {
  if (!is_floating_point(dtype)) fail("{}: expected a floating dtype, got {}", op, dtype_name(dtype));
  if (arithmetic_dtype(dtype, op) == DType::Float64) return function(double{});
  return function(float{});
}

/// A 16-byte element.
struct WideElement {
  uint64_t low = 0, high = 0;
};

/// Calls `function` with an unsigned integer (or WideElement) as large as one element: for kernels that only move data.
template <class Function>
decltype(auto) visit_storage(DType dtype, Function&& function) {
  switch (item_size(dtype)) {
    case 1: return function(uint8_t{});
    case 2: return function(uint16_t{});
    case 4: return function(uint32_t{});
    case 8: return function(uint64_t{});
    default: return function(WideElement{});
  }
}

}  // namespace exformer
