// Building blocks of shape rules: broadcasting, type promotion, dims, strides of pointwise results and of views.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "exformer/ir/graph.h"
#include "exformer/ops/args.h"

namespace exformer {

/// `dim` counted from the front; throws ExportError when outside [-rank, rank). A 0-d tensor counts as rank 1.
int64_t wrap_dim(int64_t dim, int64_t rank, std::string_view op);

/// torch.broadcast_shapes. Sizes that cannot be shown equal (nor 1) throw ExportError naming both.
std::vector<SymInt> broadcast_sizes(const std::vector<SymInt>& a, const std::vector<SymInt>& b, std::string_view op);

/// torch.result_type over tensors (0-d ones and Python scalars yield to dimensioned ones of the same category).
class Promotion {
 public:
  void add(const TensorMeta& tensor);
  void add(const Scalar& scalar);
  /// The common dtype; floats default to float32.
  DType result() const;

 private:
  std::optional<DType> dimensioned_, zero_dim_, wrapped_;
};
DType promote_types(DType a, DType b);
/// float32 for integers and bool, the dtype itself otherwise: ops whose result is always floating.
DType to_floating(DType dtype);

/// Strides of a pointwise result as TensorIterator gives them: dense, in the order of the inputs' strides.
std::vector<SymInt> pointwise_strides(std::span<const TensorMeta* const> inputs, const std::vector<SymInt>& sizes);
/// A whole pointwise result: broadcast sizes, TensorIterator's strides.
TensorMeta pointwise_meta(std::span<const TensorMeta* const> inputs, DType dtype, std::string_view op);
/// Strides of empty_like / clone with preserve_format.
std::vector<SymInt> like_strides(const TensorMeta& self);
bool is_contiguous(const TensorMeta& meta);

/// Sizes with one -1 filled in. Throws ExportError when the counts differ or cannot be compared.
std::vector<SymInt> resolve_view_sizes(const TensorMeta& self, const std::vector<SymInt>& sizes, std::string_view op);
/// Strides of a view with other sizes, or nothing when a copy is needed (torch's computeStride).
std::optional<std::vector<SymInt>> view_strides(const TensorMeta& self, const std::vector<SymInt>& sizes);

}  // namespace exformer
