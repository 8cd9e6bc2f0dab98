// The front end for any architecture: transformers' own modeling code, traced in a Python of its own.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include "exformer/base/error.h"
#include "exformer/base/json.h"
#include "exformer/models/task.h"

namespace exformer {

struct TransformersRequest {
  std::string checkpoint;  // directory or Hub id
  std::filesystem::path output;
  Json config;                             // the exporter's, with "export_format"
  Json flags = Json::object();             // use_cache, output_hidden_states, ...
  std::string dtype, attn_implementation;  // empty: as transformers decides
  std::optional<Task> task;
  std::optional<std::filesystem::path> inputs;  // safetensors; none: made up from forward's signature
  bool allow_missing = false, allow_surplus = false, trust_remote_code = false;
  std::string python;  // empty: the active virtual environment's, else python3
  std::chrono::seconds limit{1800};
};

/// There is no Python here that could trace anything: none at all, or without transformers or this library's module.
class NoFrontend : public ExportError {
 public:
  explicit NoFrontend(const std::string& message) : ExportError(ErrorKind::Unsupported, message) {}
};

/// Exports in a fresh interpreter and gives its answer: model_type, architecture, dtype, file, nodes, specializations.
/// Throws ExportError with the interpreter's message, or its last words when it ends or hangs, and NoFrontend when
/// there is no such interpreter; nothing is left then.
Json export_with_transformers(const TransformersRequest& request);

}  // namespace exformer
