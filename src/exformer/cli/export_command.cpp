#include <algorithm>
#include <chrono>
#include <cstdio>

#include "exformer/base/error.h"
#include "exformer/base/strings.h"
#include "exformer/checkpoint/checkpoint_check.h"
#include "exformer/checkpoint/hub.h"
#include "exformer/checkpoint/safetensors.h"
#include "exformer/cli/commands.h"
#include "exformer/cli/progress.h"
#include "exformer/exporters/exporter.h"
#include "exformer/exporters/transformers_frontend.h"

namespace exformer::cli {
namespace {

namespace fs = std::filesystem;

/// JSON given on the command line, or the path of a file of it.
Json json_argument(const std::string& argument, const std::string& option) {
  const size_t first = argument.find_first_not_of(" \t\n");
  if (first != std::string::npos && (argument[first] == '{' || argument[first] == '['))
    return parse_json(argument, option);
  return parse_json(read_text_file(argument), argument);
}

/// The value of key=value: JSON where it reads as such, else a string.
Json set_value(const std::string& text) {
  const Json parsed = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return parsed.is_discarded() ? Json(text) : parsed;
}

std::optional<bool> take_flag(Json& config, const std::string& name) {
  const auto found = config.find(name);
  if (found == config.end()) return std::nullopt;
  if (!found->is_boolean()) fail("'{}' is {}, allowed is true or false", name, found->dump());
  const bool value = found->get<bool>();
  config.erase(name);
  return value;
}

std::optional<std::string> take_string(Json& config, const std::string& name) {
  const auto found = config.find(name);
  if (found == config.end() || !found->is_string()) return std::nullopt;
  auto value = found->get<std::string>();
  config.erase(name);
  return value;
}

/// --config, then the options that stand for a field, then --set.
Json gather_config(const ExportOptions& options) {
  Json config = Json::object();
  if (!options.config.empty()) config = parse_json(read_text_file(options.config), options.config.string());
  if (!config.is_object()) fail("{}: not a JSON object", options.config.string());
  if (options.dynamic) config["dynamic"] = true;
  if (options.allow_unchecked) config["allow_unchecked"] = true;
  if (!options.dynamic_shapes.empty())
    config["dynamic_shapes"] = json_argument(options.dynamic_shapes, "--dynamic-shapes");
  if (options.opset) config["opset_version"] = *options.opset;
  if (!options.names.empty()) config["names"] = options.names;
  if (!options.backend.empty()) config["backend"] = options.backend;
  if (!options.max_arena.empty()) config["max_arena"] = set_value(options.max_arena);
  if (options.require_delegated) config["require_delegated"] = *options.require_delegated;
  for (const std::string& assignment : options.set) {
    const size_t equals = assignment.find('=');
    if (equals == 0 || equals == std::string::npos) usage_error("--set takes key=value, got '{}'", assignment);
    config[assignment.substr(0, equals)] = set_value(assignment.substr(equals + 1));
  }
  return config;
}

PretrainedOptions pretrained_options(const ExportOptions& options, Json& config) {
  PretrainedOptions pretrained;
  if (!options.dtype.empty()) {
    pretrained.dtype = parse_dtype(options.dtype);
    if (!pretrained.dtype || !is_floating_point(*pretrained.dtype))
      usage_error("--dtype is '{}', allowed is f32, f16 or bf16", options.dtype);
  }
  if (const auto attention = take_string(config, "attn_implementation")) {
    if (*attention != "sdpa" && *attention != "eager")
      unsupported("attn_implementation '{}' is not supported (sdpa, eager)", *attention);
    pretrained.attn_implementation =
        *attention == "eager" ? AttentionImplementation::Eager : AttentionImplementation::Sdpa;
  }
  pretrained.allow_missing = take_flag(config, "allow_missing").value_or(false);
  pretrained.allow_surplus = take_flag(config, "allow_surplus").value_or(false);
  pretrained.trust_remote_code = options.trust_remote_code;
  return pretrained;
}

std::optional<Task> task_option(const std::string& name) {
  if (name.empty()) return std::nullopt;
  if (const auto task = parse_task(name)) return task;
  std::vector<std::string> names;
  for (const Task task : all_tasks()) names.emplace_back(task_name(task));
  unsupported("task '{}' is not known{}; known: {}", name, nearest_hint(name, names), join(names, ", "));
}

ExportFormat format_option(const ExportOptions& options) {
  const ExportFormat format = parse_format(options.to);
  if (format != ExportFormat::Executorch) {
    if (!options.backend.empty()) usage_error("--backend is for --to executorch");
    if (!options.max_arena.empty()) usage_error("--max-arena is for --to executorch");
    if (options.require_delegated) usage_error("--require-delegated is for --to executorch");
  }
  if (options.for_generation) unsupported("--for-generation is not built yet");
  if (options.opset && format != ExportFormat::Onnx) usage_error("--opset is for --to onnx");
  if (!options.names.empty() && format != ExportFormat::Onnx) usage_error("--names is for --to onnx");
  return format;
}

/// The checkpoint's directory, downloaded if need be.
fs::path download(const ExportOptions& options, const CommonOptions& common) {
  ProgressLine line(common);
  return resolve_checkpoint(options.checkpoint, {.code = options.trust_remote_code, .progress = [&](const auto& file) {
                                                   line.show("downloading " + file.file, file.received, file.total);
                                                 }});
}

bool has_family(const std::string& model_type) {
  const auto& families = model_families();
  return std::any_of(families.begin(), families.end(),
                     [&](const ModelFamily& family) { return family.model_type == model_type; });
}

/// What a run of the native front end needs.
struct NativeExport {
  ModelInputs inputs;
  PretrainedOptions pretrained;
  ExportConfig config;
  std::optional<Task> task;
};

/// About as much as will be written: all tensors of the checkpoint in the dtype of the export.
uint64_t expected_bytes(const Checkpoint& checkpoint, std::optional<DType> dtype) {
  uint64_t total = 0;
  for (const auto& [name, file] : checkpoint.tensors()) {
    const SafetensorsEntry& entry = checkpoint.entry(name);
    const bool is_cast = dtype && is_floating_point(entry.dtype);
    total += is_cast ? entry.byte_size / item_size(entry.dtype) * item_size(*dtype) : entry.byte_size;
  }
  return total;
}

uint64_t expected_bytes(const fs::path& directory, std::optional<DType> dtype) {
  try {
    return expected_bytes(Checkpoint::open(directory), dtype);
  } catch (const ExportError&) {  // which the front end will name
    return 0;
  }
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void print_partition(const executorch::PartitionReport& report) {
  std::printf("%lld delegate calls, %.1f%% of the multiply-adds\n", static_cast<long long>(report.delegate_calls),
              report.delegated_percent());
  for (const auto& found : report.breaks) {
    const std::string place = found.module_path.empty() ? "" : " at " + found.module_path;
    std::printf("  break: %s%s %s\n", found.op.c_str(), place.c_str(), found.reason.c_str());
  }
}

void print_summary(const CommonOptions& common, const std::string& model, const fs::path& file,
                   const std::string& line) {
  if (common.quiet || common.json) return;
  std::printf("%s -> %s\n%s\n", model.c_str(), file.string().c_str(), line.c_str());
}

/// What the model decided by the sample's contents, and a file without checks leaves open.
void print_assumptions(const std::string& format, const Json& assumptions) {
  constexpr size_t kShown = 3;
  for (size_t i = 0; i < std::min(assumptions.size(), kShown); ++i) {
    std::fprintf(stderr, "exformer: warning: this %s file does not check what it rests on: %s\n", format.c_str(),
                 assumptions[i].get<std::string>().c_str());
  }
  if (assumptions.size() > kShown)
    std::fprintf(stderr, "exformer: warning: and %zu more conditions (--json lists them)\n",
                 assumptions.size() - kShown);
}

Json export_native(const ExportOptions& options, const CommonOptions& common, const PretrainedModel& model,
                   const NativeExport& native, double loaded, std::chrono::steady_clock::time_point start) {
  const ExportedModel exported = AutoHfExporter::from_config(native.config).export_model(model, native.inputs);
  const double graph = seconds_since(start) - loaded;
  if (const auto& program = exported.program().executorch; program && !common.quiet && !common.json) {
    std::printf("planned arena %.1f MB (live %.1f MB)%s%s; largest: %s\n",
                static_cast<double>(program->arena.bytes) / 1e6, static_cast<double>(program->arena.live) / 1e6,
                program->arena.bounds.empty() ? "" : " at ", program->arena.bounds.c_str(),
                program->arena.driver.c_str());
    if (program->partition) print_partition(*program->partition);
    std::fflush(stdout);
  }
  {
    const WriteProgress progress(common, options.output, expected_bytes(*model.checkpoint, model.dtype));
    exported.save_pretrained(options.output);
  }
  const double total = seconds_since(start);
  const ExportedComponent& component = exported.program();
  const size_t nodes = component.program      ? component.program->graph->node_count()
                       : component.executorch ? component.executorch->instruction_count()
                                              : component.onnx->node_count();
  print_summary(common,
                fmt::format("{} {} ({})", model.family->model_type, model.architecture->name, dtype_name(model.dtype)),
                options.output / component.file,
                fmt::format("{} nodes; {:.2f} s in all: {:.2f} s to load, {:.2f} s graph work, {:.2f} s to write",
                            nodes, total, loaded, graph, total - loaded - graph));
  Json result = {{"output", options.output.string()},
                 {"format", options.to},
                 {"frontend", "native"},
                 {"model_type", model.family->model_type},
                 {"architecture", model.architecture->name},
                 {"dtype", dtype_name(model.dtype)},
                 {"nodes", nodes},
                 {"seconds", {{"load", loaded}, {"graph", graph}, {"write", total - loaded - graph}, {"total", total}}},
                 {"specializations", component.metadata.value("specializations", Json::array())},
                 {"conditions", component.metadata.value("conditions", Json::array())}};
  if (component.metadata.contains("executorch")) result["executorch"] = component.metadata["executorch"];
  return result;
}

Json export_transformers(const ExportOptions& options, const fs::path& directory, const CommonOptions& common,
                         const NativeExport& native, const Json& config, const Json& flags,
                         std::chrono::steady_clock::time_point start) {
  TransformersRequest request{.checkpoint = directory.string(),
                              .output = options.output,
                              .config = config,
                              .flags = flags,
                              .task = native.task,
                              .allow_missing = native.pretrained.allow_missing,
                              .allow_surplus = native.pretrained.allow_surplus,
                              .trust_remote_code = options.trust_remote_code,
                              .python = options.python,
                              .limit = std::chrono::seconds(options.time_limit)};
  if (native.pretrained.dtype) request.dtype = dtype_name(*native.pretrained.dtype);
  if (native.pretrained.attn_implementation) {
    const bool is_eager = *native.pretrained.attn_implementation == AttentionImplementation::Eager;
    request.attn_implementation = is_eager ? "eager" : "sdpa";
  }
  if (!options.inputs.empty()) request.inputs = options.inputs;
  const Json answer = [&] {
    const WriteProgress progress(common, options.output, expected_bytes(directory, native.pretrained.dtype));
    return export_with_transformers(request);
  }();
  const auto field = [&](const char* name) { return answer.value(name, std::string()); };
  const double total = seconds_since(start);
  print_summary(
      common,
      fmt::format("{} {} ({}), traced from transformers", field("model_type"), field("architecture"), field("dtype")),
      options.output / field("file"),
      fmt::format("{} nodes; {:.2f} s in all", answer.value("nodes", size_t{0}), total));
  const Json assumptions = answer.value("assumptions", Json::array());
  if (!common.quiet && !common.json) print_assumptions(options.to, assumptions);
  return {{"output", options.output.string()},
          {"format", options.to},
          {"frontend", "transformers"},
          {"model_type", field("model_type")},
          {"architecture", field("architecture")},
          {"dtype", field("dtype")},
          {"nodes", answer.value("nodes", size_t{0})},
          {"seconds", {{"total", total}}},
          {"specializations", answer.value("specializations", Json::array())},
          {"conditions", answer.value("conditions", Json::array())},
          {"assumptions", assumptions}};
}

}  // namespace

Json run_export(const ExportOptions& options, const CommonOptions& common) {
  const auto start = std::chrono::steady_clock::now();
  format_option(options);
  NativeExport native{.task = task_option(options.task)};
  Json config = gather_config(options);
  Json flags = Json::object();
  for (const auto& [name, flag] : {std::pair{"use_cache", &native.inputs.use_cache},
                                   std::pair{"output_hidden_states", &native.inputs.output_hidden_states},
                                   std::pair{"output_attentions", &native.inputs.output_attentions},
                                   std::pair{"return_dict", &native.inputs.return_dict},
                                   std::pair{"interpolate_pos_encoding", &native.inputs.interpolate_pos_encoding}}) {
    *flag = take_flag(config, name);
    if (*flag) flags[name] = **flag;
  }
  native.pretrained = pretrained_options(options, config);
  if (!options.inputs.empty()) native.inputs.tensors = read_safetensors(options.inputs);
  config["export_format"] = options.to;
  native.config = AutoExportConfig::from_dict(config);

  const fs::path directory = download(options, common);
  check_checkpoint(directory, options.trust_remote_code);
  const auto by_transformers = [&] {
    return export_transformers(options, directory, common, native, config, flags, start);
  };
  const std::string config_path = (directory / "config.json").string();
  const Json model_config = parse_json(read_text_file(config_path), config_path);
  const bool runs_own_code = options.frontend == "auto" && !own_code(model_config).empty();
  if (options.frontend == "transformers" || runs_own_code) return by_transformers();
  std::string refusal;
  try {
    const PretrainedModel model = load_pretrained(directory.string(), native.pretrained, native.task);
    const double loaded = seconds_since(start);
    return export_native(options, common, model, native, loaded, start);
  } catch (const ExportError& error) {
    if (options.frontend == "native" || error.kind() != ErrorKind::Unsupported) throw;
    refusal = error.what();
  }
  try {
    return by_transformers();
  } catch (const NoFrontend& error) {
    unsupported("{}; by way of transformers: {}", refusal, error.what());
  } catch (const ExportError& error) {
    // Where the zoo has no such family, only what transformers says is of use.
    if (!has_family(model_config.value("model_type", std::string()))) throw;
    unsupported("{}; by way of transformers: {}", refusal, error.what());
  }
}

}  // namespace exformer::cli
