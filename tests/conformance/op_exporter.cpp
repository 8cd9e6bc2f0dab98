// Writes every row of FOLDER/rows.json as a file of one call: FOLDER/<number>.pt2, .onnx or .pte, and
// FOLDER/exported.json, which says of each row whether it was written, or why not.
//
//   op_exporter pt2|onnx|pte|xnnpack FOLDER      xnnpack: a .pte in which a delegate runs whatever it can
#include <algorithm>
#include <cstdio>
#include <map>
#include <string_view>

#include "exformer/backends/executorch/executorch.h"
#include "exformer/backends/onnx/onnx.h"
#include "exformer/backends/pt2/writer.h"
#include "exformer/base/file.h"
#include "row_graph.h"

namespace exformer {
namespace {

void write(const Json& json, std::string_view format, const std::filesystem::path& stem) {
  ExportedProgram program = make_program(build_row(json));
  if (format == "pt2") return write_pt2(program, stem.string() + ".pt2", {.pytree = Pt2Pytree::Plain});
  if (format == "pte" || format == "xnnpack") {
    std::map<std::string, int64_t> bounds;
    for (const Json& sizes : json["sets"]) {
      for (const auto& [symbol, size] : sizes.items()) bounds[symbol] = std::max(bounds[symbol], size.get<int64_t>());
    }
    ExecutorchOptions options{.upper_bounds = {bounds}};
    if (format == "xnnpack") {
      options.backend = ExecutorchOptions::Backend::Xnnpack;
      options.xnnpack.smallest_part = 0;
    }
    return write_executorch(lower_to_executorch(program, options), stem.string() + ".pte");
  }
  const OnnxModel model = lower_to_onnx(program, {.external_data = false});
  write_onnx(model, {.model = stem.string() + ".onnx",
                     .sidecar = stem.string() + ".onnx.data",
                     .sidecar_name = stem.filename().string() + ".onnx.data"});
}

void run(std::string_view format, const std::filesystem::path& folder) {
  const Json rows = parse_json(read_text_file(folder / "rows.json"), "rows.json");
  Json written = Json::object();
  for (size_t i = 0; i < rows.size(); ++i) {
    Json& entry = written[rows[i]["id"].get<std::string>()] = Json::object();
    try {
      write(rows[i], format, folder / std::to_string(i));
      entry["file"] = std::to_string(i) + "." + std::string(format == "xnnpack" ? "pte" : format);
    } catch (const ExportError& error) {
      entry["error"] = {{"kind", static_cast<int>(error.kind())}, {"message", error.what()}};
    }
  }
  OutputFile file(folder / "exported.json");
  file.write(written.dump());
  file.close();
}

}  // namespace
}  // namespace exformer

int main(int count, char** arguments) {
  const std::string_view format = count == 3 ? arguments[1] : "";
  if (format != "pt2" && format != "onnx" && format != "pte" && format != "xnnpack") {
    std::fputs("usage: op_exporter pt2|onnx|pte|xnnpack FOLDER\n", stderr);
    return 2;
  }
  try {
    exformer::run(format, arguments[2]);
  } catch (const exformer::ExportError& error) {
    std::fprintf(stderr, "op_exporter: %s\n", error.what());
    return 1;
  }
  return 0;
}
