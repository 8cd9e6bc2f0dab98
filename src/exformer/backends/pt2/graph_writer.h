// models/model.json of a `.pt2`: the graph, its signature and its symbols.
#pragma once

#include <string>

#include "exformer/backends/pt2/writer.h"
#include "exformer/ir/program.h"

namespace exformer::pt2 {

/// The JSON of torch._export.serde.schema.ExportedProgram.
std::string model_json(const ExportedProgram& program, const Pt2Options& options);

}  // namespace exformer::pt2
