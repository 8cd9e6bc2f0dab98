// Pieces of heads that families of different shapes share.
#pragma once

#include "exformer/models/model.h"

namespace exformer {

/// Adds start_logits and end_logits, each [batch, sequence], from a question-answering head's [batch, sequence, 2].
void add_span_logits(ModelOutput& output, const Tensor& logits);

}  // namespace exformer
