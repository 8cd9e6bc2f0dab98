// embedding: rows of a table.
#include "exformer/backends/onnx/lowering.h"

namespace exformer::onnx {

void add_embedding_lowerings(LoweringTable& table) {
  table.add("aten::embedding", [](const LowerCall& call) -> Results {
    return {call.graph.emit("Gather", {call.tensor("weight"), call.tensor("indices")}, {}, call.out_dtype(),
                            call.out().sizes)};
  });
}

}  // namespace exformer::onnx
