#include "row_graph.h"

#include <string>

#include "exformer/ops/builder.h"

namespace exformer {
namespace {

SymInt read_size(SymContext& symbols, const Json& text) {
  return text.is_string() ? symbols.parse(text.get<std::string>()) : SymInt(text.get<int64_t>());
}

MemoryFormat read_format(const std::string& name) {
  if (name == "contiguous_format") return MemoryFormat::Contiguous;
  if (name == "channels_last") return MemoryFormat::ChannelsLast;
  if (name == "channels_last_3d") return MemoryFormat::ChannelsLast3d;
  return MemoryFormat::Preserve;
}

}  // namespace

std::vector<SymInt> read_sizes(SymContext& symbols, const Json& list) {
  std::vector<SymInt> sizes;
  for (const Json& item : list) sizes.push_back(read_size(symbols, item));
  return sizes;
}

template <class T>
BasicArgument<T> read_argument(SymContext& symbols, const std::vector<T>& tensors, const Json& json) {
  // Not through items(): its proxy would not outlive this line.
  const std::string& kind = json.begin().key();
  const Json& value = json.begin().value();
  if (kind == "none") return None{};
  if (kind == "tensor") return tensors.at(value.get<size_t>());
  if (kind == "tensors") {
    std::vector<T> list;
    for (const Json& item : value) list.push_back(item.is_null() ? T{} : tensors.at(item.get<size_t>()));
    return list;
  }
  if (kind == "int") return read_size(symbols, value);
  if (kind == "ints") return read_sizes(symbols, value);
  if (kind == "float") return value.is_string() ? std::stod(value.get<std::string>()) : value.get<double>();
  if (kind == "floats") return value.get<std::vector<double>>();
  if (kind == "bool") return value.get<bool>();
  if (kind == "bools") return value.get<std::vector<bool>>();
  if (kind == "str") return value.get<std::string>();
  if (kind == "dtype") return *parse_dtype(value.get<std::string>());
  if (kind == "memory_format") return read_format(value.get<std::string>());
  if (kind == "device") return Device::Cpu;
  if (kind == "layout") return Layout::Strided;
  fail("unknown kind of argument '{}'", kind);
}
template BasicArgument<Value*> read_argument(SymContext&, const std::vector<Value*>&, const Json&);
template BasicArgument<Tensor> read_argument(SymContext&, const std::vector<Tensor>&, const Json&);

std::vector<Value*> add_inputs(Graph& graph, const Json& json) {
  for (const auto& [name, bounds] : json["symbols"].items()) {
    Symbol symbol{.name = name};
    if (bounds.contains("min")) symbol.min = bounds["min"].get<int64_t>();
    if (bounds.contains("max")) symbol.max = bounds["max"].get<int64_t>();
    if (bounds.contains("divisor")) symbol.divisor = bounds["divisor"].get<int64_t>();
    graph.symbols().symbol(symbol);
  }
  std::vector<Value*> inputs;
  for (const Json& input : json["inputs"]) {
    TensorMeta meta;
    meta.dtype = *parse_dtype(input["dtype"].get<std::string>());
    meta.sizes = read_sizes(graph.symbols(), input["sizes"]);
    meta.strides = read_sizes(graph.symbols(), input["strides"]);
    inputs.push_back(graph.add_input("x" + std::to_string(inputs.size()), std::move(meta)));
  }
  return inputs;
}

RowGraph build_row(const Json& json) {
  RowGraph row;
  SymContext& symbols = row.graph->symbols();
  row.inputs = add_inputs(*row.graph, json);
  std::vector<Argument> positional;
  for (const Json& argument : json["args"]) positional.push_back(read_argument(symbols, row.inputs, argument));
  std::vector<std::string> names;
  for (const auto& [name, value] : json["kwargs"].items()) names.push_back(name);
  std::vector<NamedArgument> named;
  for (const std::string& name : names)
    named.push_back({name, read_argument(symbols, row.inputs, json["kwargs"][name])});
  row.outputs =
      GraphBuilder(*row.graph).call_all(json["op"].get<std::string>(), std::move(positional), std::move(named));
  row.graph->set_outputs(std::vector<Argument>(row.outputs.begin(), row.outputs.end()));
  return row;
}

ExportedProgram make_program(RowGraph row) {
  ExportedProgram program;
  program.graph = std::move(row.graph);
  std::vector<std::string> names;
  std::vector<TreeSpec> leaves, results;
  for (Value* input : row.inputs) {
    program.inputs.push_back({.kind = InputSpec::Kind::UserInput, .value = input, .target = input->name});
    names.push_back(input->name);
    leaves.push_back(TreeSpec::leaf());
  }
  for (size_t i = 0; i < row.outputs.size(); ++i) {
    program.outputs.push_back({.kind = OutputSpec::Kind::UserOutput, .target = std::to_string(i)});
    results.push_back(TreeSpec::leaf());
  }
  program.in_spec = TreeSpec::tuple({TreeSpec::tuple({}), TreeSpec::dict(names, std::move(leaves))});
  program.out_spec = TreeSpec::tuple(std::move(results));
  return program;
}

}  // namespace exformer
