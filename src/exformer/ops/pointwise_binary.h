// How ops of two operands are declared: one shape rule and one kernel serve all overloads, be an operand a tensor or a
// number.
#pragma once

#include <string>
#include <vector>

#include "exformer/ops/elementwise.h"
#include "exformer/ops/pointwise_rules.h"

namespace exformer {

/// The dtype of a binary result, from the promoted dtype of the operands.
enum class BinaryResult { Common, Floating, Bool };
enum class BinaryInput {
  Any,
  NotBool,        // the common dtype is not bool
  NoBoolOperand,  // no operand is
  Integral,
};

/// What the overloads of one op share. Operands are the first two arguments of each schema.
struct BinaryRule {
  BinaryResult result = BinaryResult::Common;
  BinaryInput input = BinaryInput::Any;
  ScalarRounding rounding = ScalarRounding::Keep;
};

InferFunction binary_infer(BinaryRule rule);
/// The common dtype of the first two arguments; for Floating results made floating.
DType binary_common(const KernelArgs& args, BinaryRule rule);
/// The first (0) or second (1) operand.
HostTensor binary_operand(const KernelArgs& args, size_t index, DType common, BinaryRule rule);

/// A kernel that applies `function(a, b)` in the arithmetic type of the common dtype.
template <BinaryResult kResult, class F>
KernelFunction binary_kernel(BinaryRule rule, F function) {
  rule.result = kResult;
  return [rule, function](const KernelArgs& args) -> std::vector<HostTensor> {
    const DType common = binary_common(args, rule);
    const HostTensor a = binary_operand(args, 0, common, rule);
    const HostTensor b = binary_operand(args, 1, common, rule);
    const auto apply = [&](auto zero) {
      using T = decltype(zero);
      using R = std::conditional_t<kResult == BinaryResult::Bool, uint8_t, T>;
      return map_elements<R, T, T>(kResult == BinaryResult::Bool ? DType::Bool : common, function, a, b);
    };
    if constexpr (kResult == BinaryResult::Floating) {
      return {visit_floating(common, args.schema().name, apply)};
    } else {
      return {visit_arithmetic(common, args.schema().name, apply)};
    }
  };
}

/// One functional overload; `out` is ExecuTorch's overload, if it has one.
struct BinaryOverload {
  std::string_view schema;
  std::string_view out = {};
};
/// Several overloads with one rule and kernel, and their in-place forms where the first operand is a tensor.
struct BinaryOp {
  std::vector<BinaryOverload> overloads;
  BinaryRule rule;
  Tag tags = Tag::None;  // Core is added to the overloads that have an out form
  KernelFunction kernel;
  DecomposeFunction decompose = nullptr;
};
void declare_binary(OpRegistry& ops, const BinaryOp& op);

}  // namespace exformer
