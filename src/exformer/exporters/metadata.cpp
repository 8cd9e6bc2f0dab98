#include "exformer/exporters/metadata.h"

#include "exformer/base/error.h"
#include "exformer/exporters/version.h"
#include "exformer/tasks/output_tree.h"

namespace exformer {
namespace {

constexpr int kSchemaVersion = 1;

Json describe_kwargs(const NamedTensors& inputs) {
  Json kwargs = Json::object();
  for (const auto& [name, tensor] : inputs) {
    if (parse_cache_leaf(name)) {
      kwargs["past_key_values"] = {{"container", "DynamicCache"}};
    } else {
      kwargs[name] = {{"rank", tensor.rank()}, {"shape", tensor.sizes()}, {"dtype", dtype_name(tensor.dtype())}};
    }
  }
  return kwargs;
}

/// That the caches of all layers are of one length goes without saying.
bool is_worth_saying(const Condition& condition) {
  return !condition.input || condition.number.is_constant() || condition.path.find('.') == std::string::npos;
}

Json describe_conditions(const std::vector<Condition>& conditions) {
  Json list = Json::array();
  for (const Condition& condition : conditions) {
    if (!is_worth_saying(condition)) continue;
    Json entry = condition.path.empty()
                     ? Json{{"condition", condition.allowed}}
                     : Json{{"input", condition.path}, {"axis", condition.axis}, {"allowed", condition.allowed}};
    if (!condition.reason.empty()) entry["reason"] = condition.reason;
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace

Json to_json(const ExportMetadata& metadata) {
  Json json;
  json["architecture"] = metadata.architecture;
  json["packages"] = {{"exformer", kVersion}};
  json["export_config"] = metadata.export_config;
  json["export_dtype"] = dtype_name(metadata.export_dtype);
  json["export_device"] = "cpu";
  json["kwargs"] = metadata.kwargs ? *metadata.kwargs : describe_kwargs(metadata.inputs);
  json["in_spec"] = treespec_dumps(metadata.in_spec);
  json["out_spec"] = treespec_dumps(metadata.out_spec);
  json["in_constants"] = metadata.in_constants;
  json["out_constants"] = metadata.out_constants;
  if (!metadata.specializations.empty()) {
    Json list = Json::array();
    for (const Specialization& fixed : metadata.specializations) {
      list.push_back({{"input", fixed.input}, {"axis", fixed.axis}, {"size", fixed.size}, {"reason", fixed.reason}});
    }
    json["specializations"] = std::move(list);
  }
  if (!metadata.conditions.empty()) json["conditions"] = describe_conditions(metadata.conditions);
  return json;
}

std::string manifest_text(const Manifest& manifest) {
  Json json;
  json["schema_version"] = kSchemaVersion;
  json["export_format"] = manifest.export_format;
  json["components"] = Json::object();
  for (const ComponentEntry& component : manifest.components) {
    json["components"][component.name] = {{"file", component.file}, {"metadata", component.metadata}};
  }
  return dump_json(json, 2) + "\n";
}

Manifest parse_manifest(const std::string& text, const std::string& source) {
  const Json json = parse_json(text, source);
  const auto require = [&](bool condition, std::string_view what) {
    if (!condition) fail("{}: {}", source, what);
  };
  require(json.is_object() && json.contains("components") && json["components"].is_object(),
          "not an export manifest (no 'components')");
  require(json.contains("export_format") && json["export_format"].is_string(), "there is no 'export_format'");
  const bool known_version = json.contains("schema_version") && json["schema_version"].is_number_integer() &&
                             json["schema_version"] == kSchemaVersion;
  require(known_version, "its schema_version is not 1");
  Manifest manifest{.export_format = json["export_format"].get<std::string>()};
  for (const auto& [name, entry] : json["components"].items()) {
    require(entry.is_object() && entry.contains("file") && entry["file"].is_string(), "a component has no 'file'");
    const auto file = entry["file"].get<std::string>();
    require(!file.empty() && file.find('/') == std::string::npos && file != "..",
            "a component's file lies outside the directory");
    manifest.components.push_back({name, file, entry.value("metadata", Json::object())});
  }
  require(!manifest.components.empty(), "there are no components");
  return manifest;
}

}  // namespace exformer
