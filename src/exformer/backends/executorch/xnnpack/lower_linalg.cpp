// Matrix products. A linear waits for its reader (DeferredLinear); one whose input is merged heads is a convolution
// over them, so that no transpose and no copy stands between attention and the output projection.
#include <algorithm>

#include "exformer/backends/executorch/xnnpack/products.h"

namespace exformer::executorch::xnnpack {
namespace {

size_t at(int index) { return static_cast<size_t>(index); }

/// heads [.., heads, width] -> [.., out]; null when more than two other dims are in use, or in float16, where the
/// runtime's convolutions want filters of float32
std::optional<Placed> over_heads(const LowerCall& call, const DeferredMerge& merge) {
  if (merge.heads.dtype != DType::Float32) return std::nullopt;
  const int rank = merge.heads.rank();
  std::vector<std::pair<int, int>> wanted = {{rank - 2, 1}, {rank - 1, 3}};
  std::vector<int> leading;
  for (int dim = 0; dim + 2 < rank; ++dim) {
    if (merge.heads.axis(dim) >= 0) leading.push_back(dim);
  }
  if (leading.size() > 2) return std::nullopt;
  if (leading.size() == 1) wanted.emplace_back(leading[0], merge.heads.axis(leading[0]) == 2 ? 2 : 0);
  if (leading.size() == 2) wanted.insert(wanted.end(), {{leading[0], 0}, {leading[1], 2}});
  Lowering& xnn = call.xnn;
  const Placed heads = xnn.require(merge.heads, wanted);
  const uint32_t count = constant_size(heads.sizes[1], "the number of heads"),
                 width = constant_size(heads.sizes[3], "the width of a head"),
                 out = constant_size(call.meta("weight").sizes[0], "the output width");
  Placed result = xnn.result_like(heads);
  result.sizes[1] = 1;
  result.sizes[3] = SymInt(int64_t{out});
  result.axes.pop_back();
  result.axes.back() = out == 1 ? -1 : 3;
  const Value* bias = call.optional("bias");
  xnn.payload.convolution(heads.id, xnn.weight_as(call.value("weight"), {out, count, 1, width}),
                          bias ? xnn.weight_as(bias, {out}) : kAbsent, result.id,
                          {.kernel = {count, 1}, .group_input_channels = width, .group_output_channels = out});
  return result;
}

void linear(const LowerCall& call) {
  const Value *weight = call.value("weight"), *bias = call.optional("bias");
  if (!call.xnn.weight(weight) || (bias && !call.xnn.weight(bias))) refuse("a linear whose weight is computed");
  if (weight->meta.rank() != 2) refuse("a linear whose weight is no matrix");
  if (const DeferredMerge* merge = call.xnn.deferred_merge(call.value("input"))) {
    if (auto result = over_heads(call, *merge)) return call.set(std::move(*result));
  }
  call.xnn.bind(call.node.output(), DeferredLinear{call.tensor_along("input", {-1}), weight, bias});
}

/// input [.., k] times a weight [k, n], plus a bias [n] that is a weight too
Placed times_matrix(const LowerCall& call, const Placed& input, const Value* matrix, const Value* bias) {
  Lowering& xnn = call.xnn;
  const uint32_t in = constant_size(matrix->meta.sizes[0], "the input width"),
                 out = constant_size(matrix->meta.sizes[1], "the output width");
  const Placed last = xnn.require(input, {{-1, 3}});
  Placed result = xnn.result_like(last);
  result.sizes[3] = SymInt(int64_t{out});
  result.axes.back() = out == 1 ? -1 : 3;
  xnn.payload.fully_connected(last.id, xnn.weight_as(matrix, {in, out}), bias ? xnn.weight_as(bias, {out}) : kAbsent,
                              result.id, Payload::FilterLayout::InOut);
  return result;
}

template <const char* Left, const char* Right>
void product(const LowerCall& call) {
  const Value *a = call.value(Left), *b = call.value(Right);
  if (a->meta.rank() < 2 || b->meta.rank() < 2) refuse("a product with a vector");
  if (call.xnn.weight(b) && b->meta.rank() == 2)
    return call.set(times_matrix(call, call.xnn.get_along(a, {-1}), b, nullptr));
  call.set(matrix_product(call.xnn, call.xnn.get_along(a, {-1}), call.xnn.get_along(b, {-2})));
}

constexpr char kSelf[] = "self", kOther[] = "other", kMat2[] = "mat2";

void add_product(const LowerCall& call) {
  const Value *a = call.value("mat1"), *b = call.value("mat2"), *bias = call.value("self");
  if (call.number("alpha") != 1.0 || call.number("beta") != 1.0) refuse("addmm with factors");
  const bool is_weight =
      call.xnn.weight(b) && call.xnn.weight(bias) && bias->meta.rank() == 1 && bias->meta.sizes[0] == b->meta.sizes[1];
  if (is_weight) return call.set(times_matrix(call, call.xnn.get_along(a, {-1}), b, bias));
  const Placed result = matrix_product(call.xnn, call.xnn.get_along(a, {-1}), call.xnn.get_along(b, {-2}));
  call.set(call.xnn.binary(NodeKind::Add, result, call.xnn.get(bias)));
}

}  // namespace

Placed matrix_product(Lowering& xnn, const Placed& a, const Placed& b) {
  const int rank = std::max(a.rank(), b.rank());
  if (rank > kAxes) refuse("a product of more than four dims");
  if (a.dtype != b.dtype) refuse("a product of two dtypes");
  // Batch dims lie on the first axes; the second operand may be read as [.., n, k].
  const auto layout = [rank](const Placed& x, int rows, int columns) {
    std::vector<std::pair<int, int>> wanted = {{x.rank() - 2, rows}, {x.rank() - 1, columns}};
    for (int dim = 0; dim + 2 < x.rank(); ++dim) wanted.emplace_back(dim, dim + rank - x.rank());
    return wanted;
  };
  const bool is_transposed = b.axis(-2) == 3 || (b.axis(-2) < 0 && b.axis(-1) == 2);
  const Placed left = xnn.require(a, layout(a, 2, 3));
  const Placed right = xnn.require(b, is_transposed ? layout(b, 3, 2) : layout(b, 2, 3));
  Placed result{.id = xnn.payload.add_value(a.dtype, kAxes), .dtype = a.dtype, .axes = std::vector<int>(at(rank), -1)};
  result.sizes = {is_one(left.sizes[0]) ? right.sizes[0] : left.sizes[0],
                  is_one(left.sizes[1]) ? right.sizes[1] : left.sizes[1], left.sizes[2],
                  right.sizes[is_transposed ? 2 : 3]};
  for (int dim = 0; dim < rank; ++dim) {
    const int axis = dim < rank - 2 ? dim : 4 - rank + dim;
    if (!is_one(result.sizes[at(axis)])) result.axes[at(dim)] = axis;
  }
  xnn.payload.binary(NodeKind::BatchMatMul, left.id, right.id, result.id, is_transposed ? 1 : 0);
  return result;
}

void add_linalg_lowerings(LoweringTable& table) {
  table.add("aten::linear", linear);
  table.add("aten::matmul", product<kSelf, kOther>);
  table.add("aten::mm", product<kSelf, kMat2>);
  table.add("aten::bmm", product<kSelf, kMat2>);
  table.add("aten::addmm", add_product);
}

}  // namespace exformer::executorch::xnnpack
