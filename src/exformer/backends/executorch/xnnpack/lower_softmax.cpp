// Softmax over any dim that can be brought to the last axis, in float32.
#include "exformer/backends/executorch/xnnpack/lowering.h"

namespace exformer::executorch::xnnpack {
namespace {

void softmax(const LowerCall& call) {
  const int dim = call.dim("dim");
  const Placed given = call.xnn.cast(call.tensor_along("self", {dim}), call.out().dtype);
  const Placed x = call.xnn.require(call.xnn.cast(given, DType::Float32), {{dim, kAxes - 1}});
  call.set(call.xnn.unary(NodeKind::Softmax, x));
}

}  // namespace

void add_softmax_lowerings(LoweringTable& table) {
  table.add("aten::softmax.int", softmax);
  table.add("aten::_softmax", softmax);
}

}  // namespace exformer::executorch::xnnpack
