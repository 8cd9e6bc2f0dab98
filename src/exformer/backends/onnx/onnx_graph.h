// An ONNX graph in memory, light enough for passes: typed values by index, nodes in order, initializers that stay on
// disk.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "exformer/symbolic/sym_int.h"
#include "exformer/tensor/lazy_tensor.h"

namespace exformer::onnx {

/// Index of a value in its graph; kAbsent stands for an optional input that is left out.
using ValueId = int32_t;
inline constexpr ValueId kAbsent = -1;

using Sizes = std::vector<SymInt>;
using Attribute = std::variant<int64_t, double, std::string, std::vector<int64_t>, std::vector<double>, HostTensor>;
using Attributes = std::vector<std::pair<std::string, Attribute>>;

struct OnnxValue {
  std::string name;  // unique in the graph
  DType dtype = DType::Float32;
  Sizes sizes;
};

/// One call of an operator. The empty domain is ai.onnx.
struct OnnxNode {
  std::string op_type;
  std::string domain;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  Attributes attributes;
  std::string name;  // what a failing run shows; empty: its first result's

  bool is(std::string_view op, std::string_view in_domain = "") const { return op_type == op && domain == in_domain; }
  const Attribute* attribute(std::string_view name) const;
  int64_t integer(std::string_view name, int64_t otherwise) const;
  double real(std::string_view name, double otherwise) const;
  std::vector<int64_t> integers(std::string_view name) const;
  std::string text(std::string_view name, std::string_view otherwise = "") const;
  void set(std::string_view name, Attribute value);
};

using NodeList = std::list<OnnxNode>;

/// The contents of an initializer: parts one after the other along dim 0.
struct Initializer {
  std::vector<LazyTensor> parts;
  bool is_weight = false;  // a parameter or buffer of the model, not a constant of the lowering
};

inline constexpr std::string_view kMicrosoft = "com.microsoft";

/// Owns its values, nodes and initializers. Sizes are expressions of the exported program's SymContext, which must
/// outlive it.
class OnnxGraph {
 public:
  explicit OnnxGraph(int opset) : opset_(opset) { cursor_ = nodes_.end(); }
  OnnxGraph(const OnnxGraph&) = delete;
  OnnxGraph& operator=(const OnnxGraph&) = delete;

  int opset() const { return opset_; }

  ValueId add_value(std::string_view name, DType dtype, Sizes sizes);
  const OnnxValue& value(ValueId id) const { return values_[static_cast<size_t>(id)]; }
  size_t value_count() const { return values_.size(); }
  DType dtype(ValueId id) const { return value(id).dtype; }
  const Sizes& sizes(ValueId id) const { return value(id).sizes; }
  int64_t rank(ValueId id) const { return static_cast<int64_t>(value(id).sizes.size()); }
  void set_sizes(ValueId id, Sizes sizes) { values_[static_cast<size_t>(id)].sizes = std::move(sizes); }
  void set_dtype(ValueId id, DType dtype) { values_[static_cast<size_t>(id)].dtype = dtype; }
  /// Gives a value another name; the name must be free.
  void rename(ValueId id, std::string_view name);
  /// The same; a value that has the name already gives it up.
  void take_name(ValueId id, std::string_view name);
  bool has_name(std::string_view name) const { return names_.contains(std::string(name)); }

  /// Appends a node with one result before the cursor.
  ValueId emit(std::string_view op, std::vector<ValueId> inputs, Attributes attributes, DType dtype, Sizes sizes,
               std::string_view domain = "");
  /// The same with results of the given types.
  std::vector<ValueId> emit_many(std::string_view op, std::vector<ValueId> inputs, Attributes attributes,
                                 std::vector<std::pair<DType, Sizes>> results, std::string_view domain = "");
  /// Pointwise: the first input's dtype, the inputs' broadcast sizes.
  ValueId pointwise(std::string_view op, std::vector<ValueId> inputs, Attributes attributes = {});
  /// The same with another dtype (comparisons).
  ValueId pointwise_as(DType dtype, std::string_view op, std::vector<ValueId> inputs, Attributes attributes = {});
  /// This value, or a Cast of it.
  ValueId cast(ValueId value, DType dtype);

  /// Small constants, each content once.
  ValueId constant(const HostTensor& tensor);
  ValueId constant_ints(const std::vector<int64_t>& values);
  ValueId constant_int(int64_t value);
  /// A 0-d constant of any dtype.
  ValueId scalar(double value, DType dtype);
  /// A named weight; equal contents (storage, dtype, sizes) share one initializer.
  ValueId add_weight(std::string_view name, const LazyTensor& tensor);
  /// Weights joined along dim 0, without a copy.
  ValueId add_joined_weight(std::string_view name, const std::vector<ValueId>& weights);
  bool is_initializer(ValueId id) const { return initializers_.contains(id); }
  bool is_weight(ValueId id) const;
  /// The contents of an initializer of one part; null for other values.
  const LazyTensor* initializer(ValueId id) const;
  /// Initializers by value, in order of creation.
  const std::map<ValueId, Initializer>& initializers() const { return initializers_; }
  /// The int64 elements of a small constant.
  std::optional<std::vector<int64_t>> constant_values(ValueId id) const;
  /// The one element of a floating or integer constant.
  std::optional<double> constant_scalar(ValueId id) const;
  void remove_initializer(ValueId id) { initializers_.erase(id); }

  NodeList& nodes() { return nodes_; }
  const NodeList& nodes() const { return nodes_; }
  /// Where emit() inserts; the end by default.
  void set_cursor(NodeList::iterator before) { cursor_ = before; }
  NodeList::iterator cursor() const { return cursor_; }
  void reset_cursor() { cursor_ = nodes_.end(); }

  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;

 private:
  std::string unique_name(std::string_view base);
  int opset_;
  std::deque<OnnxValue> values_;                // references to what it holds stay valid while values are added
  std::unordered_map<std::string, int> names_;  // and how often each was asked for
  NodeList nodes_;
  NodeList::iterator cursor_;
  std::map<ValueId, Initializer> initializers_;
  std::unordered_map<std::string, ValueId> constants_;  // by dtype, sizes and bytes
  std::unordered_map<std::string, ValueId> weights_;    // by storage key and sizes
};

/// Who makes and who reads each value, at the moment it is built.
class Uses {
 public:
  explicit Uses(OnnxGraph& graph);
  /// Null for inputs and initializers.
  OnnxNode* producer(ValueId id) const {
    return id < 0 || static_cast<size_t>(id) >= producer_.size() ? nullptr : producer_[static_cast<size_t>(id)];
  }
  /// The node that makes `id`, if it is this operator.
  OnnxNode* producer(ValueId id, std::string_view op, std::string_view domain = "") const;
  const std::vector<OnnxNode*>& readers(ValueId id) const;
  bool is_output(ValueId id) const {
    return static_cast<size_t>(id) < is_output_.size() && is_output_[static_cast<size_t>(id)];
  }
  /// Read exactly once and not a graph output.
  bool single_use(ValueId id) const { return readers(id).size() == 1 && !is_output(id); }
  NodeList::iterator position(const OnnxNode* node) const { return positions_.at(node); }

 private:
  std::vector<OnnxNode*> producer_;
  std::vector<std::vector<OnnxNode*>> readers_;
  std::vector<bool> is_output_;
  std::unordered_map<const OnnxNode*, NodeList::iterator> positions_;
};

/// Every reader of `from`, graph outputs included, reads `to` instead.
void replace_value(OnnxGraph& graph, const Uses& uses, ValueId from, ValueId to);
/// Sizes that numpy-style broadcasting gives; dims that cannot be compared take the longer operand's.
Sizes broadcast(const Sizes& a, const Sizes& b);
/// The code of TensorProto.DataType. Throws ExportError (Unsupported) for dtypes that ONNX lacks.
int32_t element_type(DType dtype);

}  // namespace exformer::onnx
