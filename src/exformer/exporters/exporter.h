// The exporters: a model and an example call in, a program in one format out.
#pragma once

#include <memory>
#include <string>
#include <variant>

#include "exformer/exporters/auto_model.h"
#include "exformer/exporters/configs.h"
#include "exformer/exporters/exported_model.h"

namespace exformer {

/// One example call: forward kwargs, and the flags that transformers takes among them.
struct ModelInputs {
  NamedTensors tensors;  // empty: made from the task's own signature
  std::optional<bool> use_cache, output_hidden_states, output_attentions, return_dict, interpolate_pos_encoding;
};

/// Exports to torch's ExportedProgram (`.pt2`).
class DynamoExporter {
 public:
  /// Throws ExportError for a model, input or option that does not fit.
  ExportedModel export_model(const PretrainedModel& model, const ModelInputs& inputs,
                             const DynamoConfig& config = {}) const;
};

/// Exports to ONNX.
class OnnxExporter {
 public:
  ExportedModel export_model(const PretrainedModel& model, const ModelInputs& inputs,
                             const OnnxConfig& config = {}) const;
};

/// Exports to an ExecuTorch program (`.pte`).
class ExecutorchExporter {
 public:
  ExportedModel export_model(const PretrainedModel& model, const ModelInputs& inputs,
                             const ExecutorchConfig& config = {}) const;
};

/// The dtype in which a backend takes a model; nothing: the checkpoint's own. XNNPACK runs on the CPU in float32:
/// 16-bit weights are widened while they are written, and float16 is taken when it is asked for. Throws ExportError
/// (Unsupported) for a dtype that the backend lacks, and for a backend that is not built.
std::optional<DType> backend_dtype(ExecutorchConfig::Backend backend, std::optional<DType> asked);

using ExportConfig = std::variant<DynamoConfig, OnnxConfig, ExecutorchConfig>;

/// Picks the config class that a dict's "export_format" names.
struct AutoExportConfig {
  static ExportConfig from_dict(const Json& dict);
};

/// Picks the exporter that a config belongs to.
class AutoHfExporter {
 public:
  static AutoHfExporter from_config(ExportConfig config) { return AutoHfExporter(std::move(config)); }
  ExportedModel export_model(const PretrainedModel& model, const ModelInputs& inputs) const;

 private:
  explicit AutoHfExporter(ExportConfig config) : config_(std::move(config)) {}
  ExportConfig config_;
};

/// The pieces of an export that do not depend on the format: traced, bound and checked.
struct PreparedProgram {
  ExportedProgram program;
  ExportMetadata metadata;               // without export_config
  std::vector<Specialization> narrowed;  // why dims are bounded, or multiples of a number; their sizes do not count
  int64_t longest_sequence = 0;          // that the model's config allows; 0: it does not say
};
/// The rest of an export: the program in the format that the config names, with the texts that go beside it.
ExportedModel export_prepared(PreparedProgram prepared, const ExportConfig& config,
                              std::optional<std::string> config_text,
                              std::optional<std::string> generation_config_text);
/// The same for one format.
ExportedComponent executorch_component(PreparedProgram prepared, const ExecutorchConfig& config);
PreparedProgram prepare_for_export(const PretrainedModel& model, const ModelInputs& inputs, const DynamoConfig& config);

}  // namespace exformer
