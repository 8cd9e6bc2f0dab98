// exformer inspect: prints the facts of exporters/inspect.h, and draws the graph.
#include <cstdio>

#include "exformer/base/error.h"
#include "exformer/base/file.h"
#include "exformer/base/strings.h"
#include "exformer/cli/commands.h"
#include "exformer/cli/graph_svg.h"
#include "exformer/exporters/inspect.h"

namespace exformer::cli {
namespace {

template <class... Args>
void line(fmt::format_string<Args...> format, Args&&... args) {
  std::printf("%s\n", fmt::format(format, std::forward<Args>(args)...).c_str());
}

/// "1.50 GB (1500000000 bytes)"
std::string bytes_text(const Json& value) {
  const auto bytes = value.get<uint64_t>();
  if (bytes < 1000) return fmt::format("{} bytes", bytes);
  double scaled = static_cast<double>(bytes);
  const char* unit = "";
  for (const char* next : {"kB", "MB", "GB", "TB"}) {
    if (scaled < 1000) break;
    scaled /= 1000;
    unit = next;
  }
  return fmt::format("{:.2f} {} ({} bytes)", scaled, unit, bytes);
}

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : dump_json(value); }

/// "[batch, 8]"
std::string shape_text(const Json& shape) {
  std::vector<std::string> parts;
  for (const Json& size : shape) parts.push_back(text_of(size));
  return "[" + join(parts, ", ") + "]";
}

void print_values(const char* title, const Json& values) {
  constexpr size_t kMost = 24;
  line("{}", title);
  for (size_t i = 0; i < values.size() && i < kMost; ++i) {
    const Json& value = values[i];
    std::string text = fmt::format("  {:<40}", value["name"].get<std::string>());
    if (value.contains("dtype"))
      text += fmt::format(" {:<9} {}", value["dtype"].get<std::string>(), shape_text(value["shape"]));
    if (value.contains("value")) text += " " + value["value"].get<std::string>();
    if (value.contains("writes"))
      text += fmt::format("  (writes an {})", text_of(value["writes"]) == "buffer" ? "own buffer" : "input");
    if (value.contains("read")) text += "  (nothing reads it)";
    line("{}", text);
  }
  if (values.size() > kMost) line("  and {} more (--json has all)", values.size() - kMost);
}

void print_program(const Json& facts) {
  print_values("inputs", facts["inputs"]);
  print_values("outputs", facts["outputs"]);
  if (!facts["symbols"].empty()) line("sizes that vary");
  for (const Json& symbol : facts["symbols"]) {
    std::string text = fmt::format("  {:<20} {} to {}", text_of(symbol["name"]), text_of(symbol["min"]),
                                   symbol["max"].is_null() ? "any" : text_of(symbol["max"]));
    if (symbol.contains("divisor")) text += fmt::format(", a multiple of {}", text_of(symbol["divisor"]));
    if (symbol.contains("from_data")) text += ", from data";
    line("{}", text);
  }
  std::vector<std::string> ops;
  for (const auto& [op, count] : facts["ops"].items())
    ops.push_back(fmt::format("{} {}", text_of(count), op.starts_with("aten::") ? op.substr(6) : op));
  line("{} nodes: {}", text_of(facts["nodes"]), join(ops, ", "));
  if (facts.contains("weights"))
    line("weights: {} tensors, {}", text_of(facts["weights"]["tensors"]), bytes_text(facts["weights"]["bytes"]));
}

void print_fixed(const Json& fixed) {
  if (!fixed.empty()) line("sizes that the model fixes");
  for (const Json& size : fixed) {
    line("  {} axis {} is {}: {}", text_of(size["input"]), text_of(size["axis"]), text_of(size["size"]),
         text_of(size["reason"]));
  }
}

void print_conditions(const Json& conditions) {
  if (!conditions.empty()) line("what the file checks in each run");
  for (const Json& condition : conditions) {
    const std::string what = condition.contains("condition")
                                 ? text_of(condition["condition"])
                                 : fmt::format("{} axis {} must be {}", text_of(condition["input"]),
                                               text_of(condition["axis"]), text_of(condition["allowed"]));
    line("  {}{}", what, condition.contains("reason") ? ": " + text_of(condition["reason"]) : "");
  }
}

void print_names(const char* title, const Json& names) {
  constexpr size_t kMost = 20;
  if (names.empty()) return;
  line("{}: {}", title, names.size());
  for (size_t i = 0; i < names.size() && i < kMost; ++i) line("  {}", text_of(names[i]));
  if (names.size() > kMost) line("  and {} more (--json has all)", names.size() - kMost);
}

void print_checkpoint(const Json& facts) {
  line("{} {} for {}, in {}", text_of(facts["model_type"]), text_of(facts["architecture"]), text_of(facts["task"]),
       text_of(facts["dtype"]));
  const Json& parameters = facts["parameters"];
  line("parameters: {} in {} tensors, {}", text_of(parameters["elements"]), text_of(parameters["tensors"]),
       bytes_text(parameters["bytes"]));
  const Json& weights = facts["weights"];
  std::vector<std::string> dtypes;
  for (const auto& [dtype, count] : weights["dtypes"].items())
    dtypes.push_back(fmt::format("{} {}", text_of(count), dtype));
  line("weight files: {}, {} tensors ({}), {}", text_of(weights["files"]), text_of(weights["tensors"]),
       join(dtypes, ", "), bytes_text(weights["bytes"]));
  print_names("parameters without a tensor", weights["missing"]);
  print_names("tensors of another shape", weights["of_another_shape"]);
  print_names("tensors that no parameter wants", weights["not_wanted"]);
  print_names("tensors that are left out, as transformers does", weights["ignored"]);
  const Json& unknown = facts["config"]["unknown_keys"];
  if (!unknown.empty()) line("config keys that nothing reads");
  for (const auto& [key, value] : unknown.items()) {
    const std::string text = dump_json(value);
    line("  {} = {}", key, text.size() > 80 ? text.substr(0, 77) + "..." : text);
  }
  const Json& exported = facts["export"];
  if (exported.contains("error")) {
    line("it cannot be exported as it is: {}", text_of(exported["error"]));
    return;
  }
  line("\nexport --dynamic, with inputs made from the task:");
  print_program(exported);
  print_fixed(exported["fixed"]);
}

void print_safetensors(const Json& facts) {
  line("safetensors file, {}", bytes_text(facts["file_bytes"]));
  for (const auto& [dtype, total] : facts["dtypes"].items()) {
    line("{}: {} tensors, {} elements, {}", dtype, text_of(total["tensors"]), text_of(total["elements"]),
         bytes_text(total["bytes"]));
  }
  for (const auto& [key, value] : facts["metadata"].items()) line("metadata {} = {}", key, text_of(value));
  for (const Json& tensor : facts["tensors"]) {
    line("  {:<60} {:<9} {}", text_of(tensor["name"]), text_of(tensor["dtype"]), shape_text(tensor["shape"]));
  }
}

void print_pte_values(const char* title, const Json& values) {
  constexpr size_t kMost = 12;
  line("{}", title);
  for (size_t i = 0; i < values.size() && i < kMost; ++i) {
    const Json& value = values[i];
    if (!value.contains("dtype")) {
      line("  {}", text_of(value["kind"]));
    } else if (value.contains("shape")) {
      line("  {:<9} {}", text_of(value["dtype"]), shape_text(value["shape"]));
    } else {
      line("  {:<9} up to {}", text_of(value["dtype"]), shape_text(value["largest_shape"]));
    }
  }
  if (values.size() > kMost) line("  and {} more (--json has all)", values.size() - kMost);
}

/// Methods and segments of an ExecuTorch program.
void print_pte(const Json& facts) {
  for (const Json& method : facts["methods"]) {
    line("method {}: {} instructions, arena {}", text_of(method["name"]), text_of(method["instructions"]),
         bytes_text(method["arena_bytes"]));
    print_pte_values("inputs", method["inputs"]);
    print_pte_values("outputs", method["outputs"]);
    for (const Json& delegate : method["delegates"]) {
      line("delegate {}: {} calls, {}", text_of(delegate["id"]), text_of(delegate["calls"]),
           bytes_text(delegate["payload_bytes"]));
      std::vector<std::string> nodes;
      const Json counts = delegate.value("nodes", Json::object());
      for (const auto& [kind, count] : counts.items()) nodes.push_back(fmt::format("{} {}", text_of(count), kind));
      if (!nodes.empty()) line("  nodes: {}", join(nodes, ", "));
    }
    std::vector<std::string> operators;
    for (const auto& [name, count] : method["operators"].items())
      operators.push_back(fmt::format("{} {}", text_of(count), name));
    line("operators: {}", join(operators, ", "));
  }
  const Json& segments = facts["segments"];
  line("tables {}; constants {} in {} tensors; named data {} in {} entries; delegate payloads {}",
       bytes_text(segments["tables"]), bytes_text(segments["constants"]), text_of(segments["constant_tensors"]),
       bytes_text(segments["named_data"]), text_of(segments["named_data_entries"]),
       bytes_text(segments["delegate_payloads"]));
}

void print_file(const Json& file) {
  line("{}: {}", text_of(file["file"]), file.contains("error") ? text_of(file["error"]) : bytes_text(file["bytes"]));
}

void print_export(const Json& facts) {
  line("export to {}, {} component{}", text_of(facts["format"]), facts["components"].size(),
       facts["components"].size() == 1 ? "" : "s");
  for (const Json& component : facts["components"]) {
    line("\ncomponent {}: {} in {}", text_of(component["name"]), text_of(component.value("architecture", Json("?"))),
         text_of(component.value("export_dtype", Json("?"))));
    print_file(component);
    for (const Json& sidecar : component.value("sidecars", Json::array())) print_file(sidecar);
    const Json packages = component.value("packages", Json::object()),
               config = component.value("export_config", Json::object());
    for (const auto& [name, version] : packages.items()) line("written by {} {}", name, text_of(version));
    for (const auto& [name, value] : config.items()) line("  {} = {}", name, text_of(value));
    if (component.contains("methods")) {
      print_pte(component);
    } else if (component.contains("inputs")) {
      print_program(component);
    } else if (component.contains("kwargs")) {
      line("sample inputs");
      for (const auto& [name, value] : component["kwargs"].items()) {
        const bool is_tensor = value.contains("dtype") && value.contains("shape");
        line("  {:<40} {}", name,
             is_tensor ? fmt::format("{:<9} {}", text_of(value["dtype"]), shape_text(value["shape"])) : text_of(value));
      }
    }
    print_fixed(component.value("specializations", Json::array()));
    print_conditions(component.value("conditions", Json::array()));
  }
}

void print_facts(const Json& facts) {
  const auto kind = facts["kind"].get<std::string>();
  line("{}", text_of(facts["path"]));
  if (kind == "checkpoint") print_checkpoint(facts);
  if (kind == "safetensors") print_safetensors(facts);
  if (kind == "export") print_export(facts);
  if (kind == "pt2") {
    line("torch program, {}", bytes_text(facts["file_bytes"]));
    print_program(facts);
  }
  if (kind == "pte") {
    line("ExecuTorch program, {}", bytes_text(facts["file_bytes"]));
    print_pte(facts);
  }
  if (kind == "onnx") {
    line("ONNX model, {}; {}", bytes_text(facts["file_bytes"]), text_of(facts["note"]));
    for (const Json& sidecar : facts["sidecars"]) print_file(sidecar);
  }
}

}  // namespace

Json run_inspect(const InspectOptions& options, const CommonOptions& common) {
  Inspection inspection = inspect(options.target.string());
  if (!options.graph.empty()) {
    if (!inspection.program) {
      const Json exported = inspection.facts.value("export", Json::object());
      if (exported.contains("error")) fail("there is no graph to draw: {}", text_of(exported["error"]));
      unsupported("--graph draws checkpoints, .pt2 and .pte programs, not kind '{}'",
                  text_of(inspection.facts["kind"]));
    }
    const std::string svg = draw_graph(*inspection.program, options.target.filename().string());
    StagedFile staged(options.graph);
    OutputFile file(staged.path());
    file.write(svg);
    file.close();
    staged.commit();
    inspection.facts["graph"] = options.graph.string();
  }
  if (!common.json && !common.quiet) print_facts(inspection.facts);
  return inspection.facts;
}

}  // namespace exformer::cli
