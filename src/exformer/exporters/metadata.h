// export.json: what an export directory holds, as transformers.exporters writes and reads it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exformer/base/json.h"
#include "exformer/ir/program.h"
#include "exformer/ir/pytree.h"
#include "exformer/tasks/dynamic_shapes.h"
#include "exformer/tasks/sample_inputs.h"

namespace exformer {

/// What is recorded about one graph (transformers.exporters.metadata.ExportMetadata).
struct ExportMetadata {
  std::string architecture;
  Json export_config;
  DType export_dtype = DType::Float32;
  NamedTensors inputs;         // shapes and dtypes only
  std::optional<Json> kwargs;  // described already, where they are more than tensors and a cache
  Json in_constants = Json::object(), out_constants = Json::array();
  TreeSpec in_spec, out_spec;
  // Beyond transformers' fields, which its reader passes over:
  std::vector<Specialization> specializations;
  std::vector<Condition> conditions;
};

/// One program of an export directory.
struct ComponentEntry {
  std::string name;  // "model"
  std::string file;  // "model.pt2"
  Json metadata;
};
struct Manifest {
  std::string export_format;
  std::vector<ComponentEntry> components;
};

Json to_json(const ExportMetadata& metadata);
/// The whole file, indented as the reference writes it.
std::string manifest_text(const Manifest& manifest);
/// Throws ExportError for text that is no export.json of a known version.
Manifest parse_manifest(const std::string& text, const std::string& source);

}  // namespace exformer
