#include "exformer/ops/shape_rules.h"

#include <algorithm>
#include <numeric>

#include "exformer/symbolic/factors.h"
#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

/// Rank of a dtype inside torch's promotion lattice of real types.
int integer_rank(DType dtype) {
  switch (dtype) {
    case DType::Bool: return 0;
    case DType::UInt8: return 1;
    case DType::Int8: return 1;
    case DType::UInt16:
    case DType::Int16: return 2;
    case DType::UInt32:
    case DType::Int32: return 3;
    default: return 4;
  }
}

bool is_unsigned(DType dtype) {
  return dtype == DType::UInt8 || dtype == DType::UInt16 || dtype == DType::UInt32 || dtype == DType::UInt64;
}

DType signed_of_rank(int rank) {
  constexpr DType kSigned[] = {DType::Int8, DType::Int8, DType::Int16, DType::Int32, DType::Int64};
  return kSigned[std::min(rank, 4)];
}

std::optional<DType> promote_present(std::optional<DType> a, std::optional<DType> b) {
  if (!a) return b;
  if (!b) return a;
  return promote_types(*a, *b);
}

/// c10's combine_categories: the higher-priority dtype wins unless the lower one is of a higher category.
std::optional<DType> combine(std::optional<DType> higher, std::optional<DType> lower) {
  if (!higher) return lower;
  if (!lower) return higher;
  if (is_complex(*higher)) return higher;
  if (is_floating_point(*higher)) {
    if (!is_complex(*lower)) return higher;
    return *higher == DType::Float64 ? DType::Complex128 : DType::Complex64;
  }
  if (*higher == DType::Bool || is_floating_point(*lower) || is_complex(*lower)) return promote_types(*higher, *lower);
  return higher;
}

/// Whether `a` is at most `b`, or would be if no size were zero.
bool is_inner_stride(const SymInt& a, const SymInt& b) {
  return less_equal(a, b) == Truth::Yes || (!b.is_constant() && cofactor(b, a).has_value());
}

/// torch._prims_common's order test: 1 when dim `a` must come after `b` in memory, -1 when before, 0 when the inputs do
/// not say.
int stride_order(std::span<const std::vector<SymInt>> strides, const std::vector<SymInt>& sizes, size_t a, size_t b) {
  for (const auto& stride : strides) {
    if (stride[a] == SymInt(0) || stride[b] == SymInt(0)) continue;
    if (stride[a] == stride[b]) {
      if (less(sizes[b], sizes[a]) == Truth::Yes) return 1;
    } else if (is_inner_stride(stride[a], stride[b])) {  // equal only where a size is 1, whose stride no one reads
      return -1;
    } else if (is_inner_stride(stride[b], stride[a])) {
      return 1;
    }
  }
  return 0;
}

/// Strides of `input` seen with the broadcast `sizes`: 0 where it is repeated.
std::vector<SymInt> expanded_strides(const TensorMeta& input, const std::vector<SymInt>& sizes) {
  std::vector<SymInt> strides(sizes.size(), SymInt(0));
  const size_t offset = sizes.size() - input.sizes.size();
  for (size_t i = 0; i < input.sizes.size(); ++i) {
    const bool repeated = input.sizes[i] == SymInt(1) && sizes[offset + i] != SymInt(1);
    strides[offset + i] = repeated ? SymInt(0) : input.strides[i];
  }
  return strides;
}

/// Dense strides whose memory order is `order` (outermost first).
std::vector<SymInt> dense_strides(const std::vector<SymInt>& sizes, const std::vector<size_t>& order) {
  std::vector<SymInt> permuted;
  for (const size_t dim : order) permuted.push_back(sizes[dim]);
  const std::vector<SymInt> dense = contiguous_strides(permuted);
  std::vector<SymInt> strides(sizes.size());
  for (size_t i = 0; i < order.size(); ++i) strides[order[i]] = dense[i];
  return strides;
}

std::vector<size_t> memory_order(std::span<const std::vector<SymInt>> strides, const std::vector<SymInt>& sizes) {
  std::vector<size_t> order(sizes.size());
  std::iota(order.rbegin(), order.rend(), size_t{0});  // innermost first while sorting
  for (size_t i = 1; i < order.size(); ++i) {
    size_t inner = i;
    for (size_t j = i; j-- > 0;) {
      const int comparison = stride_order(strides, sizes, order[j], order[inner]);
      if (comparison > 0) {
        std::swap(order[j], order[inner]);
        inner = j;
      } else if (comparison < 0) {
        break;
      }
    }
  }
  std::reverse(order.begin(), order.end());
  return order;
}

}  // namespace

int64_t wrap_dim(int64_t dim, int64_t rank, std::string_view op) {
  const int64_t range = std::max<int64_t>(rank, 1);
  if (dim < -range || dim >= range)
    fail("{}: dimension {} is out of range, allowed is [{}, {}]", op, dim, -range, range - 1);
  return dim < 0 ? dim + range : dim;
}

std::vector<SymInt> broadcast_sizes(const std::vector<SymInt>& a, const std::vector<SymInt>& b, std::string_view op) {
  const size_t rank = std::max(a.size(), b.size());
  std::vector<SymInt> result(rank);
  for (size_t i = 0; i < rank; ++i) {
    const SymInt one = 1;
    const SymInt& left = i + a.size() >= rank ? a[i + a.size() - rank] : one;
    const SymInt& right = i + b.size() >= rank ? b[i + b.size() - rank] : one;
    if (left == one) {
      result[i] = right;
    } else if (right == one) {
      result[i] = left;
    } else if (known_equal(left, right)) {
      result[i] = left.is_constant() || !right.is_constant() ? left : right;
    } else {
      const bool impossible = equal(left, right) == Truth::No;
      fail("{}: sizes {} and {} {} (dimension {}: {} and {})", op, to_string(a), to_string(b),
           impossible ? "cannot be broadcast" : "are not known to be equal", i, to_string(left), to_string(right));
    }
  }
  return result;
}

DType promote_types(DType a, DType b) {
  if (a == b) return a;
  if (is_complex(a) || is_complex(b)) {
    const bool wide = a == DType::Complex128 || b == DType::Complex128 || a == DType::Float64 || b == DType::Float64;
    return wide ? DType::Complex128 : DType::Complex64;
  }
  const bool float_a = is_floating_point(a);
  const bool float_b = is_floating_point(b);
  if (float_a && float_b) {
    if (item_size(a) == item_size(b)) return DType::Float32;  // float16 with bfloat16
    return item_size(a) > item_size(b) ? a : b;
  }
  if (float_a) return a;
  if (float_b) return b;
  if (a == DType::Bool) return b;
  if (b == DType::Bool) return a;
  if (is_unsigned(a) == is_unsigned(b)) return integer_rank(a) > integer_rank(b) ? a : b;
  const DType plain = is_unsigned(a) ? a : b;
  const DType with_sign = is_unsigned(a) ? b : a;
  if (integer_rank(with_sign) > integer_rank(plain)) return with_sign;
  return signed_of_rank(integer_rank(plain) + 1);
}

DType to_floating(DType dtype) { return is_floating_point(dtype) || is_complex(dtype) ? dtype : DType::Float32; }

void Promotion::add(const TensorMeta& tensor) {
  auto& slot = tensor.sizes.empty() ? zero_dim_ : dimensioned_;
  slot = promote_present(slot, tensor.dtype);
}

void Promotion::add(const Scalar& scalar) {
  const DType dtype = scalar.kind == Scalar::Kind::Float  ? DType::Float32
                      : scalar.kind == Scalar::Kind::Bool ? DType::Bool
                                                          : DType::Int64;
  wrapped_ = promote_present(wrapped_, dtype);
}

DType Promotion::result() const { return combine(dimensioned_, combine(zero_dim_, wrapped_)).value_or(DType::Float32); }

bool is_contiguous(const TensorMeta& meta) {
  const std::vector<SymInt> expected = contiguous_strides(meta.sizes);
  for (size_t i = 0; i < meta.sizes.size(); ++i) {
    if (meta.sizes[i] == SymInt(0)) return true;
    if (meta.sizes[i] != SymInt(1) && meta.strides[i] != expected[i]) return false;
  }
  return true;
}

std::vector<SymInt> pointwise_strides(std::span<const TensorMeta* const> inputs, const std::vector<SymInt>& sizes) {
  std::vector<std::vector<SymInt>> strides;
  bool all_contiguous = true;
  for (const TensorMeta* input : inputs) {
    if (input->sizes.empty()) continue;  // a 0-d tensor says nothing about the order
    all_contiguous = all_contiguous && is_contiguous(*input);
    strides.push_back(expanded_strides(*input, sizes));
  }
  if (all_contiguous || sizes.empty()) return contiguous_strides(sizes);
  return dense_strides(sizes, memory_order(strides, sizes));
}

TensorMeta pointwise_meta(std::span<const TensorMeta* const> inputs, DType dtype, std::string_view op) {
  std::vector<SymInt> sizes;
  for (const TensorMeta* input : inputs) sizes = broadcast_sizes(sizes, input->sizes, op);
  auto strides = pointwise_strides(inputs, sizes);
  return {dtype, std::move(sizes), std::move(strides)};
}

std::vector<SymInt> like_strides(const TensorMeta& self) {
  // A tensor that is dense in some order keeps its strides; any other gets the order of its strides.
  if (is_contiguous(self)) return contiguous_strides(self.sizes);
  const std::vector<std::vector<SymInt>> strides{self.strides};
  return dense_strides(self.sizes, memory_order(strides, self.sizes));
}

std::vector<SymInt> resolve_view_sizes(const TensorMeta& self, const std::vector<SymInt>& sizes, std::string_view op) {
  std::vector<SymInt> resolved = sizes;
  std::optional<size_t> free;
  SymInt known = 1;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == SymInt(-1)) {
      if (free) fail("{}: only one size can be -1, got {}", op, to_string(sizes));
      free = i;
    } else {
      known = known * sizes[i];
    }
  }
  const SymInt count = element_count(self.sizes);
  if (free) {
    if (known == SymInt(0)) fail("{}: a size of -1 beside 0 is ambiguous in {}", op, to_string(sizes));
    const auto rest = known.is_constant() ? std::nullopt : cofactor(count, known);  // also where data may define a zero
    resolved[*free] = rest ? *rest : floordiv(count, known);
    if (rest) return resolved;
    known = known * resolved[*free];
  }
  if (!known_equal(known, count)) {
    fail("{}: sizes {} {} the {} elements of {}", op, to_string(sizes),
         equal(known, count) == Truth::No ? "do not fit" : "are not known to fit", to_string(count),
         to_string(self.sizes));
  }
  return resolved;
}

std::optional<std::vector<SymInt>> view_strides(const TensorMeta& self, const std::vector<SymInt>& sizes) {
  if (is_contiguous(self)) return contiguous_strides(sizes);
  if (self.sizes.empty()) return std::vector<SymInt>(sizes.size(), SymInt(1));
  std::vector<SymInt> result(sizes.size());
  auto view_dim = static_cast<int64_t>(sizes.size()) - 1;
  SymInt chunk_stride = self.strides.back();
  SymInt tensor_count = 1;
  SymInt view_count = 1;
  for (int64_t dim = self.rank() - 1; dim >= 0; --dim) {
    tensor_count = tensor_count * self.sizes[dim];
    const bool chunk_ends =
        dim == 0 || (self.sizes[dim - 1] != SymInt(1) && self.strides[dim - 1] != tensor_count * chunk_stride);
    if (!chunk_ends) continue;
    while (view_dim >= 0 && (!known_equal(view_count, tensor_count) || sizes[view_dim] == SymInt(1))) {
      result[view_dim] = view_count * chunk_stride;
      view_count = view_count * sizes[view_dim];
      --view_dim;
    }
    if (!known_equal(view_count, tensor_count)) return std::nullopt;
    if (dim > 0) {
      chunk_stride = self.strides[dim - 1];
      tensor_count = 1;
      view_count = 1;
    }
  }
  if (view_dim != -1) return std::nullopt;
  return result;
}

}  // namespace exformer
