// Views as steps that can be applied again and undone: which results share their source's memory, and what the source
// becomes when a view of it is replaced.
#pragma once

#include "exformer/ops/builder.h"

namespace exformer {

/// One step from a tensor to a view of it: `op(source, rest of arguments)`, result number `output`.
struct ViewStep {
  const Op* op = nullptr;
  std::vector<Argument> arguments;  // the first one (the source) is ignored
  size_t output = 0;
};

/// What the results of a call are to its first argument in torch: of their own, views of it, or itself (contiguous, to
/// and dropout return their input when there is nothing to do).
enum class Memory { Own, View, Same };
Memory result_memory(const Op& op, const Node& node);
/// The steps from `source` to `result` over the graph's view nodes; nothing when it is not made of views of `source`.
std::optional<std::vector<ViewStep>> steps_between(const OpRegistry& ops, const Value* source, const Value* result);

/// The view of `source` that `step` describes.
Value* apply_view(GraphBuilder& builder, const ViewStep& step, Value* source);
/// `source` after its view `step` was set to `replacement` (functionalisation's "view inverse").
Value* invert_view(GraphBuilder& builder, const ViewStep& step, Value* source, Value* replacement);

}  // namespace exformer
