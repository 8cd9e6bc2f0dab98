#include "exformer/exporters/modules.h"

#include <algorithm>

#include "exformer/base/strings.h"
#include "exformer/interpreter/interpreter.h"
#include "exformer/runtimes/onnx_runtime.h"

namespace exformer {
namespace {

const HostTensor* find_tensor(const NamedTensors& tensors, const std::string& name) {
  for (const auto& [given, tensor] : tensors) {
    if (given == name) return &tensor;
  }
  return nullptr;
}

/// Names that the program does not take are refused, with the nearest ones.
void check_names(const NamedTensors& inputs, const std::vector<std::string>& known) {
  for (const auto& [name, tensor] : inputs) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      fail("input '{}' is not taken by the program{}; it takes {}", name, nearest_hint(name, known), join(known, ", "));
    }
  }
}

class InterpreterModule : public ProgramModule {
 public:
  explicit InterpreterModule(std::shared_ptr<const ExportedProgram> program)
      : program_(std::move(program)), interpreter_(*program_) {}

  NamedTensors operator()(const NamedTensors& inputs) const override {
    std::vector<std::string> names;
    for (const InputSpec* input : program_->user_inputs()) names.push_back(input->target);
    check_names(inputs, names);
    std::vector<HostTensor> ordered;
    for (const InputSpec* input : program_->user_inputs()) {
      if (const HostTensor* tensor = find_tensor(inputs, input->target)) {
        ordered.push_back(*tensor);
      } else if (input->value->users().empty()) {
        ordered.push_back(unread_input(*input->value));
      } else {
        fail("input '{}' is missing", input->target);
      }
    }
    const std::vector<HostTensor> results = interpreter_.run(ordered);
    NamedTensors outputs;
    size_t next = 0;
    for (const OutputSpec& output : program_->outputs) {
      if (output.kind != OutputSpec::Kind::UserOutput) continue;
      const HostTensor& result = results[next++];
      if (result.defined()) outputs.emplace_back(output.target, result);
    }
    return outputs;
  }

 private:
  /// A stand-in for an input that no node reads (a sliding layer's window).
  static HostTensor unread_input(const Value& value) {
    std::vector<int64_t> sizes;
    for (const SymInt& size : value.meta.sizes) sizes.push_back(size.constant().value_or(1));
    return HostTensor::zeros(value.meta.dtype, sizes);
  }
  std::shared_ptr<const ExportedProgram> program_;
  Interpreter interpreter_;
};

class OnnxModule : public ProgramModule {
 public:
  explicit OnnxModule(OnnxSession session) : session_(std::move(session)) {}

  NamedTensors operator()(const NamedTensors& inputs) const override {
    std::vector<std::string> names;
    std::map<std::string, HostTensor> bound;
    for (const OnnxValueInfo& input : session_.inputs()) {
      const std::string path = leaf_path(input.name, "input.");
      names.push_back(path);
      const HostTensor* tensor = find_tensor(inputs, path);
      if (!tensor) tensor = find_tensor(inputs, input.name);
      if (!tensor) fail("input '{}' is missing", path);
      bound.emplace(input.name, *tensor);
    }
    // The graph drops inputs that it does not read, so other names are not refused here.
    NamedTensors outputs;
    for (auto& [name, tensor] : session_.run(bound))
      outputs.emplace_back(leaf_path(name, "output."), std::move(tensor));
    return outputs;
  }

 private:
  /// The dotted path behind a name that carries a side because the other side has it too.
  static std::string leaf_path(const std::string& name, const std::string& side) {
    return name.starts_with(side) ? name.substr(side.size()) : name;
  }
  OnnxSession session_;
};

}  // namespace

std::unique_ptr<ProgramModule> make_interpreter_module(std::shared_ptr<const ExportedProgram> program) {
  return std::make_unique<InterpreterModule>(std::move(program));
}

std::unique_ptr<ProgramModule> make_onnx_module(const std::filesystem::path& path) {
  return std::make_unique<OnnxModule>(OnnxSession(OnnxRuntime::load(), path));
}

std::unique_ptr<ProgramModule> make_onnx_module(const OnnxModel& model) {
  // The weights go through a file, which ONNX Runtime maps: in memory they would be there twice.
  const std::filesystem::path directory =
      std::filesystem::temp_directory_path() / fmt::format("exformer-onnx-{}", static_cast<const void*>(&model));
  StagedDirectory staged(directory);
  write_onnx(model, {.model = staged.path() / "model.onnx",
                     .sidecar = staged.path() / "model.onnx.data",
                     .sidecar_name = "model.onnx.data"});
  return make_onnx_module(staged.path() / "model.onnx");
}

}  // namespace exformer
