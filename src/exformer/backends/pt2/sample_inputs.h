// The example call of a `.pt2`, which AOTInductor asks for.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "exformer/ir/pytree.h"
#include "exformer/tensor/host_tensor.h"

namespace exformer::pt2 {

/// (args, kwargs) as torch.save writes them in its stream format: a pickle of tuples, lists, dicts and tensors, which
/// torch.load reads with weights_only = True. `leaves` are named by their dotted paths. Empty, which torch takes for
/// "no example", where a leaf is not among them or a node is of another type: loading must not need foreign classes.
std::string sample_inputs(const TreeSpec& in_spec, const std::vector<std::pair<std::string, HostTensor>>& leaves);

}  // namespace exformer::pt2
