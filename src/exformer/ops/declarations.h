// Declares the function of each op file.
#pragma once

#include "exformer/ops/registry.h"

namespace exformer {

#define OP_FILE(name) void declare_##name##_ops(OpRegistry& ops);
#include "exformer/ops/declarations.inc"
#undef OP_FILE

}  // namespace exformer
