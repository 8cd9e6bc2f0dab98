// Runs a table of op calls (rows.json beside tensors.safetensors) and writes what this library makes of each: metas and
// values at every set of sizes, from the op itself and from its decomposition. test_ops.py compares them with torch.
//
//   op_runner --list            the declared ops as JSON
//   op_runner FOLDER            reads FOLDER/rows.json, writes FOLDER/results.json and FOLDER/results.safetensors
#include <cstdio>
#include <map>

#include "exformer/base/file.h"
#include "exformer/base/json.h"
#include "exformer/ops/builder.h"
#include "exformer/symbolic/printers.h"
#include "row_graph.h"
#include "tensor_files.h"

namespace exformer {
namespace {

BasicArgument<HostTensor> concrete(const Argument& argument, const std::map<const Value*, HostTensor>& values,
                                   const Lookup& lookup) {
  if (const auto* number = argument.get_if<SymInt>()) return SymInt(evaluate(*number, lookup));
  if (const auto* numbers = argument.get_if<std::vector<SymInt>>()) return evaluate_all(*numbers, lookup);
  return map_tensors<HostTensor>(argument, [&](const Value* value) { return value ? values.at(value) : HostTensor(); });
}

/// Values of the symbols: those of the set, and what data has defined so far.
struct Sizes {
  const Json& given;
  std::map<std::string, int64_t> from_data = {};
  Lookup lookup() const {
    return [this](std::string_view name) {
      const auto found = from_data.find(std::string(name));
      return found != from_data.end() ? found->second : given.at(std::string(name)).get<int64_t>();
    };
  }
  /// Takes the symbols that a result defines.
  void define(const Value& value, const HostTensor& result) {
    const auto set = [&](const SymInt& symbol, int64_t number) {
      if (const auto name = symbol.symbol_name(); name && !given.contains(std::string(*name)))
        from_data.emplace(std::string(*name), number);
    };
    if (value.kind == ValueKind::SymInt) set(value.sym, result.item_int());
    for (size_t i = 0; i < value.meta.sizes.size(); ++i) set(value.meta.sizes[i], result.sizes()[i]);
  }
};

/// Runs every node by its reference kernel.
std::map<const Value*, HostTensor> interpret(const Graph& graph, std::map<const Value*, HostTensor> values,
                                             Sizes& sizes) {
  for (const auto& node : graph.nodes()) {
    std::vector<BasicArgument<HostTensor>> arguments;
    for (const Argument& argument : node->arguments()) arguments.push_back(concrete(argument, values, sizes.lookup()));
    const std::vector<HostTensor> results = run_kernel(OpRegistry::standard().get(*node), arguments);
    if (results.size() != node->outputs().size())
      fail("{} gave {} results for {}", node->op(), results.size(), node->outputs().size());
    for (size_t i = 0; i < results.size(); ++i) {
      values[node->output(i)] = results[i];
      sizes.define(*node->output(i), results[i]);
    }
  }
  return values;
}

Json meta_json(const Value& value) {
  if (value.kind != ValueKind::Tensor) return {{"kind", static_cast<int>(value.kind)}, {"sym", to_string(value.sym)}};
  return {{"dtype", dtype_name(value.meta.dtype)},
          {"sizes", to_string(value.meta.sizes)},
          {"strides", to_string(value.meta.strides)}};
}

Json evaluated_json(const Value& value, const Lookup& lookup) {
  if (value.kind != ValueKind::Tensor) return {{"sym", evaluate(value.sym, lookup)}};
  return {{"sizes", evaluate_all(value.meta.sizes, lookup)}, {"strides", evaluate_all(value.meta.strides, lookup)}};
}

Json error_json(const ExportError& error) {
  return {{"kind", static_cast<int>(error.kind())}, {"message", error.what()}};
}

/// Applies decompositions until none is left. False when the first op has none.
bool decompose_all(Graph& graph) {
  const OpRegistry& ops = OpRegistry::standard();
  bool changed = false;
  for (bool again = true; again;) {
    again = false;
    for (auto it = graph.nodes().begin(); it != graph.nodes().end();) {
      Node* node = (it++)->get();
      again = decompose_node(node, ops) || again;
    }
    changed = changed || again;
  }
  return changed;
}

class Runner {
 public:
  explicit Runner(const std::filesystem::path& folder) : folder_(folder), tensors_(folder / "tensors.safetensors") {}

  void run() {
    const Json rows = parse_json(read_text_file(folder_ / "rows.json"), "rows.json");
    Json results = Json::object();
    for (const Json& row : rows) {
      const auto id = row["id"].get<std::string>();
      results[id] = run_row(id, row);
    }
    OutputFile file(folder_ / "results.json");
    file.write(results.dump());
    file.close();
    writer_.write(folder_ / "results.safetensors");
  }

 private:
  Json run_row(const std::string& id, const Json& json) {
    Json result = Json::object();
    try {
      RowGraph row = build_row(json);
      for (const Value* value : row.outputs) result["outputs"].push_back(meta_json(*value));
      run_sets(id, json, row, result, "direct");
      try {
        if (decompose_all(*row.graph)) run_sets(id, json, row, result, "decomposed");
      } catch (const ExportError& error) {
        result["decomposed"] = {{"error", error_json(error)}};
      }
    } catch (const ExportError& error) {
      return {{"error", error_json(error)}};
    }
    return result;
  }

  void run_sets(const std::string& id, const Json& json, RowGraph& row, Json& result, const std::string& mode) {
    std::vector<Value*> outputs;
    for (const Argument& output : row.graph->outputs()) outputs.push_back(output.as<Value*>());
    Json& sets = result[mode] = Json::array();
    for (size_t set = 0; set < json["sets"].size(); ++set) {
      Sizes sizes{json["sets"][set]};
      const Lookup given = sizes.lookup();
      Json entry = Json::object();
      try {
        std::map<const Value*, HostTensor> values;
        for (size_t i = 0; i < row.inputs.size(); ++i) {
          const TensorMeta& meta = row.inputs[i]->meta;
          const HostTensor storage = tensors_.get(json["inputs"][i]["data"][set].get<std::string>(), meta.dtype);
          values[row.inputs[i]] =
              storage.as_strided(evaluate_all(meta.sizes, given), evaluate_all(meta.strides, given), 0);
        }
        const auto results = interpret(*row.graph, std::move(values), sizes);
        for (size_t i = 0; i < outputs.size(); ++i) {
          const std::string name = id + "/" + mode + "/" + std::to_string(set) + "/" + std::to_string(i);
          writer_.add(name, results.at(outputs[i]));
          entry["values"].push_back(name);
        }
      } catch (const ExportError& error) {
        entry["error"] = error_json(error);
      }
      if (!depend_on_missing_data(outputs, sizes)) {
        for (const Value* value : outputs) entry["metas"].push_back(evaluated_json(*value, sizes.lookup()));
      }
      sets.push_back(std::move(entry));
    }
  }

  /// Whether a kernel failed before it could say how large its result is.
  static bool depend_on_missing_data(const std::vector<Value*>& outputs, const Sizes& sizes) {
    for (const Value* value : outputs) {
      std::vector<SymInt> all = value->meta.sizes;
      all.push_back(value->sym);
      for (const SymInt& size : all) {
        for (const std::string& name : free_symbols(size)) {
          if (!sizes.from_data.contains(name) && !sizes.given.contains(name)) return true;
        }
      }
    }
    return false;
  }

  std::filesystem::path folder_;
  TensorFile tensors_;
  TensorWriter writer_;
};

void list_ops() {
  Json ops = Json::array();
  for (const auto& op : OpRegistry::standard().ops()) {
    Json arguments = Json::array();
    for (const SchemaArgument& argument : op->schema.arguments) {
      arguments.push_back({{"name", argument.name},
                           {"keyword_only", argument.keyword_only},
                           {"mutated", argument.mutated},
                           {"has_default", argument.has_default}});
    }
    ops.push_back({{"name", op->schema.name},
                   {"arguments", arguments},
                   {"returns", op->schema.returns.size()},
                   {"out_variant", op->out_variant},
                   {"core", has_tag(op->tags, Tag::Core)},
                   {"view", has_tag(op->tags, Tag::View)},
                   {"inplace", has_tag(op->tags, Tag::Inplace)},
                   {"random", has_tag(op->tags, Tag::Random)},
                   {"data_dependent", has_tag(op->tags, Tag::DataDependent)},
                   {"kernel", op->kernel != nullptr},
                   {"decompose", op->decompose != nullptr}});
  }
  std::puts(ops.dump().c_str());
}

}  // namespace
}  // namespace exformer

int main(int count, char** arguments) {
  if (count != 2) {
    std::fputs("usage: op_runner --list | op_runner FOLDER\n", stderr);
    return 2;
  }
  try {
    if (std::string_view(arguments[1]) == "--list") {
      exformer::list_ops();
    } else {
      exformer::Runner(arguments[1]).run();
    }
  } catch (const exformer::ExportError& error) {
    std::fprintf(stderr, "op_runner: %s\n", error.what());
    return 1;
  }
  return 0;
}
