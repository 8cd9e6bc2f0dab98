// The subgraph of one delegate under construction, and its bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "exformer/backends/executorch/delegate.h"
#include "exformer/base/dtype.h"
#include "payload_generated.h"

namespace exformer::executorch::xnnpack {

using ValueId = uint32_t;
inline constexpr ValueId kAbsent = 0xFFFFFFFF;
using Dims = std::vector<uint32_t>;
using NodeKind = fb::AnyNode;

/// Geometry of a convolution over [batch, height, width, channels]; pairs are height, width.
struct ConvolutionShape {
  std::array<uint32_t, 2> kernel = {1, 1}, stride = {1, 1}, dilation = {1, 1};
  std::array<uint32_t, 4> padding = {0, 0, 0, 0};  // top, right, bottom, left
  uint32_t groups = 1, group_input_channels = 1, group_output_channels = 1;
};

/// Nodes are in the order of their creation, which must be topological. Output shapes are the runtime's business.
class Payload {
 public:
  ValueId add_input(DType dtype, Dims dims);
  ValueId add_value(DType dtype, size_t rank);
  /// A constant of the program, by key; the same key again must be the same bytes. Small ones too: the runtime gives
  /// the payload's own memory back once the delegate is made, while most nodes keep pointers to their constants.
  ValueId add_constant(DType dtype, Dims dims, NamedData data);
  void mark_output(ValueId value);
  bool is_input(ValueId value) const { return values_[value].role == Role::Input; }
  bool is_output(ValueId value) const { return values_[value].role == Role::Output; }
  bool is_constant(ValueId value) const { return values_[value].constant != 0; }

  void unary(NodeKind kind, ValueId input, ValueId output);
  void clamp(ValueId input, ValueId output, float minimum, float maximum);
  void elu(ValueId input, ValueId output, float alpha);
  void leaky_relu(ValueId input, ValueId output, float negative_slope);
  /// For BatchMatMul `flags` 1 means that the second operand is [..., n, k].
  void binary(NodeKind kind, ValueId input1, ValueId input2, ValueId output, uint32_t flags = 0);
  /// filter [out, in]; with `transposed` [in, out]
  enum class FilterLayout : uint32_t { OutIn = 0, InOut = 1 };
  void fully_connected(ValueId input, ValueId filter, ValueId bias, ValueId output, FilterLayout layout);
  void convolution(ValueId input, ValueId filter, ValueId bias, ValueId output, const ConvolutionShape& shape);
  void pooling(NodeKind kind, ValueId input, ValueId output, const ConvolutionShape& shape);
  /// Two to five inputs.
  void concatenate(const std::vector<ValueId>& inputs, uint32_t axis, ValueId output);
  /// output dim i is input dim permutation[i]
  void transpose(ValueId input, const Dims& permutation, ValueId output);
  /// At most one size may be 0: it is inferred.
  void reshape(ValueId input, const Dims& sizes, ValueId output);
  /// A size of kRest goes to the end of the dim.
  void slice(ValueId input, const Dims& offsets, const Dims& sizes, ValueId output);
  static constexpr uint32_t kRest = 0x7FFFFFFF;
  void pad(ValueId input, const Dims& before, const Dims& after, float value, ValueId output);

  size_t node_count() const { return nodes_.size(); }
  /// Inputs, then outputs, in the order in which they were added: the arguments of the call.
  std::vector<std::byte> finish();
  std::vector<NamedData> take_named_data() { return std::move(named_); }

 private:
  enum class Role { Internal, Input, Output };
  struct ValueRecord {
    DType dtype;
    Dims dims;
    uint32_t constant = 0;
    Role role = Role::Internal;
  };
  struct ConstantRecord {
    std::string key;
    uint64_t size = 0;
  };
  template <class T>
  void add_node(NodeKind kind, flatbuffers::Offset<T> node, flatbuffers::Offset<fb::Range> range = 0) {
    nodes_.push_back(fb::CreateNode(builder_, kind, node.Union(), static_cast<uint32_t>(nodes_.size()), range));
  }
  ValueId add(ValueRecord record);

  flatbuffers::FlatBufferBuilder builder_;
  std::vector<flatbuffers::Offset<fb::Node>> nodes_;
  std::vector<ValueRecord> values_;
  std::vector<ConstantRecord> constants_ = {{}};  // number 0 stands for none
  std::unordered_map<std::string, uint32_t> constants_by_key_;
  std::vector<NamedData> named_;
  std::vector<ValueId> inputs_, outputs_;
};

}  // namespace exformer::executorch::xnnpack
