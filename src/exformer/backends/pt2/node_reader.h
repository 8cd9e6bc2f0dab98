// Nodes of a `.pt2` graph, appended to ours.
#pragma once

#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "exformer/backends/pt2/symbol_reader.h"
#include "exformer/base/json.h"
#include "exformer/ir/graph.h"
#include "exformer/ops/registry.h"

namespace exformer::pt2 {

/// What the names of one graph (the main one, or one nested in a higher-order op) stand for.
struct NameScope {
  explicit NameScope(const Json& graph);
  std::unordered_map<std::string, const Json*> tensor_metas;
  std::unordered_map<std::string, const Json*> sym_ints;
  std::unordered_map<std::string, const Json*> sym_bools;
  std::unordered_map<std::string, Value*> values;
  std::unordered_map<std::string, SymInt> integers;
};

class NodeReader {
 public:
  NodeReader(Graph& graph, SymbolReader& symbols, const OpRegistry& ops)
      : graph_(&graph), symbols_(&symbols), ops_(&ops) {}

  /// Throws ExportError (Unsupported) naming every op of the graph that is not known.
  void check_ops(const Json& graph) const;
  void read_nodes(const Json& graph, NameScope& scope);
  /// A schema.Argument as ours.
  Argument read_argument(const Json& argument, NameScope& scope);
  OutputMeta tensor_meta(const std::string& name, const NameScope& scope);
  SymInt integer(const std::string& name, NameScope& scope);

 private:
  void collect_unknown(const Json& graph, std::set<std::string>& unknown) const;
  void read_node(const Json& node, NameScope& scope);
  void read_condition(const Json& node, NameScope& scope);
  void read_call(const Json& node, const Op& op, NameScope& scope);
  void read_nested(const Json& node, NameScope& scope);
  void overwrite(const Json& node, const Op& in_place, NameScope& scope);
  std::vector<std::pair<std::string, Argument>> read_inputs(const Json& node, NameScope& scope);
  std::vector<Argument> bind(const Op*& op, std::vector<std::pair<std::string, Argument>> inputs,
                             const std::string& module_path);
  void note_alias(const Node& node);

  Graph* graph_;
  SymbolReader* symbols_;
  const OpRegistry* ops_;
  std::unordered_map<const Value*, const Value*>
      alias_root_;  // views and what they may alias with, by the value first made
  std::unordered_map<const Value*, int> alias_count_;
};

}  // namespace exformer::pt2
