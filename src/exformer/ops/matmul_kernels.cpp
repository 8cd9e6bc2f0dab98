#include "exformer/ops/matmul_kernels.h"

#include <algorithm>

namespace exformer {

DType compute_dtype(DType dtype, std::string_view op) {
  if (dtype == DType::Float64 || dtype == DType::Float32) return dtype;
  if (dtype == DType::Float16 || dtype == DType::BFloat16) return DType::Float32;
  if (is_integer(dtype)) return DType::Int64;
  unsupported("{}: not supported for {}", op, dtype_name(dtype));
}

namespace {

/// Four rows of C at a time over B's rows: the inner loop runs along contiguous memory of B and C.
template <class T>
void multiply_by_rows(int64_t first, int64_t last, int64_t n, int64_t k, const T* a, MatrixStrides as, const T* b,
                      int64_t b_row, T* c) {
  constexpr int64_t kColumns = 512;
  for (int64_t column = 0; column < n; column += kColumns) {
    const int64_t width = std::min(kColumns, n - column);
    int64_t row = first;
    for (; row + 4 <= last; row += 4) {
      T* __restrict c0 = c + row * n + column;
      T* __restrict c1 = c0 + n;
      T* __restrict c2 = c1 + n;
      T* __restrict c3 = c2 + n;
      for (int64_t p = 0; p < k; ++p) {
        const T* x = a + row * as.row + p * as.column;
        const T x0 = x[0], x1 = x[as.row], x2 = x[2 * as.row], x3 = x[3 * as.row];
        const T* __restrict y = b + p * b_row + column;
        for (int64_t j = 0; j < width; ++j) {
          c0[j] += x0 * y[j];
          c1[j] += x1 * y[j];
          c2[j] += x2 * y[j];
          c3[j] += x3 * y[j];
        }
      }
    }
    for (; row < last; ++row) {
      T* __restrict c0 = c + row * n + column;
      for (int64_t p = 0; p < k; ++p) {
        const T x0 = a[row * as.row + p * as.column];
        const T* __restrict y = b + p * b_row + column;
        for (int64_t j = 0; j < width; ++j) c0[j] += x0 * y[j];
      }
    }
  }
}

template <class T>
T dot(const T* a, int64_t a_step, const T* b, int64_t b_step, int64_t k) {
  T sum = 0;
  if (a_step == 1 && b_step == 1) {
#pragma omp simd reduction(+ : sum)
    for (int64_t p = 0; p < k; ++p) sum += a[p] * b[p];
  } else {
    for (int64_t p = 0; p < k; ++p) sum += a[p * a_step] * b[p * b_step];
  }
  return sum;
}

}  // namespace

template <class T>
void multiply_matrices(int64_t m, int64_t n, int64_t k, const T* a, MatrixStrides as, const T* b, MatrixStrides bs,
                       T* c) {
  const bool large = m * n * k > 65536;
  if (bs.column == 1 && m > 1) {
    constexpr int64_t kRows = 16;
#pragma omp parallel for if (large)
    for (int64_t first = 0; first < m; first += kRows)
      multiply_by_rows(first, std::min(first + kRows, m), n, k, a, as, b, bs.row, c);
    return;
  }
  if (bs.row != 1 && m >= 4 && n > 1) {  // neither order is contiguous: one copy of B serves all rows
    std::vector<T> packed(static_cast<size_t>(k * n));
    for (int64_t p = 0; p < k; ++p) {
      for (int64_t j = 0; j < n; ++j) packed[p * n + j] = b[p * bs.row + j * bs.column];
    }
    return multiply_matrices(m, n, k, a, as, packed.data(), MatrixStrides{n, 1}, c);
  }
#pragma omp parallel for if (large)
  for (int64_t j = 0; j < n; ++j) {
    for (int64_t i = 0; i < m; ++i) c[i * n + j] += dot(a + i * as.row, as.column, b + j * bs.column, bs.row, k);
  }
}

template void multiply_matrices(int64_t, int64_t, int64_t, const float*, MatrixStrides, const float*, MatrixStrides,
                                float*);
template void multiply_matrices(int64_t, int64_t, int64_t, const double*, MatrixStrides, const double*, MatrixStrides,
                                double*);
template void multiply_matrices(int64_t, int64_t, int64_t, const int64_t*, MatrixStrides, const int64_t*, MatrixStrides,
                                int64_t*);

HostTensor broadcast_to(const HostTensor& tensor, const std::vector<int64_t>& sizes) {
  std::vector<int64_t> strides(sizes.size(), 0);
  const size_t added = sizes.size() - tensor.sizes().size();
  for (size_t i = added; i < sizes.size(); ++i) {
    const int64_t size = tensor.sizes()[i - added];
    if (size != sizes[i] && size != 1) fail("sizes {} and {} cannot be broadcast", size, sizes[i]);
    strides[i] = size == sizes[i] ? tensor.strides()[i - added] : 0;
  }
  return tensor.as_strided(sizes, std::move(strides), 0);
}

HostTensor transposed(const HostTensor& tensor, int64_t dim0, int64_t dim1) {
  std::vector<int64_t> sizes = tensor.sizes(), strides = tensor.strides();
  const int64_t first = dim0 < 0 ? dim0 + tensor.rank() : dim0;
  const int64_t second = dim1 < 0 ? dim1 + tensor.rank() : dim1;
  std::swap(sizes[first], sizes[second]);
  std::swap(strides[first], strides[second]);
  return tensor.as_strided(std::move(sizes), std::move(strides), 0);
}

HostTensor matmul_reference(const HostTensor& left, const HostTensor& right) {
  HostTensor a = left, b = right;
  if (left.rank() == 1) a = left.as_strided({1, left.size(0)}, {0, left.strides()[0]}, 0);
  if (right.rank() == 1) b = right.as_strided({right.size(0), 1}, {right.strides()[0], 0}, 0);
  const int64_t m = a.size(-2), k = a.size(-1), n = b.size(-1);
  if (b.size(-2) != k) fail("matmul: {} columns and {} rows do not match", k, b.size(-2));
  std::vector<int64_t> batch;
  const int64_t batch_rank = std::max(a.rank(), b.rank()) - 2;
  for (int64_t i = 0; i < batch_rank; ++i) {
    const int64_t in_a = i - (batch_rank - (a.rank() - 2)), in_b = i - (batch_rank - (b.rank() - 2));
    const int64_t size_a = in_a < 0 ? 1 : a.sizes()[in_a], size_b = in_b < 0 ? 1 : b.sizes()[in_b];
    batch.push_back(size_a == 1 ? size_b : size_a);
  }
  std::vector<int64_t> a_sizes = batch, b_sizes = batch, c_sizes = batch;
  a_sizes.insert(a_sizes.end(), {m, k});
  b_sizes.insert(b_sizes.end(), {k, n});
  c_sizes.insert(c_sizes.end(), {m, n});
  a = broadcast_to(a, a_sizes);
  b = broadcast_to(b, b_sizes);
  HostTensor c = HostTensor::zeros(left.dtype(), c_sizes);
  const int64_t batches = element_count(batch);
  with_compute_type(left.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for (int64_t index = 0; index < batches; ++index) {
      int64_t rest = index, a_offset = 0, b_offset = 0;
      for (int64_t i = batch_rank; i-- > 0;) {
        a_offset += rest % batch[i] * a.strides()[i];
        b_offset += rest % batch[i] * b.strides()[i];
        rest /= batch[i];
      }
      const MatrixStrides a_strides{a.strides()[batch_rank], a.strides()[batch_rank + 1]};
      const MatrixStrides b_strides{b.strides()[batch_rank], b.strides()[batch_rank + 1]};
      multiply_matrices(m, n, k, a.data<T>() + a_offset, a_strides, b.data<T>() + b_offset, b_strides,
                        c.data<T>() + index * m * n);
    }
  });
  std::vector<int64_t> sizes = batch;
  if (left.rank() != 1) sizes.push_back(m);
  if (right.rank() != 1) sizes.push_back(n);
  return c.reshaped(sizes);
}

void scale_and_add(HostTensor& result, double alpha, double beta, const HostTensor& other) {
  const HostTensor addend = broadcast_to(other, result.sizes()).contiguous();
  with_compute_type(result.dtype(), [&](auto zero) {
    using T = decltype(zero);
    T* out = result.data<T>();
    const T* in = addend.data<T>();
    const T scale = static_cast<T>(alpha), add_scale = static_cast<T>(beta);
    const int64_t count = result.element_count();
    if (beta == 0.0) {  // torch ignores the addend then, NaN included
      for (int64_t i = 0; i < count; ++i) out[i] = scale * out[i];
    } else {
      for (int64_t i = 0; i < count; ++i) out[i] = scale * out[i] + add_scale * in[i];
    }
  });
}

}  // namespace exformer
