#include "exformer/backends/onnx/lowering.h"

namespace exformer::onnx {

void add_indexing_lowerings(LoweringTable&) {}

}  // namespace exformer::onnx
