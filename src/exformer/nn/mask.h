// Attention masks from patterns of positions (transformers.masking_utils): boolean for sdpa, additive for eager
// attention.
#pragma once

#include <optional>

#include "exformer/nn/module.h"

namespace exformer {

struct MaskOptions {
  bool causal = true;
  std::optional<int64_t> sliding_window;
  SymInt query_length;
  SymInt key_length;
  SymInt query_offset = 0;  // position of the first query
  SymInt key_offset = 0;    // position of the first key
  Tensor padding_mask;      // optional, [batch, key_offset + key_length], nonzero where a token is
  Tensor position_ids;      // optional, [batch or 1, query_length]: given for packed sequences (restarting positions)
  DType dtype = DType::Float32;
};

/// bool [batch or 1, 1, query_length or 1, key_length] for sdpa (True where attention goes), 0 / finfo.min in `dtype`
/// for eager. Undefined when nothing is masked. A 4-d padding_mask is taken as it is.
Tensor make_attention_mask(Tracer& tracer, AttentionImplementation implementation, const MaskOptions& options);

}  // namespace exformer
