#include "row_graph.h"

#include <string>

#include "exformer/ops/builder.h"

namespace exformer {
namespace {

SymInt read_size(SymContext& symbols, const Json& text) {
  return text.is_string() ? symbols.parse(text.get<std::string>()) : SymInt(text.get<int64_t>());
}
std::vector<SymInt> read_sizes(SymContext& symbols, const Json& list) {
  std::vector<SymInt> sizes;
  for (const Json& item : list) sizes.push_back(read_size(symbols, item));
  return sizes;
}

MemoryFormat read_format(const std::string& name) {
  if (name == "contiguous_format") return MemoryFormat::Contiguous;
  if (name == "channels_last") return MemoryFormat::ChannelsLast;
  if (name == "channels_last_3d") return MemoryFormat::ChannelsLast3d;
  return MemoryFormat::Preserve;
}

/// Arguments are objects with one member that names the kind.
Argument read_argument(RowGraph& row, const Json& json) {
  // Not through items(): its proxy would not outlive this line.
  const std::string& kind = json.begin().key();
  const Json& value = json.begin().value();
  if (kind == "none") return None{};
  if (kind == "tensor") return row.inputs.at(value.get<size_t>());
  if (kind == "tensors") {
    std::vector<Value*> list;
    for (const Json& item : value) list.push_back(item.is_null() ? nullptr : row.inputs.at(item.get<size_t>()));
    return list;
  }
  if (kind == "int") return read_size(row.graph->symbols(), value);
  if (kind == "ints") return read_sizes(row.graph->symbols(), value);
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

void add_inputs(RowGraph& row, const Json& json) {
  for (const auto& [name, bounds] : json["symbols"].items()) {
    Symbol symbol{.name = name};
    if (bounds.contains("min")) symbol.min = bounds["min"].get<int64_t>();
    if (bounds.contains("max")) symbol.max = bounds["max"].get<int64_t>();
    if (bounds.contains("divisor")) symbol.divisor = bounds["divisor"].get<int64_t>();
    row.graph->symbols().symbol(symbol);
  }
  for (const Json& input : json["inputs"]) {
    TensorMeta meta;
    meta.dtype = *parse_dtype(input["dtype"].get<std::string>());
    meta.sizes = read_sizes(row.graph->symbols(), input["sizes"]);
    meta.strides = read_sizes(row.graph->symbols(), input["strides"]);
    row.inputs.push_back(row.graph->add_input("x" + std::to_string(row.inputs.size()), std::move(meta)));
  }
}

}  // namespace

RowGraph build_row(const Json& json) {
  RowGraph row;
  add_inputs(row, json);
  std::vector<Argument> positional;
  for (const Json& argument : json["args"]) positional.push_back(read_argument(row, argument));
  std::vector<std::string> names;
  for (const auto& [name, value] : json["kwargs"].items()) names.push_back(name);
  std::vector<NamedArgument> named;
  for (const std::string& name : names) named.push_back({name, read_argument(row, json["kwargs"][name])});
  row.outputs =
      GraphBuilder(*row.graph).call_all(json["op"].get<std::string>(), std::move(positional), std::move(named));
  row.graph->set_outputs(std::vector<Argument>(row.outputs.begin(), row.outputs.end()));
  return row;
}

}  // namespace exformer
