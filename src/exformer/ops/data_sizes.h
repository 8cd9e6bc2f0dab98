// Sizes and numbers that data define: the shape rules of data-dependent ops declare a symbol for each.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "exformer/ops/args.h"

namespace exformer {

/// What every shape rule is called with: the metas, and the graph values that they belong to.
class GraphMetaArgs : public MetaArgs {
 public:
  GraphMetaArgs(const OpSchema& schema, const std::vector<BasicArgument<const TensorMeta*>>& metas,
                const std::vector<Argument>& values)
      : MetaArgs(schema, metas), values_(&values) {}
  const std::vector<Argument>& values() const { return *values_; }

 private:
  const std::vector<Argument>* values_;
};

/// The graph value of a tensor argument.
const Value* graph_value(const MetaArgs& args, std::string_view argument);
/// A new symbol ("u0", "u1", ...) with these bounds.
SymInt declare_data_size(const MetaArgs& args, int64_t min, int64_t max);
/// How many elements of a mask are true (or of a tensor are not zero): the symbol that an earlier call on the same
/// tensor declared, else a new one. `index` is the tensor's place in the list when the argument is one.
SymInt count_of_true(const MetaArgs& args, std::string_view argument, size_t index = 0);

}  // namespace exformer
