// Facts about files: safetensors, .pt2, .onnx, export directories; and what a path is.
#include <map>

#include "exformer/backends/pt2/reader.h"
#include "exformer/base/error.h"
#include "exformer/checkpoint/safetensors.h"
#include "exformer/exporters/inspect.h"
#include "exformer/exporters/metadata.h"

namespace exformer {
namespace {

namespace fs = std::filesystem;

uint64_t size_of(const fs::path& path) {
  std::error_code error;
  const uint64_t size = fs::file_size(path, error);
  if (error) fail("cannot read '{}': {}", path.string(), error.message());
  return size;
}

Json file_facts(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return {{"file", path.filename().string()}, {"error", "not there"}};
  return {{"file", path.filename().string()}, {"bytes", size_of(path)}};
}

/// Files beside an .onnx that may hold its weights: ours, transformers' and torch's spellings.
Json sidecars_of(const fs::path& path) {
  Json sidecars = Json::array();
  const std::string name = path.filename().string(), stem = path.stem().string();
  for (const std::string& candidate : {name + ".data", name + "_data", stem + ".onnx_data"}) {
    const fs::path sidecar = path.parent_path() / candidate;
    const bool listed = !sidecars.empty() && sidecars.back()["file"] == candidate;
    if (!listed && fs::is_regular_file(sidecar)) sidecars.push_back(file_facts(sidecar));
  }
  return sidecars;
}

Json component_facts(const ComponentEntry& component, const fs::path& directory) {
  const fs::path path = directory / component.file;
  Json facts = {{"name", component.name}};
  facts.update(file_facts(path));
  if (path.extension() == ".onnx") facts["sidecars"] = sidecars_of(path);
  for (const char* field :
       {"architecture", "packages", "export_dtype", "export_config", "kwargs", "specializations", "conditions"}) {
    if (component.metadata.contains(field)) facts[field] = component.metadata[field];
  }
  return facts;
}

}  // namespace

Inspection inspect_safetensors(const fs::path& path) {
  const auto file = SafetensorsFile::open(path);
  Json tensors = Json::array(), dtypes = Json::object();
  uint64_t bytes = 0;
  int64_t elements = 0;
  for (const auto& [name, entry] : file->entries()) {
    const int64_t count = element_count(entry.sizes);
    const std::string dtype(dtype_name(entry.dtype));
    tensors.push_back({{"name", name}, {"dtype", dtype}, {"shape", entry.sizes}, {"bytes", entry.byte_size}});
    Json& total = dtypes[dtype];
    if (total.is_null()) total = {{"tensors", 0}, {"elements", 0}, {"bytes", 0}};
    total["tensors"] = total["tensors"].get<int64_t>() + 1;
    total["elements"] = total["elements"].get<int64_t>() + count;
    total["bytes"] = total["bytes"].get<uint64_t>() + entry.byte_size;
    bytes += entry.byte_size;
    elements += count;
  }
  Json facts = {{"kind", "safetensors"},
                {"path", path.string()},
                {"file_bytes", size_of(path)},
                {"elements", elements},
                {"bytes", bytes}};
  facts["dtypes"] = std::move(dtypes);
  facts["metadata"] = file->metadata();
  facts["tensors"] = std::move(tensors);
  return {std::move(facts), nullptr};
}

Inspection inspect_pt2(const fs::path& path) {
  const auto program = std::make_shared<const ExportedProgram>(read_pt2(path));
  Json facts = {{"kind", "pt2"}, {"path", path.string()}, {"file_bytes", size_of(path)}};
  facts.update(describe_program(*program));
  return {std::move(facts), program};
}

Inspection inspect_onnx(const fs::path& path) {
  Json facts = {{"kind", "onnx"},
                {"path", path.string()},
                {"file_bytes", size_of(path)},
                {"sidecars", sidecars_of(path)},
                {"note", "the contents of .onnx files are not read yet"}};
  return {std::move(facts), nullptr};
}

Inspection inspect_export(const fs::path& directory) {
  const fs::path manifest_path = directory / "export.json";
  const Manifest manifest = parse_manifest(read_text_file(manifest_path), manifest_path.string());
  Json facts = {{"kind", "export"},
                {"path", directory.string()},
                {"format", manifest.export_format},
                {"components", Json::array()}};
  for (const ComponentEntry& component : manifest.components)
    facts["components"].push_back(component_facts(component, directory));
  // One graph: there is something to draw. Reading it checks the file, too.
  std::shared_ptr<const ExportedProgram> program;
  if (manifest.components.size() == 1 && manifest.components[0].file.ends_with(".pt2")) {
    program = std::make_shared<const ExportedProgram>(read_pt2(directory / manifest.components[0].file));
    facts["components"][0].update(describe_program(*program));
  }
  if (manifest.components.size() == 1 && manifest.components[0].file.ends_with(".pte")) {
    const Inspection file = inspect_pte(directory / manifest.components[0].file);
    for (const char* field : {"methods", "segments"}) facts["components"][0][field] = file.facts[field];
    program = file.program;
  }
  return {std::move(facts), program};
}

Inspection inspect(const std::string& target) {
  const fs::path path(target);
  std::error_code error;
  if (fs::is_directory(path, error)) {
    return fs::exists(path / "export.json", error) ? inspect_export(path) : inspect_checkpoint(target);
  }
  if (!fs::exists(path, error)) return inspect_checkpoint(target);  // a Hub id, or the error that says there is nothing
  const std::string extension = path.extension().string();
  if (extension == ".safetensors") return inspect_safetensors(path);
  if (extension == ".pt2") return inspect_pt2(path);
  if (extension == ".onnx") return inspect_onnx(path);
  if (extension == ".pte") return inspect_pte(path);
  fail("'{}' is neither a directory nor a .safetensors, .pt2, .onnx or .pte file", target);
}

}  // namespace exformer
