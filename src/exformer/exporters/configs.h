// Export configurations under the names of transformers.exporters.configs, read from and written to JSON.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "exformer/base/json.h"
#include "exformer/tasks/dynamic_shapes.h"

namespace exformer {

enum class ExportFormat { Dynamo, Onnx, Executorch };

/// "dynamo", "onnx", "executorch".
std::string_view format_name(ExportFormat format);
/// Throws ExportError (Usage) with the nearest name.
ExportFormat parse_format(const std::string& name);

/// How inputs and outputs are nested in a `.pt2`: transformers' own types, or dicts and lists that torch alone can
/// load.
enum class Pytree { Transformers, Plain };

struct DynamoConfig {
  bool dynamic = false;
  bool strict = false;  // accepted for compatibility: every trace here is a full one
  std::optional<DynamicShapes> dynamic_shapes;
  bool prefer_deferred_runtime_asserts_over_guards = false;
  Pytree pytree = Pytree::Transformers;
  bool allow_unchecked = false;  // files do not check what they take for granted of a call's sizes and contents
  Json dynamic_shapes_json;      // as it was given, for export.json
};

struct OnnxConfig : DynamoConfig {
  std::optional<std::filesystem::path> output_path;  // write this file too; the sidecar is <stem>.onnx_data
  std::optional<int64_t> opset_version;              // none: the newest that ONNX Runtime runs well
  bool external_data = true;
  bool optimize = true;
  bool export_params = true;
  bool keep_initializers_as_inputs = false;
  std::optional<std::string> ort_fusions;  // "cpu"
  std::string weights = "copy";  // "share": external data in the checkpoint's own file where it lies beside the output
  std::string names = "transformers";  // "genai"
};

struct ExecutorchConfig : DynamoConfig {
  enum class Backend { Xnnpack, Cuda, Portable };
  Backend backend = Backend::Xnnpack;
  bool alloc_graph_input = true;
  bool alloc_graph_output = true;
  bool alloc_mutable_buffers = true;
  bool external_data = false;               // weights in model.ptd
  std::optional<std::string> custom_ops;    // "llm": ops that ExecuTorch's LLM extension registers may be called
  std::optional<int64_t> max_batch;         // upper bound of batch dims without one in dynamic_shapes
  std::optional<int64_t> max_length;        // the same of sequence and cache lengths
  std::optional<uint64_t> max_arena;        // bytes; a larger plan fails the export
  std::optional<double> require_delegated;  // percent of the multiply-adds; less fails the export
};
/// "xnnpack", "cuda", "portable".
std::string_view backend_name(ExecutorchConfig::Backend backend);

/// Reads the fields of a JSON object; unknown or ill-typed ones throw ExportError naming them and the nearest name.
DynamoConfig dynamo_config_from_dict(const Json& dict);
OnnxConfig onnx_config_from_dict(const Json& dict);
ExecutorchConfig executorch_config_from_dict(const Json& dict);

/// What export.json records: transformers' fields, sorted.
Json to_dict(const DynamoConfig& config);
Json to_dict(const OnnxConfig& config);
Json to_dict(const ExecutorchConfig& config);

}  // namespace exformer
