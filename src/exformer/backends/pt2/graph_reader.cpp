// Reads the signature and the pytrees around the nodes.
#include "exformer/backends/pt2/graph_reader.h"

#include <utility>

#include "exformer/backends/pt2/json_access.h"
#include "exformer/backends/pt2/node_reader.h"
#include "exformer/backends/pt2/symbol_reader.h"
#include "exformer/backends/pt2/torch_schema.h"

namespace exformer::pt2 {
namespace {

void check_version(const Json& model) {
  const Json& version = member(model, "schema_version");
  const int64_t major = integer_member(version, "major");
  if (major != kSchemaMajor) {
    unsupported(".pt2: schema version {}.{} cannot be read; {}.x can", major, integer_member(version, "minor"),
                kSchemaMajor);
  }
}

// Takes the marked leaves out of a pytree: inputs that were constants (None, a flag) when the graph was captured.
void drop_leaves(TreeSpec& spec, const std::vector<bool>& dropped, size_t& next) {
  std::vector<TreeSpec> children;
  Json keys = Json::array();
  const bool named = spec.context.is_array() && spec.context.size() == spec.children.size();
  for (size_t i = 0; i < spec.children.size(); ++i) {
    TreeSpec& child = spec.children[i];
    if (child.is_leaf()) {
      const bool drop = next < dropped.size() && dropped[next];
      ++next;
      if (drop && spec.context.is_object()) unsupported(".pt2: a constant inside an input of type '{}'", spec.type);
      if (drop) continue;
    } else {
      drop_leaves(child, dropped, next);
    }
    if (named) keys.push_back(spec.context[i]);
    children.push_back(std::move(child));
  }
  spec.children = std::move(children);
  if (named) spec.context = std::move(keys);
}

class ModelReader {
 public:
  ModelReader(const Json& model, const OpRegistry& ops)
      : module_(member(model, "graph_module")),
        graph_(member(module_, "graph")),
        signature_(member(module_, "signature")),
        symbols_(model, program_.graph->symbols()),
        nodes_(*program_.graph, symbols_, ops),
        scope_(graph_) {}

  ExportedProgram read() {
    nodes_.check_ops(graph_);
    read_pytrees();
    read_inputs();
    nodes_.read_nodes(graph_, scope_);
    read_outputs();
    return std::move(program_);
  }

 private:
  void read_pytrees() {
    const Json& calls = list_member(module_, "module_call_graph");
    for (const Json& entry : calls) {
      const Json* signature = optional_member(entry, "signature");
      if (!text_member(entry, "fqn").empty() || !signature) continue;
      program_.in_spec = treespec_loads(text_member(*signature, "in_spec"));
      program_.out_spec = treespec_loads(text_member(*signature, "out_spec"));
      return;
    }
    fail(".pt2: module_call_graph has no entry for the whole module");
  }

  void read_inputs() {
    const Json& specs = list_member(signature_, "input_specs");
    const Json& inputs = list_member(graph_, "inputs");
    if (specs.size() != inputs.size()) fail(".pt2: {} graph inputs, {} input specs", inputs.size(), specs.size());
    std::vector<bool> dropped;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const auto [kind, content] = union_of(specs[i], "input_specs");
      if (kind == "constant_input") {
        dropped.push_back(true);
        continue;
      }
      InputSpec spec;
      if (kind == "parameter") {
        spec.kind = InputSpec::Kind::Parameter;
        spec.target = text_member(content, "parameter_name");
      } else if (kind == "buffer") {
        spec.kind = InputSpec::Kind::Buffer;
        spec.target = text_member(content, "buffer_name");
        spec.persistent = bool_of(member(content, "persistent"), "persistent");
      } else if (kind == "tensor_constant") {
        spec.kind = InputSpec::Kind::ConstantTensor;
        spec.target = text_member(content, "tensor_constant_name");
      } else if (kind == "user_input") {
        dropped.push_back(false);
      } else {
        unsupported(".pt2: inputs of kind '{}' are not supported", kind);
      }
      spec.value = read_placeholder(inputs[i]);
      program_.inputs.push_back(std::move(spec));
    }
    if (dropped.size() != program_.in_spec.leaf_count()) {
      fail(".pt2: the input pytree has {} leaves, the signature {} inputs", program_.in_spec.leaf_count(),
           dropped.size());
    }
    size_t next = 0;
    drop_leaves(program_.in_spec, dropped, next);
    const std::vector<std::string> paths = input_paths(program_.in_spec);
    next = 0;
    for (InputSpec& spec : program_.inputs) {
      if (spec.kind == InputSpec::Kind::UserInput) spec.target = paths.at(next++);
    }
  }

  Value* read_placeholder(const Json& input) {
    const auto [kind, content] = union_of(input, "inputs");
    if (kind == "as_tensor") {
      const std::string& name = text_member(content, "name");
      return scope_.values[name] = program_.graph->add_input(name, nodes_.tensor_meta(name, scope_));
    }
    if (kind != "as_sym_int") unsupported(".pt2: graph inputs of kind '{}' are not supported", kind);
    const std::string& name = text_member(content, "as_name");
    return program_.graph->add_input(name, {ValueKind::SymInt, nodes_.integer(name, scope_)});
  }

  void read_outputs() {
    const Json& specs = list_member(signature_, "output_specs");
    const Json& outputs = list_member(graph_, "outputs");
    if (specs.size() != outputs.size()) fail(".pt2: {} graph outputs, {} output specs", outputs.size(), specs.size());
    const std::vector<std::string> paths = leaf_paths(program_.out_spec);
    std::vector<Argument> results;
    size_t next = 0;
    for (size_t i = 0; i < outputs.size(); ++i) {
      results.push_back(nodes_.read_argument(outputs[i], scope_));
      const auto [kind, content] = union_of(specs[i], "output_specs");
      OutputSpec spec;
      if (kind == "user_output") {
        if (next >= paths.size()) fail(".pt2: more outputs than the output pytree has leaves ({})", paths.size());
        spec.target = paths[next++];
      } else if (kind == "buffer_mutation") {
        spec.kind = OutputSpec::Kind::BufferMutation;
        spec.target = text_member(content, "buffer_name");
      } else if (kind == "user_input_mutation") {
        spec.kind = OutputSpec::Kind::UserInputMutation;
        spec.target = text_member(content, "user_input_name");
      } else {
        unsupported(".pt2: outputs of kind '{}' are not supported", kind);
      }
      program_.outputs.push_back(std::move(spec));
    }
    if (next != paths.size()) fail(".pt2: {} outputs for the {} leaves of the output pytree", next, paths.size());
    program_.graph->set_outputs(std::move(results));
  }

  const Json& module_;
  const Json& graph_;
  const Json& signature_;
  ExportedProgram program_;
  SymbolReader symbols_;
  NodeReader nodes_;
  NameScope scope_;
};

}  // namespace

ExportedProgram read_model(const Json& model, const OpRegistry& ops) {
  check_version(model);
  return ModelReader(model, ops).read();
}

}  // namespace exformer::pt2
