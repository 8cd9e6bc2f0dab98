// Values that are known while tracing: tensors made of constants alone.
#pragma once

#include <optional>

#include "exformer/ops/registry.h"

namespace exformer {

/// The contents of `value` when no graph input, no symbolic size and no random draw is among what it is made of;
/// computed by the ops' kernels. Large tensors are not looked at.
std::optional<HostTensor> constant_value(const OpRegistry& ops, const Value* value);

}  // namespace exformer
