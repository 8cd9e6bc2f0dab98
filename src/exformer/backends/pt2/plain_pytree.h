// Pytree specs that torch can read without transformers.
#pragma once

#include "exformer/ir/pytree.h"

namespace exformer::pt2 {

/// A ModelOutput becomes a dict of its fields; a cache becomes a dict of its attributes that hold tensors:
/// {"layers": [{"keys": ..., "values": ...}, ...]}. Leaves keep their order. Throws ExportError (Unsupported) for any
/// other type.
TreeSpec plain_spec(const TreeSpec& spec);

}  // namespace exformer::pt2
