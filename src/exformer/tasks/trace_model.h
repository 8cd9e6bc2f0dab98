// Traces a model of the zoo for one example call: from a config and inputs to an exported program whose weights are
// still to be bound.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exformer/ir/program.h"
#include "exformer/models/family.h"
#include "exformer/tasks/dynamic_shapes.h"
#include "exformer/tasks/sample_inputs.h"

namespace exformer {

struct TraceRequest {
  const ModelFamily* family = nullptr;
  const Architecture* architecture = nullptr;
  const Json* config = nullptr;
  std::string config_source;  // for messages
  DType dtype = DType::Float32;
  AttentionImplementation attention = AttentionImplementation::Sdpa;
  ForwardFlags flags;
  NamedTensors inputs;  // as prepare_inputs gives them
  bool dynamic = false;
  std::optional<DynamicShapes> dynamic_shapes;
  Contradiction contradiction = Contradiction::Error;
};

struct TracedModel {
  ExportedProgram program;                       // state_dict is empty; buffers are in `constants`
  std::vector<ParameterDeclaration> parameters;  // in the order of the graph's inputs
  std::vector<Specialization> specializations;
};

/// Throws ExportError for configs, inputs and dims that do not fit.
TracedModel trace_model(const TraceRequest& request);

}  // namespace exformer
