// Matrix products by oneDNN. float32 and bfloat16 go to its matmul primitive; float16 (which few CPUs multiply) and
// batches of small matrices go through float32 products.
#include <algorithm>
#include <vector>

#include "exformer/interpreter/fast_kernels.h"
#include "exformer/interpreter/onednn.h"
#include "exformer/ops/matmul_kernels.h"
#include "exformer/ops/vector_clones.h"

namespace exformer {
namespace {

using Results = std::optional<std::vector<HostTensor>>;

bool is_supported(const HostTensor& a, const HostTensor& b) {
  const bool floating = a.dtype() == DType::Float32 || a.dtype() == DType::BFloat16 || a.dtype() == DType::Float16;
  return floating && a.dtype() == b.dtype() && a.element_count() > 0 && b.element_count() > 0;
}

/// Whether the last two dims are a matrix in row-major or column-major memory.
bool is_plain_matrix(const HostTensor& tensor) {
  const int64_t row = tensor.strides()[tensor.rank() - 2], column = tensor.strides()[tensor.rank() - 1];
  return (column == 1 && row >= tensor.size(-1)) || (row == 1 && column >= tensor.size(-2));
}

HostTensor plain_matrix(const HostTensor& tensor) { return is_plain_matrix(tensor) ? tensor : tensor.contiguous(); }

MatrixView matrix_view(const HostTensor& matrix, int64_t offset) {
  const int64_t row = matrix.strides()[matrix.rank() - 2], column = matrix.strides()[matrix.rank() - 1];
  const bool row_major = column == 1 && row >= matrix.size(-1);
  return {matrix.data<float>() + offset, row_major ? row : column, !row_major};
}

/// a[m, k] b[k, n] for 16-bit floats without native products: blocks of b's columns as float32.
HostTensor multiply_widened(const HostTensor& a, const HostTensor& b, const HostTensor* bias) {
  constexpr int64_t kColumns = 256;
  const int64_t m = a.size(0), k = a.size(1), n = b.size(1);
  const HostTensor wide_a = a.to(DType::Float32).contiguous();
  HostTensor result = HostTensor::empty(a.dtype(), {m, n});
  for (int64_t start = 0; start < n; start += kColumns) {
    const int64_t width = std::min(kColumns, n - start);
    // Taken as [width, k] so that a transposed weight is read in its own order.
    const HostTensor block = b.as_strided({width, k}, {b.strides()[1], b.strides()[0]}, start * b.strides()[1])
                                 .to(DType::Float32)
                                 .contiguous();
    HostTensor part = HostTensor::empty(DType::Float32, {m, width});
    OneDnn::multiply(m, width, k, 1.0F, {wide_a.data<float>(), k, false}, {block.data<float>(), k, true},
                     part.data<float>(), width);
    if (bias)
      scale_and_add(part, 1.0, 1.0,
                    bias->as_strided({width}, bias->strides(), start * bias->strides()[0]).to(DType::Float32));
    const HostTensor narrow = part.to(a.dtype());
    const size_t item = item_size(a.dtype());
    for (int64_t row = 0; row < m; ++row) {
      std::copy_n(narrow.raw() + static_cast<size_t>(row * width) * item, static_cast<size_t>(width) * item,
                  result.raw() + static_cast<size_t>(row * n + start) * item);
    }
  }
  return result;
}

constexpr int64_t kFewRows = 4;

EXFORMER_VECTOR_CLONES float dot_product(const float* x, const float* y, int64_t count) {
  float sum = 0.0F;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < count; ++i) sum += x[i] * y[i];
  return sum;
}
EXFORMER_VECTOR_CLONES float dot_product(const float* x, const BFloat16* y, int64_t count) {
  float sum = 0.0F;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < count; ++i) sum += x[i] * static_cast<float>(y[i]);
  return sum;
}

/// Few rows (one token) against a weight whose columns lie in memory one after the other: every weight is read once, in
/// order.
template <class T>
HostTensor multiply_few_rows(const HostTensor& a, const HostTensor& b, const HostTensor* bias) {
  const int64_t m = a.size(0), k = a.size(1), n = b.size(1), stride = b.strides()[1];
  const HostTensor rows = a.to(DType::Float32).contiguous();
  const HostTensor wide_bias = bias ? bias->to(DType::Float32).contiguous() : HostTensor();
  HostTensor result = HostTensor::empty(DType::Float32, {m, n});
#pragma omp parallel for if (n * k > 65536)
  for (int64_t j = 0; j < n; ++j) {
    for (int64_t i = 0; i < m; ++i) {
      const float sum = dot_product(rows.data<float>() + i * k, b.data<T>() + j * stride, k);
      result.data<float>()[i * n + j] = bias ? sum + wide_bias.data<float>()[j] : sum;
    }
  }
  return result.to(a.dtype());
}

HostTensor multiply(const HostTensor& given_a, const HostTensor& given_b, const HostTensor* bias, OneDnn& onednn) {
  const HostTensor a = plain_matrix(given_a), b = plain_matrix(given_b);
  if (a.dtype() == DType::Float16) return multiply_widened(a, b, bias);
  if (a.size(0) <= kFewRows && b.strides()[0] == 1 && b.strides()[1] >= b.size(0)) {
    return a.dtype() == DType::Float32 ? multiply_few_rows<float>(a, b, bias) : multiply_few_rows<BFloat16>(a, b, bias);
  }
  HostTensor result = HostTensor::empty(a.dtype(), {a.size(0), b.size(1)});
  if (onednn.matmul(a, b, bias, result)) return result;
  if (a.dtype() != DType::Float32) return multiply_widened(a, b, bias);
  OneDnn::multiply(a.size(0), b.size(1), a.size(1), 1.0F, matrix_view(a, 0), matrix_view(b, 0), result.data<float>(),
                   b.size(1));
  if (bias) scale_and_add(result, 1.0, 1.0, *bias);
  return result;
}

/// Leading dims merged: [..., k] as [rows, k].
HostTensor fold_rows(const HostTensor& tensor) {
  if (tensor.rank() == 2) return tensor;
  const int64_t columns = tensor.size(-1);
  const HostTensor contiguous = tensor.contiguous();
  return contiguous.reshaped({contiguous.element_count() / columns, columns});
}

/// Products of matching matrices, one per index of the (already equal) batch dims.
HostTensor multiply_batches(const HostTensor& given_a, const HostTensor& given_b, const std::vector<int64_t>& batch) {
  const DType dtype = given_a.dtype();
  const auto prepared = [&](const HostTensor& tensor) {
    const HostTensor plain = plain_matrix(tensor.to(DType::Float32));
    std::vector<int64_t> sizes = batch;
    sizes.insert(sizes.end(), plain.sizes().end() - 2, plain.sizes().end());
    return broadcast_to(plain, sizes);
  };
  const HostTensor a = prepared(given_a), b = prepared(given_b);
  const int64_t m = a.size(-2), k = a.size(-1), n = b.size(-1);
  std::vector<int64_t> sizes = batch;
  sizes.insert(sizes.end(), {m, n});
  HostTensor result = HostTensor::empty(DType::Float32, sizes);
  const int64_t batches = element_count(batch);
#pragma omp parallel for if (batches > 1)
  for (int64_t index = 0; index < batches; ++index) {
    int64_t rest = index, a_offset = 0, b_offset = 0;
    for (size_t i = batch.size(); i-- > 0;) {
      a_offset += rest % batch[i] * a.strides()[i];
      b_offset += rest % batch[i] * b.strides()[i];
      rest /= batch[i];
    }
    OneDnn::multiply(m, n, k, 1.0F, matrix_view(a, a_offset), matrix_view(b, b_offset),
                     result.data<float>() + index * m * n, n);
  }
  return result.to(dtype);
}

Results product(const HostTensor& a, const HostTensor& b, OneDnn& onednn) {
  if (!is_supported(a, b) || a.rank() < 2 || b.rank() < 2 || a.size(-1) != b.size(-2)) return std::nullopt;
  if (b.rank() == 2) {
    std::vector<int64_t> sizes = a.sizes();
    sizes.back() = b.size(1);
    return {{multiply(fold_rows(a), b, nullptr, onednn).reshaped(sizes)}};
  }
  std::vector<int64_t> batch;
  const int64_t batch_rank = std::max(a.rank(), b.rank()) - 2;
  for (int64_t i = 0; i < batch_rank; ++i) {
    const auto size = [&](const HostTensor& tensor) {
      const int64_t dim = i - batch_rank + tensor.rank() - 2;
      return dim < 0 ? int64_t{1} : tensor.sizes()[dim];
    };
    if (size(a) != size(b) && size(a) != 1 && size(b) != 1) return std::nullopt;
    batch.push_back(size(a) == 1 ? size(b) : size(a));
  }
  return {{multiply_batches(a, b, batch)}};
}

}  // namespace

Results fast_linear(const KernelArgs& args, OneDnn& onednn) {
  const HostTensor& input = args.tensor("input");
  const HostTensor& weight = args.tensor("weight");
  if (weight.rank() != 2 || input.rank() < 1 || !is_supported(input, weight)) return std::nullopt;
  const HostTensor* given_bias = args.optional_tensor("bias");
  if (given_bias && (given_bias->rank() != 1 || given_bias->dtype() != input.dtype())) return std::nullopt;
  const HostTensor bias = given_bias ? given_bias->contiguous() : HostTensor();
  std::vector<int64_t> sizes = input.sizes();
  sizes.back() = weight.size(0);
  const HostTensor rows = input.rank() == 1 ? input.contiguous().reshaped({1, input.size(0)}) : fold_rows(input);
  return {{multiply(rows, transposed(weight, 0, 1), given_bias ? &bias : nullptr, onednn).reshaped(sizes)}};
}

Results fast_matmul(const KernelArgs& args, OneDnn& onednn) {
  return product(args.tensor("self"), args.tensor("other"), onednn);
}

Results fast_mm(const KernelArgs& args, OneDnn& onednn) {
  return product(args.tensor("self"), args.tensor("mat2"), onednn);
}

Results fast_addmm(const KernelArgs& args, OneDnn& onednn) {
  const HostTensor& self = args.tensor("self");
  const HostTensor& a = args.tensor("mat1");
  const HostTensor& b = args.tensor("mat2");
  const bool plain = args.real("alpha") == 1.0 && args.real("beta") == 1.0;
  if (!plain || !is_supported(a, b) || self.dtype() != a.dtype() || self.rank() != 1 || self.size(0) != b.size(1))
    return std::nullopt;
  const HostTensor bias = self.contiguous();
  return {{multiply(a, b, &bias, onednn)}};
}

}  // namespace exformer
