// Numbers and names of torch._export.serde.schema (version 8.20) that reader and writer share.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "exformer/base/dtype.h"
#include "exformer/ir/argument.h"

namespace exformer::pt2 {

inline constexpr int kSchemaMajor = 8;
inline constexpr int kSchemaMinor = 20;
inline constexpr int kAtenOpset = 10;
inline constexpr std::string_view kTorchVersion = "2.13.0";
inline constexpr int kStridedLayout = 7;
inline constexpr int kPositional = 1;
inline constexpr int kKeyword = 2;

inline constexpr std::string_view kModelName = "model";
inline constexpr std::string_view kWeights = "data/weights/";
inline constexpr std::string_view kWeightPrefix = "weight_";
inline constexpr std::string_view kConstants = "data/constants/";
inline constexpr std::string_view kConstantPrefix = "tensor_";

/// Where our writer keeps the names of dims that torch's naming rules (s0, u0) do not allow; torch passes over unknown
/// keys.
inline constexpr std::string_view kSymbolNamesKey = "exformer.symbols";

inline constexpr std::array<std::pair<DType, int>, 17> kScalarTypes{{
    {DType::UInt8, 1},
    {DType::Int8, 2},
    {DType::Int16, 3},
    {DType::Int32, 4},
    {DType::Int64, 5},
    {DType::Float16, 6},
    {DType::Float32, 7},
    {DType::Float64, 8},
    {DType::Complex64, 10},
    {DType::Complex128, 11},
    {DType::Bool, 12},
    {DType::BFloat16, 13},
    {DType::UInt16, 28},
    {DType::Float8E4M3FN, 29},
    {DType::Float8E5M2, 30},
    {DType::UInt32, 34},
    {DType::UInt64, 35},
}};

inline int scalar_type(DType dtype) {
  for (const auto& [type, number] : kScalarTypes) {
    if (type == dtype) return number;
  }
  return 0;
}

inline std::optional<DType> dtype_of_scalar_type(int64_t number) {
  for (const auto& [type, value] : kScalarTypes) {
    if (value == number) return type;
  }
  return std::nullopt;
}

inline constexpr std::array<std::pair<MemoryFormat, int>, 4> kMemoryFormats{{
    {MemoryFormat::Contiguous, 1},
    {MemoryFormat::ChannelsLast, 2},
    {MemoryFormat::ChannelsLast3d, 3},
    {MemoryFormat::Preserve, 4},
}};

}  // namespace exformer::pt2
