#include "exformer/backends/onnx/lowering.h"

#include <algorithm>
#include <numeric>

#include "exformer/base/error.h"
#include "exformer/ops/shape_rules.h"

namespace exformer::onnx {
DType carried(DType dtype) { return dtype == DType::BFloat16 ? DType::Float32 : dtype; }

ValueId Lowering::get(const Value* value) const {
  const auto found = values_.find(value);
  EXFORMER_ASSERT(found != values_.end());
  return found->second;
}

ValueId LowerCall::optional(std::string_view name) const {
  Value* const* value = args.optional_tensor(name);
  return value && *value ? onnx.get(*value) : kAbsent;
}

ValueId LowerCall::operand(std::string_view name, DType dtype) const {
  if (args[name].is_tensor()) return graph.cast(tensor(name), dtype);
  return onnx.scalar(args.scalar(name), dtype);
}

DType LowerCall::common_dtype(std::initializer_list<std::string_view> names) const {
  Promotion promotion;
  for (const std::string_view name : names) {
    if (args[name].is_tensor()) {
      promotion.add(meta(name));
    } else {
      promotion.add(args.scalar(name));
    }
  }
  return carried(promotion.result());
}

std::vector<ValueId> LowerCall::tensors(std::string_view name) const {
  std::vector<ValueId> result;
  for (const Value* value : args.tensors(name)) result.push_back(value ? onnx.get(value) : kAbsent);
  return result;
}

int64_t LowerCall::dim(std::string_view name, std::string_view of) const {
  const int64_t rank = std::max<int64_t>(meta(of).rank(), 1), given = args.integer(name);
  return given < 0 ? given + rank : given;
}

std::vector<int64_t> LowerCall::dims(std::string_view name, bool all_if_empty, std::string_view of) const {
  const int64_t rank = meta(of).rank();
  std::vector<int64_t> result;
  if (args[name].is<SymInt>()) {
    result.push_back(args.integer(name));
  } else {
    result = args.integers(name);
  }
  for (int64_t& dim : result) dim = dim < 0 ? dim + std::max<int64_t>(rank, 1) : dim;
  std::sort(result.begin(), result.end());
  if (result.empty() && all_if_empty) {
    result.resize(static_cast<size_t>(rank));
    std::iota(result.begin(), result.end(), 0);
  }
  if (rank == 0) result.clear();
  return result;
}

const LoweringTable& LoweringTable::standard() {
  static const LoweringTable kTable = [] {
    LoweringTable table;
#define LOWERING_FILE(name) add_##name##_lowerings(table);
#include "exformer/backends/onnx/lowerings.inc"
#undef LOWERING_FILE
    return table;
  }();
  return kTable;
}

void LoweringTable::add(std::string_view op, LowerFunction function) {
  const bool is_new = functions_.emplace(op, function).second;
  EXFORMER_ASSERT(is_new);
}

LowerFunction LoweringTable::find(const std::string& op) const {
  const auto found = functions_.find(op);
  return found == functions_.end() ? nullptr : found->second;
}

std::vector<std::string> LoweringTable::names() const {
  std::vector<std::string> result;
  for (const auto& [name, function] : functions_) result.push_back(name);
  std::sort(result.begin(), result.end());
  return result;
}

}  // namespace exformer::onnx
