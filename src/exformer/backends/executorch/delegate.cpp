#include "exformer/backends/executorch/delegate.h"

namespace exformer::executorch {

NamedData named_weight(std::string key, const LazyTensor& weight, size_t alignment) {
  return {.key = std::move(key),
          .storage_key = weight.storage_key(),
          .size = weight.byte_size(),
          .stream = [weight](const std::function<void(Bytes)>& sink) { weight.stream(sink); },
          .alignment = alignment};
}

const OpSchema& call_delegate_schema() {
  static const OpSchema schema = parse_schema("executorch::call_delegate(int delegate, Tensor[] inputs) -> Tensor[]");
  return schema;
}

}  // namespace exformer::executorch
