// scaled_dot_product_attention: softmax(query key^T * scale + mask) value.
// A row whose every key is masked gives 0, as torch 2.13 does on the CPU (_scaled_dot_product_attention_math,
// _safe_softmax).
#include <cmath>
#include <limits>

#include "exformer/ops/builder.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/matmul_kernels.h"
#include "exformer/ops/row_kernels.h"
#include "exformer/ops/shape_rules.h"
#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

using Metas = std::vector<OutputMeta>;
using Values = std::vector<Value*>;

/// What torch's CPU dispatcher asks before it takes its fused path (ATen/native/transformers/sdp_utils_cpp): that
/// path's result lies in memory as the query does, the other one's is contiguous.
bool takes_fused_path(const TensorMeta& query, const TensorMeta& key, const TensorMeta& value, const TensorMeta* mask,
                      double dropout) {
  if (dropout != 0.0 || query.rank() != 4 || key.rank() != 4 || value.rank() != 4) return false;
  const auto same = [](const SymInt& a, const SymInt& b) { return known_equal(a, b); };
  if (!same(query.sizes[0], key.sizes[0]) || !same(query.sizes[0], value.sizes[0]) ||
      !same(key.sizes[1], value.sizes[1]))
    return false;
  if (!same(query.sizes[3], key.sizes[3]) || !same(query.sizes[3], value.sizes[3])) return false;
  for (const TensorMeta* meta : {&query, &key, &value}) {
    if (meta->strides[3] != SymInt(1)) return false;
    if (meta->sizes[2] == SymInt(0)) return false;
  }
  if (!mask) return true;
  const auto fits = [&](const SymInt& size, const SymInt& whole) { return same(size, 1) || same(size, whole); };
  if (mask->rank() != 2 && mask->rank() != 4) return false;
  if (!fits(mask->sizes[mask->rank() - 2], query.sizes[2]) || !fits(mask->sizes[mask->rank() - 1], key.sizes[2]))
    return false;
  return mask->rank() == 2 || (fits(mask->sizes[0], query.sizes[0]) && fits(mask->sizes[1], query.sizes[1]));
}

/// Sizes of the result: batch dims broadcast, the query's length, the value's width.
TensorMeta attention_meta(const TensorMeta& query, const TensorMeta& key, const TensorMeta& value,
                          const TensorMeta* mask, bool causal, bool grouped, double dropout, std::string_view op) {
  for (const TensorMeta* meta : {&query, &key, &value}) {
    if (meta->rank() < 2)
      fail("{}: query, key and value need at least 2 dims, got sizes {}", op, to_string(meta->sizes));
    if (meta->dtype != query.dtype)
      fail("{}: query, key and value must have one dtype, got {} and {}", op, dtype_name(query.dtype),
           dtype_name(meta->dtype));
  }
  if (!is_floating_point(query.dtype)) fail("{}: expected a floating dtype, got {}", op, dtype_name(query.dtype));
  if (mask && causal) fail("{}: attn_mask and is_causal exclude each other", op);
  if (mask && mask->dtype != DType::Bool && mask->dtype != query.dtype) {
    const bool wider = mask->dtype == DType::Float32 && item_size(query.dtype) == 2;
    if (!wider) fail("{}: attn_mask must be bool or {}, got {}", op, dtype_name(query.dtype), dtype_name(mask->dtype));
  }
  const int64_t q = query.rank(), k = key.rank(), v = value.rank();
  if (!known_equal(query.sizes[q - 1], key.sizes[k - 1])) {
    fail("{}: query and key widths differ: {} and {}", op, to_string(query.sizes[q - 1]), to_string(key.sizes[k - 1]));
  }
  if (!known_equal(key.sizes[k - 2], value.sizes[v - 2])) {
    fail("{}: key and value lengths {}: {} and {}", op,
         equal(key.sizes[k - 2], value.sizes[v - 2]) == Truth::No ? "differ" : "are not known to be equal",
         to_string(key.sizes[k - 2]), to_string(value.sizes[v - 2]));
  }
  std::vector<SymInt> q_batch(query.sizes.begin(), query.sizes.end() - 2),
      k_batch(key.sizes.begin(), key.sizes.end() - 2), v_batch(value.sizes.begin(), value.sizes.end() - 2);
  if (grouped) {
    if (q < 3 || k < 3 || v < 3) fail("{}: enable_gqa needs a dim of heads", op);
    for (const SymInt& heads : {k_batch.back(), v_batch.back()}) {
      if (!known_equal(mod(q_batch.back(), heads), 0)) {
        fail("{}: {} query heads are not a multiple of {} key and value heads", op, to_string(q_batch.back()),
             to_string(heads));
      }
    }
    k_batch.back() = v_batch.back() = q_batch.back();
  }
  std::vector<SymInt> sizes = broadcast_sizes(broadcast_sizes(q_batch, k_batch, op), v_batch, op);
  if (mask) {
    std::vector<SymInt> scores = sizes;
    scores.insert(scores.end(), {query.sizes[q - 2], key.sizes[k - 2]});
    const auto wide = broadcast_sizes(scores, mask->sizes, op);
    for (size_t i = 0; i < wide.size(); ++i) {
      if (wide.size() != scores.size() || !known_equal(wide[i], scores[i])) {
        fail("{}: attn_mask of sizes {} does not fit scores of sizes {}", op, to_string(mask->sizes),
             to_string(scores));
      }
    }
  }
  sizes.insert(sizes.end(), {query.sizes[q - 2], value.sizes[v - 1]});
  const bool fused = takes_fused_path(query, key, value, mask, dropout);
  auto strides = fused ? like_strides(query) : contiguous_strides(sizes);
  return {query.dtype, std::move(sizes), std::move(strides)};
}

/// [..., heads, length, width] seen with `repeats` times as many heads, each repeated in place, as [..., heads,
/// repeats, length, width].
HostTensor group_heads(const HostTensor& tensor, int64_t repeats) {
  std::vector<int64_t> sizes = tensor.sizes(), strides = tensor.strides();
  sizes.insert(sizes.end() - 2, repeats);
  strides.insert(strides.end() - 2, 0);
  return tensor.as_strided(std::move(sizes), std::move(strides), 0);
}

HostTensor repeat_heads(const HostTensor& tensor, int64_t heads) {
  const int64_t own = tensor.size(-3);
  if (own == heads) return tensor;
  std::vector<int64_t> sizes = tensor.sizes();
  sizes[sizes.size() - 3] = heads;
  return group_heads(tensor, heads / own).contiguous().reshaped(sizes);
}

void mask_scores(HostTensor& scores, const HostTensor* mask, bool causal) {
  const int64_t rows = scores.size(-2), columns = scores.size(-1);
  with_float_type(scores.dtype(), [&](auto zero) {
    using T = decltype(zero);
    constexpr T kMasked = -std::numeric_limits<T>::infinity();
    T* out = scores.data<T>();
    const int64_t count = scores.element_count();
    if (causal) {
      for (int64_t i = 0; i < count; ++i) {
        if (i % columns > i / columns % rows) out[i] = kMasked;
      }
    } else if (mask->dtype() == DType::Bool) {
      const HostTensor open = broadcast_to(*mask, scores.sizes()).contiguous();
      for (int64_t i = 0; i < count; ++i) {
        if (!open.data<uint8_t>()[i]) out[i] = kMasked;
      }
    } else {
      const HostTensor addend = broadcast_to(mask->to(scores.dtype()), scores.sizes()).contiguous();
      for (int64_t i = 0; i < count; ++i) out[i] += addend.data<T>()[i];
    }
  });
}

HostTensor run_attention(const KernelArgs& args, bool grouped) {
  const HostTensor& query = args.tensor("query");
  const DType dtype = compute_dtype(query.dtype(), args.schema().name);
  HostTensor key = args.tensor("key").to(dtype), value = args.tensor("value").to(dtype);
  if (grouped) {
    key = repeat_heads(key, query.size(-3));
    value = repeat_heads(value, query.size(-3));
  }
  const double scale = args.optional_real("scale").value_or(1.0 / std::sqrt(static_cast<double>(query.size(-1))));
  HostTensor scores = matmul_reference(query.to(dtype), transposed(key, -1, -2));
  scale_and_add(scores, scale, 0.0, scores);
  const HostTensor* mask = args.optional_tensor("attn_mask");
  if (mask || args.boolean("is_causal")) mask_scores(scores, mask, args.boolean("is_causal"));
  if (scores.element_count() > 0) {
    with_float_type(dtype, [&](auto zero) {
      using T = decltype(zero);
      softmax_rows(scores.data<T>(), scores.data<T>(), {scores.element_count() / scores.size(-1), scores.size(-1)},
                   true);
    });
  }
  return matmul_reference(scores, value).to(query.dtype());
}

void require_no_dropout(double dropout, std::string_view op) {
  if (dropout != 0.0) unsupported("{}: dropout_p must be 0, got {}", op, dropout);
}

/// torch's export decomposition, with the query scaled once instead of both operands scaled by the square root.
Values decompose_attention(GraphBuilder& builder, const ValueArgs& args) {
  Value* query = args.tensor("query");
  Value* key = args.tensor("key");
  Value* value = args.tensor("value");
  const DType dtype = query->meta.dtype;
  const DType wide = compute_dtype(dtype, args.schema().name);
  const auto widen = [&](Value* tensor) {
    return tensor->meta.dtype == wide ? tensor : builder.call("aten::_to_copy", {tensor}, {{"dtype", wide}});
  };
  const bool grouped = args.boolean("enable_gqa");
  const TensorMeta result =
      attention_meta(query->meta, key->meta, value->meta,
                     args.optional_tensor("attn_mask") ? &(*args.optional_tensor("attn_mask"))->meta : nullptr,
                     args.boolean("is_causal"), grouped, 0.0, args.schema().name);
  const auto repeated = [&](Value* tensor) {
    const auto rank = tensor->meta.sizes.size();
    const SymInt& heads = query->meta.sizes[query->meta.sizes.size() - 3];
    if (!grouped || tensor->meta.sizes[rank - 3] == heads) return tensor;
    std::vector<SymInt> sizes = tensor->meta.sizes;
    sizes.insert(sizes.end() - 2, floordiv(heads, tensor->meta.sizes[rank - 3]));
    Value* expanded = builder.call("aten::expand", {builder.call("aten::unsqueeze", {tensor, -3}), sizes});
    sizes = tensor->meta.sizes;
    sizes[rank - 3] = heads;
    return builder.call(
        "aten::view", {builder.call("aten::clone", {expanded}, {{"memory_format", MemoryFormat::Contiguous}}), sizes});
  };
  query = widen(query);
  key = repeated(widen(key));
  value = repeated(widen(value));
  const SymInt& width = query->meta.sizes.back();
  const auto given_scale = args.optional_real("scale");
  if (!given_scale && !width.is_constant())
    fail("{}: the width {} must be a constant unless scale is given", args.schema().name, to_string(width));
  const double scale = given_scale ? *given_scale : 1.0 / std::sqrt(static_cast<double>(width.value()));
  query = builder.call("aten::mul.Scalar", {query, scale});
  Value* scores = builder.call("aten::matmul", {query, builder.call("aten::transpose.int", {key, -2, -1})});
  Value* mask = args.optional_tensor("attn_mask") ? *args.optional_tensor("attn_mask") : nullptr;
  if (args.boolean("is_causal")) {
    const SymInt rows = scores->meta.sizes[scores->meta.sizes.size() - 2], columns = scores->meta.sizes.back();
    Value* row = builder.call("aten::unsqueeze", {builder.call("aten::arange", {rows}), 1});
    mask = builder.call("aten::le.Tensor", {builder.call("aten::arange", {columns}), row});
  }
  if (mask && mask->meta.dtype == DType::Bool) {
    Value* open = builder.call("aten::full", {std::vector<SymInt>{}, 0.0}, {{"dtype", wide}});
    Value* closed = builder.call("aten::full", {std::vector<SymInt>{}, -std::numeric_limits<double>::infinity()},
                                 {{"dtype", wide}});
    mask = builder.call("aten::where.self", {mask, open, closed});
  }
  if (mask) scores = builder.call("aten::add.Tensor", {scores, widen(mask)});
  Value* output = builder.call("aten::matmul", {builder.call("aten::_safe_softmax", {scores, -1}), value});
  if (output->meta.dtype != dtype) output = builder.call("aten::_to_copy", {output}, {{"dtype", dtype}});
  if (result.rank() == 4 && result.strides != output->meta.strides) {  // the fused path's memory order
    output = builder.call("aten::transpose.int", {output, 1, 2});
    output = builder.call("aten::clone", {output}, {{"memory_format", MemoryFormat::Contiguous}});
    output = builder.call("aten::transpose.int", {output, 1, 2});
  }
  return {output};
}

const TensorMeta* optional_meta(const MetaArgs& args, std::string_view name) {
  const auto* meta = args.optional_tensor(name);
  return meta ? *meta : nullptr;
}

}  // namespace

void declare_attention_ops(OpRegistry& ops) {
  ops.declare({.schema = "aten::scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? "
                         "attn_mask=None, float dropout_p=0., "
                         "bool is_causal=False, *, float? scale=None, bool enable_gqa=False) -> Tensor",
               .infer = [](const MetaArgs& args) -> Metas {
                 require_no_dropout(args.real("dropout_p"), args.schema().name);
                 return {attention_meta(*args.tensor("query"), *args.tensor("key"), *args.tensor("value"),
                                        optional_meta(args, "attn_mask"), args.boolean("is_causal"),
                                        args.boolean("enable_gqa"), args.real("dropout_p"), args.schema().name)};
               },
               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                 return {run_attention(args, args.boolean("enable_gqa"))};
               },
               .decompose = decompose_attention});
}

}  // namespace exformer
