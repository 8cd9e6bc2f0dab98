// Traces programs of several calls (rows.json beside tensors.safetensors) on tensors that may share memory, runs the
// graphs, and writes what every tensor of the program is at its end: metas and values at every set of sizes.
// test_traced_programs.py compares them with torch.
//
//   trace_runner FOLDER   reads FOLDER/rows.json, writes FOLDER/results.json, FOLDER/results.safetensors and, for rows
//                         that ask for it ("files": true), FOLDER/<number>.pt2 and FOLDER/<number>.onnx
#include <cstdio>

#include "exformer/backends/onnx/onnx.h"
#include "exformer/backends/pt2/writer.h"
#include "exformer/interpreter/interpreter.h"
#include "exformer/ir/text.h"
#include "exformer/ir/verifier.h"
#include "exformer/trace/tracer.h"
#include "row_graph.h"
#include "tensor_files.h"

namespace exformer {
namespace {

/// The graph whose outputs are all tensors that the program ever named.
RowGraph trace(const Json& json) {
  RowGraph row;
  row.inputs = add_inputs(*row.graph, json);
  Tracer tracer(*row.graph);
  std::vector<Tensor> tensors;
  for (Value* input : row.inputs) tensors.push_back(tracer.wrap(input));
  for (const Json& step : json["steps"]) {
    const auto argument = [&](const Json& item) { return read_argument(row.graph->symbols(), tensors, item); };
    std::vector<TensorArgument> positional;
    for (const Json& item : step["args"]) positional.push_back(argument(item));
    std::vector<std::string> names;
    for (const auto& [name, value] : step["kwargs"].items()) names.push_back(name);
    std::vector<std::pair<std::string_view, TensorArgument>> named;
    for (const std::string& name : names) named.emplace_back(name, argument(step["kwargs"][name]));
    const std::vector<Tensor> results =
        tracer.call_all(step["op"].get<std::string>(), std::move(positional), std::move(named));
    if (!step.value("in_place", false)) tensors.insert(tensors.end(), results.begin(), results.end());
  }
  for (const Tensor& tensor : tensors) row.outputs.push_back(tensor.value());
  row.graph->set_outputs(std::vector<Argument>(row.outputs.begin(), row.outputs.end()));
  for (const std::string& fault : verify(*row.graph)) fail("verifier: {}", fault);
  return row;
}

class Runner {
 public:
  explicit Runner(const std::filesystem::path& folder) : folder_(folder), tensors_(folder / "tensors.safetensors") {}

  void run() {
    const Json rows = parse_json(read_text_file(folder_ / "rows.json"), "rows.json");
    Json results = Json::object();
    for (size_t i = 0; i < rows.size(); ++i) {
      Json& result = results[rows[i]["id"].get<std::string>()] = Json::object();
      try {
        run_row(rows[i], i, result);
      } catch (const ExportError& error) {
        result["error"] = {{"kind", static_cast<int>(error.kind())}, {"message", error.what()}};
      }
    }
    OutputFile file(folder_ / "results.json");
    file.write(results.dump());
    file.close();
    writer_.write(folder_ / "results.safetensors");
  }

 private:
  void run_row(const Json& json, size_t number, Json& result) {
    RowGraph row = trace(json);
    result["text"] = to_text(*row.graph);
    const std::vector<Value*> outputs = row.outputs;
    ExportedProgram program = make_program(std::move(row));
    const Interpreter interpreter(program);
    for (size_t set = 0; set < json["sets"].size(); ++set)
      result["sets"].push_back(run_set(json, set, program, interpreter, outputs));
    if (!json.value("files", false)) return;
    const std::filesystem::path stem = folder_ / std::to_string(number);
    write_pt2(program, stem.string() + ".pt2", {.pytree = Pt2Pytree::Plain});
    result["pt2"] = stem.string() + ".pt2";
    const std::string sidecar = std::to_string(number) + ".onnx.data";
    try {
      write_onnx(lower_to_onnx(program, {.external_data = false}),
                 {.model = stem.string() + ".onnx", .sidecar = folder_ / sidecar, .sidecar_name = sidecar});
      result["onnx"] = stem.string() + ".onnx";
    } catch (const ExportError& error) {
      result["onnx_error"] = error.what();
    }
  }

  Json run_set(const Json& json, size_t set, const ExportedProgram& program, const Interpreter& interpreter,
               const std::vector<Value*>& outputs) {
    const Json& sizes = json["sets"][set];
    const Lookup lookup = [&](std::string_view name) { return sizes.at(std::string(name)).get<int64_t>(); };
    Json entry = Json::object();
    std::vector<HostTensor> inputs;
    for (const InputSpec* input : program.user_inputs()) {
      const TensorMeta& meta = input->value->meta;
      const HostTensor storage =
          tensors_.get(json["inputs"][inputs.size()]["data"][set].get<std::string>(), meta.dtype);
      inputs.push_back(storage.as_strided(evaluate_all(meta.sizes, lookup), evaluate_all(meta.strides, lookup), 0));
    }
    const std::vector<HostTensor> values = interpreter.run(inputs);
    for (size_t i = 0; i < outputs.size(); ++i) {
      const TensorMeta& meta = outputs[i]->meta;
      Json described = {{"dtype", dtype_name(meta.dtype)}, {"data_dependent", depends_on_data(*outputs[i])}};
      if (!described["data_dependent"].get<bool>()) {
        described["sizes"] = evaluate_all(meta.sizes, lookup);
        described["strides"] = evaluate_all(meta.strides, lookup);
      }
      const std::string name = json["id"].get<std::string>() + "/" + std::to_string(set) + "/" + std::to_string(i);
      writer_.add(name, values[i]);
      described["values"] = name;
      entry["outputs"].push_back(std::move(described));
    }
    return entry;
  }

  static bool depends_on_data(const Value& value) {
    for (const SymInt& size : value.meta.sizes) {
      for (const std::string& name : free_symbols(size)) {
        for (const Symbol& symbol : value.graph().symbols().symbols()) {
          if (symbol.name == name && symbol.unbacked) return true;
        }
      }
    }
    return false;
  }

  std::filesystem::path folder_;
  TensorFile tensors_;
  TensorWriter writer_;
};

}  // namespace
}  // namespace exformer

int main(int count, char** arguments) {
  if (count != 2) {
    std::fputs("usage: trace_runner FOLDER\n", stderr);
    return 2;
  }
  try {
    exformer::Runner(arguments[1]).run();
  } catch (const exformer::ExportError& error) {
    std::fprintf(stderr, "trace_runner: %s\n", error.what());
    return 1;
  }
  return 0;
}
