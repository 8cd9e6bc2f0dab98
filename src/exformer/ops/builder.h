// Appends ops to a graph by name: checks arguments against the schema, fills defaults, runs the shape rule.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "exformer/ir/graph.h"
#include "exformer/ops/bind_arguments.h"
#include "exformer/ops/registry.h"

namespace exformer {

/// An argument given by name (for keyword-only ones and to skip defaults).
struct NamedArgument {
  std::string_view name;
  Argument value;
};

class GraphBuilder {
 public:
  /// New nodes go before `before` (null: to the end).
  explicit GraphBuilder(Graph& graph, Node* before = nullptr, const OpRegistry& ops = OpRegistry::standard())
      : graph_(&graph), before_(before), ops_(&ops) {}

  /// One call with a single result. Throws ExportError naming op, argument and module path.
  Value* call(std::string_view op, std::vector<Argument> positional, std::vector<NamedArgument> named = {});
  /// One call with any number of results.
  std::vector<Value*> call_all(std::string_view op, std::vector<Argument> positional,
                               std::vector<NamedArgument> named = {});
  /// A call whose arguments are complete and of the schema's types already.
  Node* append(const Op& op, std::vector<Argument> arguments);

  Graph& graph() { return *graph_; }
  const OpRegistry& ops() const { return *ops_; }
  void set_module_path(std::string path) { module_path_ = std::move(path); }
  const std::string& module_path() const { return module_path_; }

 private:
  Graph* graph_;
  Node* before_;
  const OpRegistry* ops_;
  std::string module_path_;
};

/// Metas of what a call would return.
std::vector<OutputMeta> infer(const Op& op, const std::vector<Argument>& arguments);
/// Runs the reference kernel on concrete arguments.
std::vector<HostTensor> run_kernel(const Op& op, const std::vector<BasicArgument<HostTensor>>& arguments);
/// Replaces a node by its op's decomposition. False when it has none.
bool decompose_node(Node* node, const OpRegistry& ops);

}  // namespace exformer
