#include "exformer/backends/executorch/kernels.h"

namespace exformer::executorch {

const KernelTable& KernelTable::standard() {
  static const KernelTable kTable = [] {
    KernelTable table;
#define KERNEL(op, schema) table.rows_.emplace(op, parse_schema(schema));
#include "exformer/backends/executorch/kernels.inc"
#undef KERNEL
    return table;
  }();
  return kTable;
}

const OpSchema* KernelTable::find(std::string_view op) const {
  const auto found = rows_.find(std::string(op));
  return found == rows_.end() ? nullptr : &found->second;
}

}  // namespace exformer::executorch
