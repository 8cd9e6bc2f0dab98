#include "exformer/backends/onnx/lowering.h"

namespace exformer::onnx {

void add_pooling_lowerings(LoweringTable&) {}

}  // namespace exformer::onnx
