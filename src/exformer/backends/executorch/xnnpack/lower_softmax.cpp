// Softmax over any dim that can be brought to the last axis.
#include "exformer/backends/executorch/xnnpack/lowering.h"

namespace exformer::executorch::xnnpack {
namespace {

void softmax(const LowerCall& call) {
  if (call.out().dtype != call.meta("self").dtype) refuse("softmax in another dtype");
  const int dim = call.dim("dim");
  call.set(call.xnn.unary(NodeKind::Softmax, call.xnn.require(call.tensor_along("self", {dim}), {{dim, kAxes - 1}})));
}

}  // namespace

void add_softmax_lowerings(LoweringTable& table) {
  table.add("aten::softmax.int", softmax);
  table.add("aten::_softmax", softmax);
}

}  // namespace exformer::executorch::xnnpack
