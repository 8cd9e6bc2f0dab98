// Which input sizes are symbols: torch.export's Dim and dynamic_shapes, and the contract that the zoo's models have
// with their inputs.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "exformer/base/json.h"
#include "exformer/models/family.h"
#include "exformer/symbolic/sym_int.h"
#include "exformer/tasks/sample_inputs.h"

namespace exformer {

/// torch.export.Dim: a named size with bounds, or AUTO (dynamic, named by the model's contract), or STATIC.
struct Dim {
  enum class Kind { Named, Auto, Static };
  Kind kind = Kind::Named;
  std::string name;
  int64_t min = 1;
  int64_t max = kUnbounded;

  static const Dim AUTO;
  static const Dim STATIC;
};

/// dynamic_shapes: for each input (a cache as "past_key_values.layers.0.keys" or "past_key_values"), dims by axis. What
/// is not named is static.
using DynamicShapes = std::map<std::string, std::map<int64_t, Dim>>;

/// Reads {"input_ids": {"0": "batch", "1": {"name": "sequence", "min": 1, "max": 512}}}; "auto" and "static" are the
/// two special ones.
DynamicShapes parse_dynamic_shapes(const Json& value);

/// One size that a request left dynamic and the model's arithmetic fixes, with the reason.
struct Specialization {
  std::string input;
  int64_t axis = 0;
  int64_t size = 0;
  std::string reason;
};

/// Sizes of every input, in the order of the inputs, over symbols declared in `context`.
struct ResolvedShapes {
  std::vector<std::vector<SymInt>> sizes;
  std::vector<Specialization> specializations;
};

/// `shapes` if given, else all dims AUTO when `dynamic`, else all static. A dim that the model contradicts throws
/// ExportError naming the dim, the input and why.
ResolvedShapes resolve_shapes(SymContext& context, const NamedTensors& inputs, Task task, const ModelFacts& facts,
                              bool dynamic, const std::optional<DynamicShapes>& shapes);

}  // namespace exformer
