// Reference matrix products over strided tensors, and the dtype in which a kernel of this folder computes.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "exformer/tensor/host_tensor.h"

namespace exformer {

/// float32 for float16 and bfloat16 (rounded at the end, as torch does on the CPU), int64 for integers, else the dtype
/// itself. bool and complex throw ExportError (Unsupported) naming `op`.
DType compute_dtype(DType dtype, std::string_view op);

/// Calls `function` with a value of the C++ type of a compute dtype.
template <class Function>
decltype(auto) with_compute_type(DType dtype, Function&& function) {
  switch (dtype) {
    case DType::Float64: return function(double{});
    case DType::Int64: return function(int64_t{});
    default: EXFORMER_ASSERT(dtype == DType::Float32); return function(float{});
  }
}
/// The same for ops that exist for floating dtypes only.
template <class Function>
decltype(auto) with_float_type(DType dtype, Function&& function) {
  if (dtype == DType::Float64) return function(double{});
  EXFORMER_ASSERT(dtype == DType::Float32);
  return function(float{});
}

/// C[m, n] += A[m, k] * B[k, n]; C is contiguous with row stride n, A and B have any strides {row, column}.
struct MatrixStrides {
  int64_t row = 0, column = 1;
};
template <class T>
void multiply_matrices(int64_t m, int64_t n, int64_t k, const T* a, MatrixStrides a_strides, const T* b,
                       MatrixStrides b_strides, T* c);
extern template void multiply_matrices(int64_t, int64_t, int64_t, const float*, MatrixStrides, const float*,
                                       MatrixStrides, float*);
extern template void multiply_matrices(int64_t, int64_t, int64_t, const double*, MatrixStrides, const double*,
                                       MatrixStrides, double*);
extern template void multiply_matrices(int64_t, int64_t, int64_t, const int64_t*, MatrixStrides, const int64_t*,
                                       MatrixStrides, int64_t*);

/// torch.matmul for tensors of one compute dtype; vectors, matrices and broadcast batches. The result is contiguous.
HostTensor matmul_reference(const HostTensor& a, const HostTensor& b);
/// alpha * result + beta * other (broadcast to the result), in place; one compute dtype.
void scale_and_add(HostTensor& result, double alpha, double beta, const HostTensor& other);
/// `tensor` seen with other sizes: repeated with stride 0 where its size is 1.
HostTensor broadcast_to(const HostTensor& tensor, const std::vector<int64_t>& sizes);
/// Dims `dim0` and `dim1` swapped (negative ones count from the end).
HostTensor transposed(const HostTensor& tensor, int64_t dim0, int64_t dim1);

}  // namespace exformer
