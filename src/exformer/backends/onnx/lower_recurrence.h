#pragma once

#include "exformer/backends/onnx/lowering.h"

namespace exformer::onnx {

/// aten::lstm.input
Results lower_lstm(const LowerCall& call);

}  // namespace exformer::onnx
