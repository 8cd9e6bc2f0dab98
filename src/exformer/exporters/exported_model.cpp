#include "exformer/exporters/exported_model.h"

#include "exformer/backends/pt2/reader.h"
#include "exformer/backends/pt2/writer.h"
#include "exformer/base/share_file.h"
#include "exformer/base/strings.h"
#include "exformer/exporters/modules.h"

namespace exformer {
namespace {

namespace fs = std::filesystem;

void write_text(const fs::path& path, const std::string& text) {
  OutputFile file(path);
  file.write(text);
  file.close();
}

void write_component(const ExportedComponent& component, const fs::path& directory) {
  const fs::path path = directory / component.file;
  if (component.program) {
    write_pt2(*component.program, path,
              {.pytree = component.pytree == Pytree::Plain ? Pt2Pytree::Plain : Pt2Pytree::Transformers,
               .sample_inputs = component.sample_inputs});
  } else if (component.onnx) {
    const std::string sidecar = component.file + ".data";
    const auto shared = write_onnx(*component.onnx, {.model = path,
                                                     .sidecar = directory / sidecar,
                                                     .sidecar_name = sidecar,
                                                     .weights = component.onnx->options.weights});
    for (const fs::path& weights : shared) share_file(weights, directory / weights.filename());
  } else if (component.executorch) {
    write_executorch(*component.executorch, path);
    if (component.executorch->options.external_data)
      write_executorch_data(*component.executorch, fs::path(path).replace_extension(".ptd"));
  } else {
    fail("the component '{}' was loaded from a file and cannot be saved again", component.name);
  }
}

ExportedComponent load_component(const fs::path& path, const std::string& name, Json metadata) {
  ExportedComponent component{.name = name, .file = path.filename().string(), .metadata = std::move(metadata)};
  if (path.extension() == ".pt2") {
    component.program = std::make_shared<const ExportedProgram>(read_pt2(path));
  } else if (path.extension() == ".onnx") {
    component.loaded_from = path;
  } else if (path.extension() == ".pte") {
    unsupported(
        "'{}': ExecuTorch programs do not run here; executorch.runtime and transformers' ExportedModel run them",
        path.string());
  } else {
    fail("'{}' is neither a .pt2 nor an .onnx file", path.string());
  }
  return component;
}

}  // namespace

std::unique_ptr<ProgramModule> ExportedComponent::module() const {
  if (program) return make_interpreter_module(program);
  if (onnx) return make_onnx_module(*onnx);
  if (executorch) unsupported("ExecuTorch programs do not run here: save the export and load it in executorch.runtime");
  return make_onnx_module(loaded_from);
}

ExportedModel ExportedModel::from_pretrained(const fs::path& path) {
  if (!fs::exists(path)) fail("'{}' does not exist", path.string());
  if (!fs::is_directory(path)) {
    ExportedComponent component = load_component(path, "model", Json::object());
    const ExportFormat format = component.program ? ExportFormat::Dynamo : ExportFormat::Onnx;
    return {format, {std::move(component)}, std::nullopt, std::nullopt};
  }
  const fs::path manifest_path = path / "export.json";
  if (!fs::exists(manifest_path)) fail("'{}' is not an export: there is no export.json", path.string());
  const Manifest manifest = parse_manifest(read_text_file(manifest_path), manifest_path.string());
  std::vector<ExportedComponent> components;
  for (const ComponentEntry& entry : manifest.components)
    components.push_back(load_component(path / entry.file, entry.name, entry.metadata));
  return {parse_format(manifest.export_format), std::move(components), std::nullopt, std::nullopt};
}

void ExportedModel::save_pretrained(const fs::path& directory) const {
  StagedDirectory staged(directory);
  Manifest manifest{.export_format = std::string(format_name(format_))};
  for (const ExportedComponent& component : components_) {
    write_component(component, staged.path());
    manifest.components.push_back({component.name, component.file, component.metadata});
  }
  if (config_text_) write_text(staged.path() / "config.json", *config_text_);
  if (generation_config_text_) write_text(staged.path() / "generation_config.json", *generation_config_text_);
  write_text(staged.path() / "export.json", manifest_text(manifest));
  staged.commit();
}

void ExportedModel::write_to_file(const fs::path& path) const {
  const ExportedComponent& component = program();
  if (!component.executorch) fail("write_to_file is for ExecuTorch programs; save_pretrained writes the others");
  StagedFile file(path);
  write_executorch(*component.executorch, file.path());
  if (component.executorch->options.external_data) {
    StagedFile data(fs::path(path).replace_extension(".ptd"));
    write_executorch_data(*component.executorch, data.path());
    data.commit();
  }
  file.commit();
}

const ExportedComponent& ExportedModel::component(const std::string& name) const {
  std::vector<std::string> names;
  for (const ExportedComponent& component : components_) {
    if (component.name == name) return component;
    names.push_back(component.name);
  }
  fail("there is no component '{}'{}", name, nearest_hint(name, names));
}

const ExportedComponent& ExportedModel::program() const {
  return components_.size() == 1 ? components_.front() : component("model");
}

}  // namespace exformer
