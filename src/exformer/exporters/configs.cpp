#include "exformer/exporters/configs.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>

#include "exformer/base/error.h"
#include "exformer/base/strings.h"

namespace exformer {
namespace {

constexpr int64_t kOldestOpset = 18, kNewestOpset = 24;

/// One field of a config: how its JSON value is taken over.
using Setter = std::function<void(const Json& value)>;
using Fields = std::map<std::string, Setter>;

[[noreturn]] void wrong_value(const std::string& field, const Json& value, std::string_view allowed) {
  fail("config: '{}' is {}, allowed is {}", field, value.dump(), allowed);
}

Setter set_bool(const std::string& field, bool& target) {
  return [&target, field](const Json& value) {
    if (!value.is_boolean()) wrong_value(field, value, "true or false");
    target = value.get<bool>();
  };
}

Setter set_choice(const std::string& field, std::vector<std::string> choices,
                  std::function<void(const std::string&)> set) {
  return [=](const Json& value) {
    const bool known =
        value.is_string() && std::find(choices.begin(), choices.end(), value.get<std::string>()) != choices.end();
    if (!known) wrong_value(field, value, "one of " + join(choices, ", "));
    set(value.get<std::string>());
  };
}

Fields dynamo_fields(DynamoConfig& config) {
  return {{"dynamic", set_bool("dynamic", config.dynamic)},
          {"strict", set_bool("strict", config.strict)},
          {"allow_unchecked", set_bool("allow_unchecked", config.allow_unchecked)},
          {"prefer_deferred_runtime_asserts_over_guards",
           set_bool("prefer_deferred_runtime_asserts_over_guards", config.prefer_deferred_runtime_asserts_over_guards)},
          {"dynamic_shapes",
           [&config](const Json& value) {
             config.dynamic_shapes_json = value;
             config.dynamic_shapes = value.is_null() ? std::nullopt : std::optional(parse_dynamic_shapes(value));
           }},
          {"pytree", set_choice("pytree", {"transformers", "plain"},
                                [&config](const std::string& name) {
                                  config.pytree = name == "plain" ? Pytree::Plain : Pytree::Transformers;
                                })},
          {"export_format", [](const Json&) {}},
          {"quantizer", [](const Json& value) {
             if (!value.is_null()) unsupported("config: 'quantizer' is not supported");
           }}};
}

Fields onnx_fields(OnnxConfig& config) {
  Fields fields = dynamo_fields(config);
  fields.erase("pytree");
  fields["output_path"] = [&config](const Json& value) {
    if (value.is_null()) return;
    if (!value.is_string()) wrong_value("output_path", value, "a path");
    config.output_path = value.get<std::string>();
  };
  fields["opset_version"] = [&config](const Json& value) {
    if (value.is_null()) return;
    const std::string allowed = fmt::format("an integer in [{}, {}]", kOldestOpset, kNewestOpset);
    if (!value.is_number_integer()) wrong_value("opset_version", value, allowed);
    const auto opset = value.get<int64_t>();
    if (opset < kOldestOpset || opset > kNewestOpset)
      unsupported("config: 'opset_version' is {}, allowed is {}", opset, allowed);
    config.opset_version = opset;
  };
  fields["external_data"] = set_bool("external_data", config.external_data);
  fields["optimize"] = set_bool("optimize", config.optimize);
  fields["export_params"] = set_bool("export_params", config.export_params);
  fields["keep_initializers_as_inputs"] = set_bool("keep_initializers_as_inputs", config.keep_initializers_as_inputs);
  fields["ort_fusions"] = [&config](const Json& value) {
    if (value.is_null()) return;
    if (!value.is_string()) wrong_value("ort_fusions", value, "null or \"cpu\"");
    const auto provider = value.get<std::string>();
    if (provider == "cuda" || provider == "webgpu" || provider == "dml")
      unsupported("config: ort_fusions '{}' is not supported (cpu)", provider);
    if (provider != "cpu") wrong_value("ort_fusions", value, "null or \"cpu\"");
    config.ort_fusions = provider;
  };
  fields["weights"] =
      set_choice("weights", {"copy", "share"}, [&config](const std::string& name) { config.weights = name; });
  fields["names"] =
      set_choice("names", {"transformers", "genai"}, [&config](const std::string& name) { config.names = name; });
  return fields;
}

Setter set_positive(const std::string& field, std::optional<int64_t>& target) {
  return [&target, field](const Json& value) {
    if (value.is_null()) return;
    if (!value.is_number_integer() || value.get<int64_t>() < 1) wrong_value(field, value, "a positive integer");
    target = value.get<int64_t>();
  };
}

/// Bytes: a number, or a text with a unit ("512MB", "2GB").
std::optional<uint64_t> parse_bytes(const Json& value) {
  if (value.is_number_integer() && value.get<int64_t>() > 0) return static_cast<uint64_t>(value.get<int64_t>());
  if (!value.is_string()) return std::nullopt;
  const auto text = value.get<std::string>();
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number == 0) return std::nullopt;
  const std::string unit(end, text.data() + text.size());
  for (const auto& [name, factor] : {std::pair{"", uint64_t{1}},
                                     {"B", uint64_t{1}},
                                     {"KB", uint64_t{1000}},
                                     {"MB", uint64_t{1000000}},
                                     {"GB", uint64_t{1000000000}}}) {
    if (unit == name && number <= (uint64_t{1} << 62) / factor) return number * factor;
  }
  return std::nullopt;
}

Fields executorch_fields(ExecutorchConfig& config) {
  Fields fields = dynamo_fields(config);
  fields.erase("pytree");
  fields["backend"] = [&config](const Json& value) {
    using Backend = ExecutorchConfig::Backend;
    for (const Backend backend : {Backend::Xnnpack, Backend::Cuda, Backend::Portable}) {
      if (value == backend_name(backend)) {
        config.backend = backend;
        return;
      }
    }
    if (value == "mlx") unsupported("config: backend 'mlx' is not built (xnnpack, portable)");
    wrong_value("backend", value, "one of xnnpack, cuda, portable");
  };
  fields["alloc_graph_input"] = set_bool("alloc_graph_input", config.alloc_graph_input);
  fields["alloc_graph_output"] = set_bool("alloc_graph_output", config.alloc_graph_output);
  fields["alloc_mutable_buffers"] = set_bool("alloc_mutable_buffers", config.alloc_mutable_buffers);
  fields["external_data"] = set_bool("external_data", config.external_data);
  fields["custom_ops"] = [&config](const Json& value) {
    if (value.is_null()) return;
    if (value != "llm") wrong_value("custom_ops", value, "\"llm\" or null");
    config.custom_ops = "llm";
  };
  fields["max_batch"] = set_positive("max_batch", config.max_batch);
  fields["max_length"] = set_positive("max_length", config.max_length);
  fields["max_arena"] = [&config](const Json& value) {
    if (value.is_null()) return;
    config.max_arena = parse_bytes(value);
    if (!config.max_arena) wrong_value("max_arena", value, "a number of bytes, or \"512MB\", \"2GB\"");
  };
  fields["require_delegated"] = [&config](const Json& value) {
    if (value.is_null()) return;
    if (!value.is_number() || value.get<double>() < 0 || value.get<double>() > 100)
      wrong_value("require_delegated", value, "a number from 0 to 100");
    config.require_delegated = value.get<double>();
  };
  return fields;
}

void read_fields(const Json& dict, const Fields& fields) {
  if (!dict.is_object()) fail("config: must be a JSON object");
  std::vector<std::string> names;
  for (const auto& [name, set] : fields) names.push_back(name);
  for (const auto& [name, value] : dict.items()) {
    const auto found = fields.find(name);
    if (found == fields.end()) fail("config: there is no field '{}'{}", name, nearest_hint(name, names));
    found->second(value);
  }
}

}  // namespace

std::string_view format_name(ExportFormat format) {
  switch (format) {
    case ExportFormat::Dynamo: return "dynamo";
    case ExportFormat::Onnx: return "onnx";
    case ExportFormat::Executorch: return "executorch";
  }
  return {};
}

ExportFormat parse_format(const std::string& name) {
  std::vector<std::string> names;
  for (const ExportFormat format : {ExportFormat::Dynamo, ExportFormat::Onnx, ExportFormat::Executorch}) {
    if (format_name(format) == name) return format;
    names.emplace_back(format_name(format));
  }
  usage_error("export format '{}' is not one of {}{}", name, join(names, ", "), nearest_hint(name, names));
}

DynamoConfig dynamo_config_from_dict(const Json& dict) {
  DynamoConfig config;
  read_fields(dict, dynamo_fields(config));
  return config;
}

OnnxConfig onnx_config_from_dict(const Json& dict) {
  OnnxConfig config;
  read_fields(dict, onnx_fields(config));
  if (config.ort_fusions && !config.optimize) fail("config: 'ort_fusions' needs 'optimize' = true");
  return config;
}

ExecutorchConfig executorch_config_from_dict(const Json& dict) {
  ExecutorchConfig config;
  read_fields(dict, executorch_fields(config));
  return config;
}

std::string_view backend_name(ExecutorchConfig::Backend backend) {
  switch (backend) {
    case ExecutorchConfig::Backend::Xnnpack: return "xnnpack";
    case ExecutorchConfig::Backend::Cuda: return "cuda";
    case ExecutorchConfig::Backend::Portable: return "portable";
  }
  return {};
}

Json to_dict(const DynamoConfig& config) {
  return {{"dynamic", config.dynamic},
          {"dynamic_shapes", config.dynamic_shapes_json},
          {"export_format", "dynamo"},
          {"prefer_deferred_runtime_asserts_over_guards", config.prefer_deferred_runtime_asserts_over_guards},
          {"strict", config.strict}};
}

Json to_dict(const OnnxConfig& config) {
  return {{"dynamic", config.dynamic},
          {"dynamic_shapes", config.dynamic_shapes_json},
          {"export_format", "onnx"},
          {"opset_version", config.opset_version ? Json(*config.opset_version) : Json(nullptr)},
          {"optimize", config.optimize},
          {"ort_fusions", config.ort_fusions ? Json(*config.ort_fusions) : Json(nullptr)},
          {"prefer_deferred_runtime_asserts_over_guards", config.prefer_deferred_runtime_asserts_over_guards},
          {"strict", config.strict}};
}

Json to_dict(const ExecutorchConfig& config) {
  return {{"alloc_graph_input", config.alloc_graph_input},
          {"alloc_graph_output", config.alloc_graph_output},
          {"alloc_mutable_buffers", config.alloc_mutable_buffers},
          {"backend", backend_name(config.backend)},
          {"dynamic", config.dynamic},
          {"dynamic_shapes", config.dynamic_shapes_json},
          {"export_format", "executorch"},
          {"prefer_deferred_runtime_asserts_over_guards", config.prefer_deferred_runtime_asserts_over_guards},
          {"strict", config.strict}};
}

}  // namespace exformer
