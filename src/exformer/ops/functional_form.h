// Which op gives the value that an in-place op writes.
#pragma once

#include "exformer/ops/registry.h"

namespace exformer {

/// The op that takes what `in_place` takes ("aten::pow.Tensor_Scalar" for "aten::pow_.Scalar") and returns what it
/// writes; null when none is declared.
const Op* functional_form(const OpRegistry& ops, const Op& in_place);

}  // namespace exformer
