#include "exformer/backends/onnx/lowering.h"

namespace exformer::onnx {

void add_padding_lowerings(LoweringTable&) {}

}  // namespace exformer::onnx
