// Recurrent layers as ops of one layer and direction each: what scan.cpp declares beside sums.
#pragma once

#include "exformer/ops/registry.h"

namespace exformer {

void declare_recurrences(OpRegistry& ops);

}  // namespace exformer
