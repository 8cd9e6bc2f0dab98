// Running sums, products and extremes along one dim.
#include <algorithm>

#include "exformer/ops/builder.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/pointwise_rules.h"
#include "exformer/ops/row_view.h"
#include "exformer/ops/shape_rules.h"

namespace exformer {
namespace {

DType scan_dtype(DType self, std::optional<DType> asked) {
  return asked.value_or(is_floating_point(self) || is_complex(self) ? self : DType::Int64);
}

/// The dim of a call, as a list: empty for a 0-d tensor.
std::vector<int64_t> scan_dims(int64_t dim, int64_t rank, std::string_view op) {
  const int64_t wrapped = wrap_dim(dim, rank, op);
  return rank == 0 ? std::vector<int64_t>() : std::vector<int64_t>{wrapped};
}

/// Sums and products of floats are kept in double along a row.
template <class F>
KernelFunction scan_kernel(F combine) {
  return [combine](const KernelArgs& args) -> std::vector<HostTensor> {
    const std::string_view op = args.schema().name;
    const HostTensor& self = args.tensor("self");
    const DType dtype = scan_dtype(self.dtype(), args.dtype("dtype"));
    const std::vector<int64_t> dims = scan_dims(args.integer("dim"), self.rank(), op);
    return {visit_arithmetic(dtype, op, [&](auto zero) {
      using T = decltype(zero);
      using Sum = std::conditional_t<std::is_integral_v<T>, uint64_t, double>;
      const RowView view = rows_along(self.to(dtype), dims, ArithmeticType<T>::kDType);
      HostTensor rows = HostTensor::empty(view.rows.dtype(), view.rows.sizes());
      const T* from = view.rows.data<T>();
      T* to = rows.data<T>();
#pragma omp parallel for if (view.count > 1 && view.count * view.length > 65536)
      for (int64_t row = 0; row < view.count; ++row) {
        Sum state = 0;
        for (int64_t i = row * view.length; i < (row + 1) * view.length; ++i) {
          state = i == row * view.length ? static_cast<Sum>(from[i]) : combine(state, static_cast<Sum>(from[i]));
          to[i] = static_cast<T>(state);
        }
      }
      return rows_to_dim(rows, self.sizes(), dims.empty() ? 0 : dims[0]).to(dtype);
    })};
  };
}

std::vector<OutputMeta> scan_infer(const MetaArgs& args) {
  const TensorMeta& self = *args.tensor("self");
  wrap_dim(args.integer("dim"), self.rank(), args.schema().name);
  return {contiguous_meta(scan_dtype(self.dtype, args.dtype("dtype")), self.sizes)};
}

template <bool kLargest>
std::vector<HostTensor> extreme_kernel(const KernelArgs& args) {
  const std::string_view op = args.schema().name;
  const HostTensor& self = args.tensor("self");
  const std::vector<int64_t> dims = scan_dims(args.integer("dim"), self.rank(), op);
  const int64_t dim = dims.empty() ? 0 : dims[0];
  return visit_arithmetic(self.dtype(), op, [&](auto zero) -> std::vector<HostTensor> {
    using T = decltype(zero);
    const RowView view = rows_along(self, dims, ArithmeticType<T>::kDType);
    HostTensor values = HostTensor::empty(view.rows.dtype(), view.rows.sizes());
    HostTensor indices = HostTensor::empty(DType::Int64, view.rows.sizes());
    const T* from = view.rows.data<T>();
    for (int64_t row = 0; row < view.count; ++row) {
      int64_t best = 0;
      for (int64_t i = 0; i < view.length; ++i) {
        const T value = from[row * view.length + i];
        const T top = from[row * view.length + best];
        // The later of two equal ones; once a NaN, always a NaN.
        if (value != value || (top == top && (kLargest ? value >= top : value <= top))) best = i;
        values.data<T>()[row * view.length + i] = from[row * view.length + best];
        indices.data<int64_t>()[row * view.length + i] = best;
      }
    }
    return {rows_to_dim(values, self.sizes(), dim).to(self.dtype()), rows_to_dim(indices, self.sizes(), dim)};
  });
}

}  // namespace

void declare_scan_ops(OpRegistry& ops) {
  declare_with_inplace(ops, {.schema = "aten::cumsum(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor",
                             .infer = scan_infer,
                             .kernel = scan_kernel([](auto a, auto b) { return a + b; }),
                             .out_variant = "aten::cumsum.out",
                             .tags = Tag::Core});
  declare_with_inplace(ops, {.schema = "aten::cumprod(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor",
                             .infer = scan_infer,
                             .kernel = scan_kernel([](auto a, auto b) { return a * b; })});
  const auto infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
    const TensorMeta& self = *args.tensor("self");
    wrap_dim(args.integer("dim"), self.rank(), args.schema().name);
    return {contiguous_meta(self.dtype, self.sizes), contiguous_meta(DType::Int64, self.sizes)};
  };
  ops.declare({.schema = "aten::cummax(Tensor self, int dim) -> (Tensor values, Tensor indices)",
               .infer = infer,
               .kernel = extreme_kernel<true>});
  ops.declare({.schema = "aten::cummin(Tensor self, int dim) -> (Tensor values, Tensor indices)",
               .infer = infer,
               .kernel = extreme_kernel<false>});
}

}  // namespace exformer
