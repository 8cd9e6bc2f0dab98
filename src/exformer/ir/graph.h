// The graph of an exported program: values with metas, nodes that call ATen ops, in topological order.
// Ownership: the Graph owns nodes and values; everything else holds plain pointers into it.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "exformer/ir/argument.h"
#include "exformer/ir/schema.h"
#include "exformer/symbolic/sym_int.h"

namespace exformer {

class Graph;
class Node;

/// What a tensor value is known to be: dtype, sizes and strides (in elements), possibly symbolic.
struct TensorMeta {
  DType dtype = DType::Float32;
  std::vector<SymInt> sizes;
  std::vector<SymInt> strides;

  int64_t rank() const { return static_cast<int64_t>(sizes.size()); }
  friend bool operator==(const TensorMeta&, const TensorMeta&) = default;
};
/// Row-major strides over symbolic sizes, as torch computes them (max(size, 1) per dim; symbols count as >= 1).
std::vector<SymInt> contiguous_strides(const std::vector<SymInt>& sizes);
/// A contiguous meta.
TensorMeta contiguous_meta(DType dtype, std::vector<SymInt> sizes);
SymInt element_count(const std::vector<SymInt>& sizes);

/// A tensor, or a scalar that data defines (`aten::item`, `aten::sym_size` as a value).
enum class ValueKind { Tensor, SymInt, SymFloat, SymBool };

class Value {
 public:
  Value(const Value&) = delete;
  Value& operator=(const Value&) = delete;

  std::string name;  // unique in the graph
  ValueKind kind = ValueKind::Tensor;
  TensorMeta meta;  // kind Tensor
  SymInt sym;       // kind SymInt: the expression it equals

  /// The node that makes it; null for a graph input.
  Node* producer() const { return producer_; }
  /// Which of the producer's outputs (or of the graph's inputs) it is.
  size_t index() const { return index_; }
  /// One entry for each place that reads it; a node that reads it twice is listed twice. Graph outputs are not counted.
  const std::vector<Node*>& users() const { return users_; }
  Graph& graph() const { return *graph_; }

 private:
  friend class Graph;
  friend class Node;
  Value() = default;
  Graph* graph_ = nullptr;
  Node* producer_ = nullptr;
  size_t index_ = 0;
  std::vector<Node*> users_;
};

using Argument = BasicArgument<Value*>;

class Node {
 public:
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  const OpSchema& schema() const { return *schema_; }
  /// "aten::add.Tensor"
  const std::string& op() const { return schema_->name; }
  bool is(std::string_view op) const { return schema_->name == op; }
  /// One per schema argument, defaults filled in.
  const std::vector<Argument>& arguments() const { return arguments_; }
  const Argument& argument(std::string_view name) const { return arguments_[schema_->position(name)]; }
  void set_argument(size_t position, Argument argument);
  /// Tensor results in order; for an op that returns Tensor[] its elements.
  const std::vector<Value*>& outputs() const { return outputs_; }
  Value* output(size_t index = 0) const { return outputs_[index]; }
  /// All values read, in argument order, lists flattened, absent ones left out.
  std::vector<Value*> inputs() const;
  Graph& graph() const { return *graph_; }

  /// Where in the model it comes from: "model.layers.0.self_attn".
  std::string module_path;

 private:
  friend class Graph;
  Node() = default;
  Graph* graph_ = nullptr;
  const OpSchema* schema_ = nullptr;
  std::vector<Argument> arguments_;
  std::vector<Value*> outputs_;
  std::list<std::unique_ptr<Node>>::iterator position_;
};

/// The meta of one result of a node about to be made.
struct OutputMeta {
  ValueKind kind = ValueKind::Tensor;
  TensorMeta tensor;
  SymInt sym;
  OutputMeta(TensorMeta meta) : tensor(std::move(meta)) {}  // NOLINT
  OutputMeta(ValueKind scalar_kind, SymInt value) : kind(scalar_kind), sym(value) {}
};

class Graph {
 public:
  Graph();
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  /// The symbols that the metas speak of.
  SymContext& symbols() { return *symbols_; }
  const SymContext& symbols() const { return *symbols_; }
  const std::shared_ptr<SymContext>& shared_symbols() const { return symbols_; }

  const std::vector<Value*>& inputs() const { return inputs_; }
  Value* add_input(std::string_view name, OutputMeta meta);
  /// Puts the inputs into another order; the same values, each once.
  void reorder_inputs(std::vector<Value*> inputs);
  /// Removes an input that nothing reads.
  void erase_input(Value* input);

  /// In topological order. Erasing the node in hand invalidates only its own iterator.
  const std::list<std::unique_ptr<Node>>& nodes() const { return nodes_; }
  /// Makes a node before `before` (null: at the end). Arguments must match the schema one to one.
  Node* create_node(const OpSchema& schema, std::vector<Argument> arguments, std::vector<OutputMeta> outputs,
                    Node* before = nullptr, std::string_view name = {});
  /// Removes a node whose outputs nothing reads.
  void erase_node(Node* node);
  /// Moves a node before another one (null: to the end).
  void move_before(Node* node, Node* before);

  /// What the graph returns: values, or constants (None, numbers) that the output pytree holds.
  const std::vector<Argument>& outputs() const { return outputs_; }
  void set_outputs(std::vector<Argument> outputs) { outputs_ = std::move(outputs); }
  bool is_output(const Value* value) const;

  /// Every reader of `from`, graph outputs included, reads `to` instead.
  void replace_all_uses(Value* from, Value* to);
  /// Changes a value's name; the nearest free name is taken when it is in use.
  void rename(Value* value, std::string_view name);
  Value* find_value(std::string_view name) const;
  size_t node_count() const { return nodes_.size(); }

 private:
  std::string unique_name(std::string_view base);
  Value* make_value(std::string_view name, const OutputMeta& meta);
  void add_uses(Node* node, const Argument& argument);
  void remove_uses(Node* node, const Argument& argument);
  friend class Node;

  std::shared_ptr<SymContext> symbols_;
  std::vector<Value*> inputs_;
  std::list<std::unique_ptr<Node>> nodes_;
  std::vector<Argument> outputs_;
  std::unordered_map<std::string, std::unique_ptr<Value>> values_;
  std::unordered_map<std::string, int> name_counts_;
};

}  // namespace exformer
