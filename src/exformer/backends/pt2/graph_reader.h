// The graph part of models/model.json: nodes, inputs, outputs, signature and pytrees.
#pragma once

#include "exformer/base/json.h"
#include "exformer/ir/program.h"
#include "exformer/ops/registry.h"

namespace exformer::pt2 {

/// A program without its weights. Throws ExportError.
ExportedProgram read_model(const Json& model, const OpRegistry& ops);

}  // namespace exformer::pt2
