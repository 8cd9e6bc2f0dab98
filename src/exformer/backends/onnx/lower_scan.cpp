// Running sums.
#include "exformer/backends/onnx/lowering.h"

namespace exformer::onnx {

void add_scan_lowerings(LoweringTable& table) {
  table.add("aten::cumsum", [](const LowerCall& call) -> Results {
    return {call.graph.emit("CumSum", {call.promoted("self"), call.graph.constant_int(call.dim("dim"))}, {},
                            call.out_dtype(), call.out().sizes)};
  });
}

}  // namespace exformer::onnx
