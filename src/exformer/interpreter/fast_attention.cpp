// Attention block by block: a few query rows of one head against all its keys at a time, so that scores stay in the
// cache. The result lies in memory as [batch, length, heads, width]: what models do next (swap back, merge heads) then
// needs no copy.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "exformer/interpreter/fast_kernels.h"
#include "exformer/interpreter/onednn.h"
#include "exformer/ops/matmul_kernels.h"
#include "exformer/ops/row_kernels.h"

namespace exformer {
namespace {

constexpr int64_t kQueryRows = 64;

/// [batch, heads, length, width] with unit steps along the width, as float32.
HostTensor rows_of(const HostTensor& tensor) {
  const HostTensor wide = tensor.to(DType::Float32);
  return wide.strides()[3] == 1 && wide.strides()[2] >= wide.size(3) ? wide : wide.contiguous();
}

struct Block {
  int64_t batch, head, first, rows, keys;
};

/// Adds the mask's values, or -inf where it is false, to the scores of a block.
void apply_mask(const HostTensor& mask, const Block& block, float* scores) {
  constexpr float kMasked = -std::numeric_limits<float>::infinity();
  const auto& strides = mask.strides();
  for (int64_t row = 0; row < block.rows; ++row) {
    const int64_t offset = block.batch * strides[0] + block.head * strides[1] + (block.first + row) * strides[2];
    float* out = scores + row * block.keys;
    if (mask.dtype() == DType::Bool) {
      const uint8_t* open = mask.data<uint8_t>() + offset;
      for (int64_t key = 0; key < block.keys; ++key) out[key] = open[key * strides[3]] ? out[key] : kMasked;
    } else if (strides[3] == 1) {
      const float* addend = mask.data<float>() + offset;
      for (int64_t key = 0; key < block.keys; ++key) out[key] += addend[key];
    } else {
      const float* addend = mask.data<float>() + offset;
      for (int64_t key = 0; key < block.keys; ++key) out[key] += addend[key * strides[3]];
    }
  }
}

}  // namespace

std::optional<std::vector<HostTensor>> fast_attention(const KernelArgs& args, OneDnn&) {
  const HostTensor& given_query = args.tensor("query");
  const HostTensor& given_key = args.tensor("key");
  const HostTensor& given_value = args.tensor("value");
  for (const HostTensor* tensor : {&given_query, &given_key, &given_value}) {
    const bool floating =
        tensor->dtype() == DType::Float32 || tensor->dtype() == DType::BFloat16 || tensor->dtype() == DType::Float16;
    if (tensor->rank() != 4 || !floating || tensor->element_count() == 0 || tensor->size(0) != given_query.size(0))
      return std::nullopt;
  }
  const int64_t batch = given_query.size(0), heads = given_query.size(1), length = given_query.size(2),
                width = given_query.size(3);
  const int64_t key_heads = given_key.size(1), keys = given_key.size(2), value_width = given_value.size(3);
  if (given_value.size(1) != key_heads || heads % key_heads != 0) return std::nullopt;
  if (key_heads != heads && !args.boolean("enable_gqa") && key_heads != 1) return std::nullopt;
  const HostTensor query = rows_of(given_query), key = rows_of(given_key), value = rows_of(given_value);
  const bool causal = args.boolean("is_causal");
  HostTensor mask;
  if (const HostTensor* given = args.optional_tensor("attn_mask")) {
    mask =
        broadcast_to(given->dtype() == DType::Bool ? *given : given->to(DType::Float32), {batch, heads, length, keys});
  }
  const auto scale =
      static_cast<float>(args.optional_real("scale").value_or(1.0 / std::sqrt(static_cast<double>(width))));
  HostTensor output = HostTensor::empty(DType::Float32, {batch, length, heads, value_width});
  const int64_t blocks = (length + kQueryRows - 1) / kQueryRows;
  const int64_t tasks = batch * heads * blocks;
#pragma omp parallel if (tasks > 1)
  {
    std::vector<float> scores(static_cast<size_t>(std::min(kQueryRows, length) * keys));
#pragma omp for schedule(dynamic)
    for (int64_t task = 0; task < tasks; ++task) {
      Block block{task / (heads * blocks), task / blocks % heads, task % blocks * kQueryRows, 0, keys};
      block.rows = std::min(kQueryRows, length - block.first);
      if (causal)
        block.keys = std::min(keys, block.first + block.rows);  // the others are masked for every row of the block
      const int64_t key_head = block.head / (heads / key_heads);
      const float* q = query.data<float>() + block.batch * query.strides()[0] + block.head * query.strides()[1] +
                       block.first * query.strides()[2];
      const float* k = key.data<float>() + block.batch * key.strides()[0] + key_head * key.strides()[1];
      const float* v = value.data<float>() + block.batch * value.strides()[0] + key_head * value.strides()[1];
      OneDnn::multiply(block.rows, block.keys, width, scale, {q, query.strides()[2], false},
                       {k, key.strides()[2], true}, scores.data(), block.keys);
      if (mask.defined()) apply_mask(mask, block, scores.data());
      for (int64_t row = 0; row < block.rows; ++row) {
        float* line = scores.data() + row * block.keys;
        if (causal) {
          for (int64_t i = block.first + row + 1; i < block.keys; ++i)
            line[i] = -std::numeric_limits<float>::infinity();
        }
        softmax_row(line, line, block.keys, true);
      }
      float* out = output.data<float>() + ((block.batch * length + block.first) * heads + block.head) * value_width;
      OneDnn::multiply(block.rows, value_width, block.keys, 1.0F, {scores.data(), block.keys, false},
                       {v, value.strides()[2], false}, out, heads * value_width);
    }
  }
  return {{transposed(output.to(given_query.dtype()), 1, 2)}};
}

}  // namespace exformer
