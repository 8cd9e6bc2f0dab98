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
  int64_t min = 0;  // sizes that the model wants to be positive are, whatever this says
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

/// A rule of the model's that a requested dim need not satisfy: checked in every run.
struct DeferredCheck {
  SymInt condition;  // symbolic/conditions.h
  std::string message;
};

/// Sizes of every input, in the order of the inputs, over symbols declared in `context`.
struct ResolvedShapes {
  std::vector<std::vector<SymInt>> sizes;        // as requested
  std::vector<std::vector<SymInt>> model_sizes;  // as the model sees them once the checks have passed
  std::vector<DeferredCheck> checks;
  std::vector<Specialization> specializations;
};

/// What becomes of a requested dim that the model contradicts.
enum class Contradiction { Error, RuntimeCheck };

/// `shapes` if given, else all dims AUTO when `dynamic`, else all static. A dim that the model contradicts throws
/// ExportError naming the dim, the input and why, or becomes a check of every run.
ResolvedShapes resolve_shapes(SymContext& context, const NamedTensors& inputs, Task task, const ModelFacts& facts,
                              bool dynamic, const std::optional<DynamicShapes>& shapes,
                              Contradiction contradiction = Contradiction::Error);

}  // namespace exformer
