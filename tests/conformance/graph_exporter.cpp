// Writes graphs given as text as `.pte` files in which XNNPACK runs whatever it can.
//
//   graph_exporter FOLDER
//
// FOLDER/graphs.json is a list of {"text": ..., "weights": {name: {"sizes": [...], "values": [...]}}}; FOLDER/<n>.pte
// is written for each, and FOLDER/exported.json says how many calls it makes, or the error.
#include <cstdio>
#include <map>

#include "exformer/backends/executorch/executorch.h"
#include "exformer/base/file.h"
#include "exformer/base/json.h"
#include "exformer/ops/text_parser.h"

namespace exformer {
namespace {

constexpr int64_t kLargestSize = 9;

ExportedProgram program_of(const Json& json) {
  ExportedProgram program;
  program.graph = parse_graph(json["text"].get<std::string>());
  for (Value* input : program.graph->inputs()) {
    const auto weight = json["weights"].find(input->name);
    const bool is_weight = weight != json["weights"].end();
    program.inputs.push_back({.kind = is_weight ? InputSpec::Kind::Parameter : InputSpec::Kind::UserInput,
                              .value = input,
                              .target = input->name});
    if (!is_weight) continue;
    const auto sizes = (*weight)["sizes"].get<std::vector<int64_t>>();
    const auto values = (*weight)["values"].get<std::vector<float>>();
    program.state_dict.emplace(input->name, LazyTensor(HostTensor::from(DType::Float32, sizes, values)));
  }
  for (size_t i = 0; i < program.graph->outputs().size(); ++i)
    program.outputs.push_back({.kind = OutputSpec::Kind::UserOutput, .target = std::to_string(i)});
  return program;
}

Json write(const Json& json, const std::filesystem::path& path) {
  ExportedProgram program = program_of(json);
  ExecutorchOptions options{.backend = ExecutorchOptions::Backend::Xnnpack, .xnnpack = {.smallest_part = 0}};
  std::map<std::string, int64_t> bounds;
  for (const Symbol& symbol : program.graph->symbols().symbols()) bounds[symbol.name] = kLargestSize;
  options.upper_bounds = {bounds};
  const ExecutorchModel model = lower_to_executorch(program, options);
  write_executorch(model, path);
  return {{"calls", model.partition->delegate_calls}, {"nodes", model.partition->delegated_nodes}};
}

void run(const std::filesystem::path& folder) {
  const Json graphs = parse_json(read_text_file(folder / "graphs.json"), "graphs.json");
  Json written = Json::array();
  for (size_t i = 0; i < graphs.size(); ++i) {
    try {
      written.push_back(write(graphs[i], folder / (std::to_string(i) + ".pte")));
    } catch (const ExportError& error) {
      written.push_back({{"error", error.what()}});
    }
  }
  OutputFile file(folder / "exported.json");
  file.write(written.dump());
  file.close();
}

}  // namespace
}  // namespace exformer

int main(int count, char** arguments) {
  if (count != 2) {
    std::fputs("usage: graph_exporter FOLDER\n", stderr);
    return 2;
  }
  try {
    exformer::run(arguments[1]);
  } catch (const exformer::ExportError& error) {
    std::fprintf(stderr, "graph_exporter: %s\n", error.what());
    return 1;
  }
  return 0;
}
