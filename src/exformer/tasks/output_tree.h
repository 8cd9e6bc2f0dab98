// A ModelOutput as torch.export sees it: a pytree spec and its leaves.
#pragma once

#include <vector>

#include "exformer/ir/pytree.h"
#include "exformer/models/model.h"
#include "exformer/tasks/sample_inputs.h"

namespace exformer {

struct OutputTree {
  TreeSpec spec;
  std::vector<Tensor> leaves;
};
OutputTree flatten_output(Tracer& tracer, const ModelOutput& output, bool return_dict, DType dtype);

/// The spec of a call's kwargs: tuple(tuple(), dict(names)), a cache as transformers' DynamicCache.
TreeSpec input_spec(const NamedTensors& inputs, const ModelFacts& facts, DType dtype);
/// The kwargs' names in order; a cache counts once, as "past_key_values".
std::vector<std::string> kwarg_names(const NamedTensors& inputs);

}  // namespace exformer
