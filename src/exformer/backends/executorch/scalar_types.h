// torch's numbers of dtypes and memory formats, as the runtime's values hold them.
#pragma once

#include <optional>

#include "exformer/base/dtype.h"
#include "exformer/ir/argument.h"

namespace exformer::executorch {

/// Throws ExportError (Unsupported) for dtypes that the runtime's tensors cannot have.
int scalar_type(DType dtype);
/// Nothing for a number that stands for no dtype of ours.
std::optional<DType> dtype_of_scalar_type(int number);
int memory_format_number(MemoryFormat format);

}  // namespace exformer::executorch
