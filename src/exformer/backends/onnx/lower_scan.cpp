#include "exformer/backends/onnx/lowering.h"

namespace exformer::onnx {

void add_scan_lowerings(LoweringTable&) {}

}  // namespace exformer::onnx
