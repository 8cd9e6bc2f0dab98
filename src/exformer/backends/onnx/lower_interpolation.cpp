#include "exformer/backends/onnx/lowering.h"

namespace exformer::onnx {

void add_interpolation_lowerings(LoweringTable&) {}

}  // namespace exformer::onnx
