// What pointwise ops have in common: promotion over named arguments, operands of kernels, in-place forms.
#pragma once

#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "exformer/ops/registry.h"
#include "exformer/ops/shape_rules.h"

namespace exformer {

/// Names of the tensor or number arguments that an op combines.
using OperandNames = std::initializer_list<std::string_view>;

/// torch.result_type over the named arguments, each a tensor or a number; None is passed over.
DType common_dtype(const MetaArgs& args, std::span<const std::string_view> names);
DType common_dtype(const KernelArgs& args, std::span<const std::string_view> names);

/// Sizes and strides of a pointwise result over those of the named arguments that are tensors.
TensorMeta pointwise_result(const MetaArgs& args, std::span<const std::string_view> names, DType dtype);

/// How an operand that is a number or a 0-d tensor reaches a kernel of a narrower dtype.
enum class ScalarRounding {
  Keep,      // in the arithmetic dtype if that is floating: add, sub, mul and div
  ToCommon,  // rounded to the common dtype first, as TensorIterator's casts do
};
/// The named argument as a tensor; a number becomes a 0-d one.
HostTensor operand(const KernelArgs& args, std::string_view name, DType common, ScalarRounding rounding);
/// A number as a 0-d tensor of an arithmetic dtype.
HostTensor scalar_operand(const Scalar& scalar, DType common, std::string_view op);
/// Throws ExportError when an integer divisor holds a zero.
void require_nonzero(const HostTensor& divisor, std::string_view op);

/// Declares an op and its in-place form ("aten::add.Tensor" and "aten::add_.Tensor"). The in-place form demands that
/// the result has the sizes of `self` and can be stored in its dtype, as torch does.
void declare_with_inplace(OpRegistry& ops, OpDeclaration declaration);
/// Declares only the in-place form of an op whose functional name follows from `schema` by taking the underscore away.
void declare_inplace(OpRegistry& ops, std::string_view schema, InferFunction functional_infer);

/// "aten::add.Tensor(Tensor self, ..." for "aten::add_.Tensor(Tensor(a!) self, ...) -> Tensor(a!)".
std::string inplace_schema(std::string_view functional);

}  // namespace exformer
