// What a checkpoint, a file or an export directory is: facts as one JSON object each, for tools that print them.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "exformer/base/json.h"
#include "exformer/ir/program.h"

namespace exformer {

/// The facts, under "kind" what they are about; and the graph, where there is one to draw.
struct Inspection {
  Json facts;
  std::shared_ptr<const ExportedProgram> program;
};

/// By what is at `target`: a checkpoint directory or Hub id, an export directory, a .safetensors, .pt2, .onnx or .pte
/// file. Throws ExportError for anything else, for damaged files and for models that are not supported.
Inspection inspect(const std::string& target);

/// kind "checkpoint": model_type, architecture, task, dtype, parameters, weights (account of tensors), config (keys
/// that nothing reads) and export: what a dynamic export of it has (inputs, outputs, symbols, fixed sizes with reasons,
/// nodes). Weights that do not fit and a trace that fails are facts, not errors ("export": {"error": ...}).
Inspection inspect_checkpoint(const std::string& path);
/// kind "safetensors": tensors, dtypes, sizes and metadata.
Inspection inspect_safetensors(const std::filesystem::path& path);
/// kind "pt2": what describe_program says, and the file.
Inspection inspect_pt2(const std::filesystem::path& path);
/// kind "pte": methods with inputs, outputs, arena, delegates and operators; bytes of tables and segments.
Inspection inspect_pte(const std::filesystem::path& path);
/// kind "onnx": the file and its sidecar; the contents are not read.
Inspection inspect_onnx(const std::filesystem::path& path);
/// kind "export": what export.json says, and the sizes of the files.
Inspection inspect_export(const std::filesystem::path& directory);

/// inputs, outputs, symbols with bounds, nodes, ops with their counts, and weights (tensors and bytes, each storage
/// once).
Json describe_program(const ExportedProgram& program);
/// Keys of config.json that do not bear on a forward pass, by name: transformers' bookkeeping, dropout, initialisation,
/// token ids.
bool is_irrelevant_config_key(const std::string& key, const Json& value);

}  // namespace exformer
