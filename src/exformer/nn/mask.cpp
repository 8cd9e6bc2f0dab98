#include "exformer/nn/mask.h"

#include <limits>

namespace exformer {
namespace {

double lowest(DType dtype) {
  switch (dtype) {
    case DType::Float16: return -65504.0;
    case DType::BFloat16: return -3.3895313892515355e+38;
    case DType::Float64: return std::numeric_limits<double>::lowest();
    default: return std::numeric_limits<float>::lowest();
  }
}

/// Which packed sequence each token belongs to, int64 [batch, length]: positions that do not follow their predecessor
/// start a new one (matches find_packed_sequence_indices).
Tensor packed_sequence_indices(const Tensor& position_ids) {
  const Tensor first = position_ids.slice(1, 0, 1);
  const Tensor previous = cat({first - 1, position_ids}, 1).slice(1, 0, position_ids.size(1));
  return not_equal(position_ids - previous, 1).cumsum(-1);
}

}  // namespace

Tensor make_attention_mask(Tracer& tracer, AttentionImplementation implementation, const MaskOptions& options) {
  if (options.padding_mask.defined() && options.padding_mask.rank() == 4) return options.padding_mask;
  Tensor mask;
  const auto restrict = [&](const Tensor& allowed) { mask = mask.defined() ? mask & allowed : allowed; };

  const bool packed = options.position_ids.defined();
  if (options.causal || options.sliding_window) {
    Tensor query = packed ? options.position_ids : tracer.arange(options.query_length);
    Tensor key = packed ? options.position_ids : tracer.arange(options.key_length);
    if (!packed && options.query_offset != SymInt(0)) query = query + options.query_offset;
    if (!packed && options.key_offset != SymInt(0)) key = key + options.key_offset;
    // [batch or 1, 1, query_length, 1] and [batch or 1, 1, 1, key_length]
    query = packed ? query.unsqueeze(1).unsqueeze(-1) : query.view({1, 1, -1, 1});
    key = packed ? key.unsqueeze(1).unsqueeze(1) : key.view({1, 1, 1, -1});
    if (options.causal) restrict(less_equal(key, query));
    if (options.sliding_window) {
      restrict(options.causal ? greater(key, query - *options.sliding_window)
                              : call("aten::le.Scalar", {call("aten::abs", {query - key}), *options.sliding_window}));
    }
  }
  if (packed) {
    const Tensor sequence = packed_sequence_indices(options.position_ids);
    restrict(equals(sequence.unsqueeze(1).unsqueeze(-1), sequence.unsqueeze(1).unsqueeze(1)));
  }
  if (options.padding_mask.defined()) {
    Tensor padding = options.padding_mask.to(DType::Bool);
    if (options.key_offset != SymInt(0)) {
      padding = call("aten::index_select", {padding, 1, tracer.arange(options.key_length) + options.key_offset});
    }
    restrict(padding.unsqueeze(1).unsqueeze(1));
  }
  if (!mask.defined()) return mask;
  if (implementation == AttentionImplementation::Sdpa) return mask;
  return where(mask, tracer.zeros({}, options.dtype), lowest(options.dtype));
}

}  // namespace exformer
