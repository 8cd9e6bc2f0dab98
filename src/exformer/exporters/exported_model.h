// What an exporter returns and what a directory on disk holds: programs by component name, ready to save, to load and
// to run.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exformer/backends/executorch/executorch.h"
#include "exformer/backends/onnx/onnx.h"
#include "exformer/exporters/configs.h"
#include "exformer/exporters/metadata.h"
#include "exformer/ir/program.h"
#include "exformer/tasks/sample_inputs.h"

namespace exformer {

/// Runs a program: named inputs in, named outputs out (dotted leaf paths). Unknown, missing or misshapen inputs throw
/// ExportError.
class ProgramModule {
 public:
  virtual ~ProgramModule() = default;
  virtual NamedTensors operator()(const NamedTensors& inputs) const = 0;
};

/// One exported graph in one format.
struct ExportedComponent {
  std::string name = "model";
  std::string file;  // "model.pt2"
  Json metadata;
  std::shared_ptr<const ExportedProgram> program;     // dynamo
  std::shared_ptr<const OnnxModel> onnx;              // onnx, when it was just exported
  std::shared_ptr<const ExecutorchModel> executorch;  // executorch, when it was just exported
  std::filesystem::path loaded_from;                  // onnx, when it was loaded
  Pytree pytree = Pytree::Transformers;
  NamedTensors sample_inputs;  // dynamo, when it was just exported

  /// The embedded interpreter for a dynamo program, ONNX Runtime (found at run time) for an ONNX one.
  std::unique_ptr<ProgramModule> module() const;
};

/// transformers.exporters.ExportedModel.
class ExportedModel {
 public:
  ExportedModel(ExportFormat format, std::vector<ExportedComponent> components, std::optional<std::string> config_text,
                std::optional<std::string> generation_config_text)
      : format_(format),
        components_(std::move(components)),
        config_text_(std::move(config_text)),
        generation_config_text_(std::move(generation_config_text)) {}

  /// Reads a directory that save_pretrained or transformers wrote, or a single `.pt2` or `.onnx` file.
  static ExportedModel from_pretrained(const std::filesystem::path& path);
  /// Writes the directory aside and moves it into place. Throws ExportError; then nothing is left.
  void save_pretrained(const std::filesystem::path& directory) const;

  ExportFormat format() const { return format_; }
  const std::vector<ExportedComponent>& components() const { return components_; }
  /// The component of that name. Throws ExportError with the nearest names.
  const ExportedComponent& component(const std::string& name) const;
  /// The only component, or the one called "model".
  const ExportedComponent& program() const;
  /// Writes an ExecuTorch program alone, as ExecutorchProgramManager.write_to_file does. Other formats are an
  /// ExportError.
  void write_to_file(const std::filesystem::path& path) const;
  /// One call of program().
  NamedTensors operator()(const NamedTensors& inputs) const { return (*program().module())(inputs); }

 private:
  ExportFormat format_;
  std::vector<ExportedComponent> components_;
  std::optional<std::string> config_text_, generation_config_text_;
};

}  // namespace exformer
