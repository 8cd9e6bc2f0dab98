// The write-through of views: what the viewed tensor becomes when one of its views is replaced.
#pragma once

#include "exformer/ops/builder.h"

namespace exformer {

/// One step from a tensor to a view of it: `op(source, rest of arguments)`, result number `output`.
struct ViewStep {
  const Op* op = nullptr;
  std::vector<Argument> arguments;  // the first one (the source) is ignored
  size_t output = 0;
};

/// The view of `source` that `step` describes.
Value* apply_view(GraphBuilder& builder, const ViewStep& step, Value* source);
/// `source` after its view `step` was set to `replacement` (functionalisation's "view inverse"). Views that repeat
/// elements (expand) cannot be written: ExportError.
Value* invert_view(GraphBuilder& builder, const ViewStep& step, Value* source, Value* replacement);

}  // namespace exformer
