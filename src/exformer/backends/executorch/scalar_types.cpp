#include "exformer/backends/executorch/scalar_types.h"

#include <utility>

#include "exformer/base/error.h"

namespace exformer::executorch {
namespace {

constexpr std::pair<DType, int> kNumbers[] = {
    {DType::UInt8, 0},       {DType::Int8, 1},          {DType::Int16, 2},   {DType::Int32, 3},   {DType::Int64, 4},
    {DType::Float16, 5},     {DType::Float32, 6},       {DType::Float64, 7}, {DType::Bool, 11},   {DType::BFloat16, 15},
    {DType::Float8E5M2, 23}, {DType::Float8E4M3FN, 24}, {DType::UInt16, 27}, {DType::UInt32, 28}, {DType::UInt64, 29},
};

}  // namespace

int scalar_type(DType dtype) {
  for (const auto& [known, number] : kNumbers) {
    if (known == dtype) return number;
  }
  unsupported("the dtype {} has no tensors in ExecuTorch", dtype_name(dtype));
}

std::optional<DType> dtype_of_scalar_type(int number) {
  for (const auto& [known, given] : kNumbers) {
    if (given == number) return known;
  }
  return std::nullopt;
}

int memory_format_number(MemoryFormat format) {
  switch (format) {
    case MemoryFormat::Contiguous: return 0;
    case MemoryFormat::Preserve: return 1;
    case MemoryFormat::ChannelsLast: return 2;
    case MemoryFormat::ChannelsLast3d: return 3;
  }
  return 0;
}

}  // namespace exformer::executorch
