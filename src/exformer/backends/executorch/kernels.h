// What the runtime can run: kernels by the op whose arguments they take.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "exformer/ir/schema.h"

namespace exformer::executorch {

/// A kernel as the runtime's registry knows it: its out variant's schema, "aten::add.out(...)".
class KernelTable {
 public:
  /// The rows of kernels.inc.
  static const KernelTable& standard();
  /// The kernel that runs an op ("aten::add.Tensor"); null when there is none.
  const OpSchema* find(std::string_view op) const;

 private:
  std::unordered_map<std::string, OpSchema> rows_;
};

}  // namespace exformer::executorch
