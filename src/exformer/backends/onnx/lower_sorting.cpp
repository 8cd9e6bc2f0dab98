#include "exformer/backends/onnx/lowering.h"

namespace exformer::onnx {

void add_sorting_lowerings(LoweringTable&) {}

}  // namespace exformer::onnx
