// How ops of one tensor are declared: which dtypes they take, which dtype they give, and the function of one element.
#pragma once

#include <string>

#include "exformer/ops/elementwise.h"
#include "exformer/ops/pointwise_rules.h"

namespace exformer {

/// The dtype of a unary result.
enum class UnaryResult {
  Same,      // that of the input
  Floating,  // float32 for integers and bool
  Bool,
};
enum class UnaryInput { Any, NotBool, Integral, Floating };
enum class UnaryForm { Functional, WithInplace };

/// Checks a dtype; throws ExportError naming `op`.
void check_unary_input(DType dtype, UnaryInput input, std::string_view op);
InferFunction unary_infer(UnaryResult result, UnaryInput input);
DType unary_dtype(DType self, UnaryResult result);

/// A kernel that applies `function(x)` in the arithmetic type of the input (Same, Bool) or of the result (Floating).
template <UnaryResult kResult, class F>
KernelFunction unary_kernel(F function) {
  return [function](const KernelArgs& args) -> std::vector<HostTensor> {
    const HostTensor& self = args.tensor(args.schema().arguments[0].name);
    const std::string_view op = args.schema().name;
    const DType dtype = unary_dtype(self.dtype(), kResult);
    const auto apply = [&](auto zero) {
      using T = decltype(zero);
      using R = std::conditional_t<kResult == UnaryResult::Bool, uint8_t, T>;
      return map_elements<R, T>(dtype, function, self);
    };
    if constexpr (kResult == UnaryResult::Floating) {
      return {visit_floating(dtype, op, apply)};
    } else {
      return {visit_arithmetic(self.dtype(), op, apply)};
    }
  };
}

/// One row of a table of ops "aten::<name>(Tensor self) -> Tensor".
struct UnaryOp {
  std::string_view name;
  UnaryResult result;
  UnaryInput input;
  UnaryForm form;
  Tag tags;
  KernelFunction kernel;
  DecomposeFunction decompose = nullptr;
};
/// Core ops get the out overload "aten::<name>.out".
void declare_unary(OpRegistry& ops, UnaryOp op);

}  // namespace exformer
