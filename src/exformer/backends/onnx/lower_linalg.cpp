// Matrix products. torch's Linear keeps its weight as [out, in]; Gemm reads it that way (transB), so no weight is
// copied or transposed and a tied embedding serves both. In ONNX Runtime Gemm is as fast as MatMul with a transposed
// copy (both use prepacked weights), and takes the bias.
#include <numeric>

#include "exformer/backends/onnx/lowering.h"
#include "exformer/base/error.h"

namespace exformer::onnx {
namespace {

/// Gemm works on matrices: other ranks are folded to [rows, in] and back.
Results linear(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const DType dtype = call.out_dtype();
  ValueId input = call.promoted("input");
  const ValueId weight = call.promoted("weight");
  const ValueId bias = call.optional("bias");
  const TensorMeta& weight_meta = call.meta("weight");
  if (!is_floating_point(dtype) || weight_meta.rank() != 2) {
    const ValueId product =
        graph.emit("MatMul", {input, weight_meta.rank() == 2 ? call.onnx.transpose(weight, {1, 0}) : weight}, {}, dtype,
                   call.out().sizes);
    return {bias == kAbsent ? product : graph.pointwise("Add", {product, graph.cast(bias, dtype)})};
  }
  const Sizes from = call.meta("input").sizes;
  const SymInt features = weight_meta.sizes[0];
  SymInt rows(1);
  for (size_t i = 0; i + 1 < from.size(); ++i) rows = rows * from[i];
  input = call.onnx.reshape(input, {rows, from.back()});
  std::vector<ValueId> inputs = {input, weight};
  if (bias != kAbsent) inputs.push_back(graph.cast(bias, dtype));
  const ValueId product = graph.emit("Gemm", std::move(inputs), {{"transB", int64_t{1}}}, dtype, {rows, features});
  return {call.onnx.reshape(product, call.out().sizes)};
}

/// ONNX's MatMul is numpy's, as torch.matmul is; mm, bmm, mv and dot are cases of it.
ValueId product(const LowerCall& call, std::string_view a, std::string_view b, const Sizes& sizes) {
  DType dtype = call.out_dtype();
  if (!is_floating_point(dtype) && dtype != DType::Int64) dtype = DType::Int32;
  const ValueId result = call.graph.emit(
      "MatMul", {call.graph.cast(call.tensor(a), dtype), call.graph.cast(call.tensor(b), dtype)}, {}, dtype, sizes);
  return call.graph.cast(result, call.out_dtype());
}

template <const char* Left, const char* Right>
Results matrix_product(const LowerCall& call) {
  return {product(call, Left, Right, call.out().sizes)};
}

constexpr char kSelf[] = "self", kOther[] = "other", kMat2[] = "mat2", kVec[] = "vec", kTensor[] = "tensor";

ValueId scaled(const LowerCall& call, ValueId value, std::string_view factor) {
  const Scalar scale = call.args.scalar(factor);
  const bool is_one = scale.kind == Scalar::Kind::Float ? scale.real == 1.0 : scale.integer == SymInt(1);
  return is_one ? value : call.graph.pointwise("Mul", {value, call.onnx.scalar(scale, call.graph.dtype(value))});
}

/// beta * self + alpha * (a @ b)
template <const char* Left, const char* Right>
Results add_product(const LowerCall& call) {
  OnnxGraph& graph = call.graph;
  const DType dtype = call.out_dtype();
  const bool is_constant =
      call.args.scalar("alpha").integer.is_constant() && call.args.scalar("beta").integer.is_constant();
  if (is_floating_point(dtype) && is_constant && call.meta(Left).rank() == 2 && call.meta(Right).rank() == 2) {
    Attributes attributes;
    if (call.args.real("alpha") != 1.0) attributes.emplace_back("alpha", call.args.real("alpha"));
    if (call.args.real("beta") != 1.0) attributes.emplace_back("beta", call.args.real("beta"));
    std::vector<ValueId> inputs = {call.promoted(Left), call.promoted(Right)};
    if (call.args.real("beta") != 0.0) inputs.push_back(call.promoted("self"));
    return {graph.emit("Gemm", std::move(inputs), std::move(attributes), dtype, call.out().sizes)};
  }
  const ValueId product_value = scaled(call, product(call, Left, Right, call.out().sizes), "alpha");
  return {graph.pointwise("Add", {scaled(call, call.promoted("self"), "beta"), product_value})};
}

constexpr char kMat1[] = "mat1", kBatch1[] = "batch1", kBatch2[] = "batch2", kMat[] = "mat";

Results outer(const LowerCall& call) {
  const ValueId column = call.onnx.unsqueeze(call.promoted("self"), 1);
  return {call.graph.pointwise("Mul", {column, call.promoted("vec2")})};
}

Results einsum(const LowerCall& call) {
  std::string equation = call.args.string("equation");
  std::erase(equation, ' ');
  std::vector<ValueId> operands;
  for (const ValueId tensor : call.tensors("tensors")) operands.push_back(call.graph.cast(tensor, call.out_dtype()));
  return {call.graph.emit("Einsum", std::move(operands), {{"equation", equation}}, call.out_dtype(), call.out().sizes)};
}

}  // namespace

void add_linalg_lowerings(LoweringTable& table) {
  table.add("aten::linear", linear);
  table.add("aten::matmul", matrix_product<kSelf, kOther>);
  table.add("aten::mm", matrix_product<kSelf, kMat2>);
  table.add("aten::bmm", matrix_product<kSelf, kMat2>);
  table.add("aten::mv", matrix_product<kSelf, kVec>);
  table.add("aten::dot", matrix_product<kSelf, kTensor>);
  table.add("aten::addmm", add_product<kMat1, kMat2>);
  table.add("aten::baddbmm", add_product<kBatch1, kBatch2>);
  table.add("aten::addmv", add_product<kMat, kVec>);
  table.add("aten::outer", outer);
  table.add("aten::einsum", einsum);
}

}  // namespace exformer::onnx
