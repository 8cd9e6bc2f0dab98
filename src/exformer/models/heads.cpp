#include "exformer/models/heads.h"

namespace exformer {

void add_span_logits(ModelOutput& output, const Tensor& logits) {
  const std::vector<Tensor> parts = logits.split(1, -1);
  if (parts.size() != 2) fail("a question-answering head must have 2 labels, got {}", parts.size());
  output.add("start_logits", parts[0].squeeze(-1).contiguous());
  output.add("end_logits", parts[1].squeeze(-1).contiguous());
}

}  // namespace exformer
