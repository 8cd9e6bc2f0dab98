#include "exformer/base/dtype.h"

#include <array>

namespace exformer {
namespace {

struct Row {
  DType dtype;
  std::string_view name;
  std::string_view short_name;
  size_t size;
};

/// In the order of the enum.
constexpr std::array<Row, 17> kRows = {{
    {DType::Bool, "bool", "bool", 1},
    {DType::UInt8, "uint8", "u8", 1},
    {DType::Int8, "int8", "i8", 1},
    {DType::UInt16, "uint16", "u16", 2},
    {DType::Int16, "int16", "i16", 2},
    {DType::UInt32, "uint32", "u32", 4},
    {DType::Int32, "int32", "i32", 4},
    {DType::UInt64, "uint64", "u64", 8},
    {DType::Int64, "int64", "i64", 8},
    {DType::Float8E4M3FN, "float8_e4m3fn", "f8e4m3fn", 1},
    {DType::Float8E5M2, "float8_e5m2", "f8e5m2", 1},
    {DType::Float16, "float16", "f16", 2},
    {DType::BFloat16, "bfloat16", "bf16", 2},
    {DType::Float32, "float32", "f32", 4},
    {DType::Float64, "float64", "f64", 8},
    {DType::Complex64, "complex64", "c64", 8},
    {DType::Complex128, "complex128", "c128", 16},
}};

const Row& row_of(DType dtype) { return kRows[static_cast<size_t>(dtype)]; }

}  // namespace

size_t item_size(DType dtype) { return row_of(dtype).size; }
std::string_view dtype_name(DType dtype) { return row_of(dtype).name; }

std::optional<DType> parse_dtype(std::string_view name) {
  if (name.starts_with("torch.")) name.remove_prefix(6);
  for (const Row& row : kRows) {
    if (row.name == name || row.short_name == name) return row.dtype;
  }
  return std::nullopt;
}

std::vector<std::string> dtype_names() {
  std::vector<std::string> names;
  for (const Row& row : kRows) names.emplace_back(row.name);
  return names;
}

bool is_floating_point(DType dtype) { return dtype >= DType::Float8E4M3FN && dtype <= DType::Float64; }
bool is_complex(DType dtype) { return dtype == DType::Complex64 || dtype == DType::Complex128; }
bool is_integer(DType dtype) { return dtype >= DType::UInt8 && dtype <= DType::Int64; }

}  // namespace exformer
