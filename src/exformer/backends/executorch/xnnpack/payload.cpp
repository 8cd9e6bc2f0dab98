#include "exformer/backends/executorch/xnnpack/payload.h"

#include <cstring>
#include <utility>

#include "exformer/base/error.h"

namespace exformer::executorch::xnnpack {
namespace {

constexpr size_t kHeaderSize = 30;  // zeros, magic, length, offset and size of the tables, offset and size of constants
constexpr size_t kAlignment = 16;
constexpr uint32_t kInputFlag = 1, kOutputFlag = 2;

fb::DataType data_type(DType dtype) {
  EXFORMER_ASSERT(dtype == DType::Float32 || dtype == DType::Float16);
  return dtype == DType::Float32 ? fb::DataType::Float32 : fb::DataType::Float16;
}

size_t aligned(size_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

template <class T>
void put(std::vector<std::byte>& bytes, size_t at, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) bytes[at + i] = static_cast<std::byte>(value >> (8 * i) & 0xFF);
}

}  // namespace

ValueId Payload::add(ValueRecord record) {
  values_.push_back(std::move(record));
  return static_cast<ValueId>(values_.size() - 1);
}

ValueId Payload::add_input(DType dtype, Dims dims) {
  const ValueId id = add({.dtype = dtype, .dims = std::move(dims), .role = Role::Input});
  inputs_.push_back(id);
  return id;
}

ValueId Payload::add_value(DType dtype, size_t rank) { return add({.dtype = dtype, .dims = Dims(rank, 1)}); }

ValueId Payload::add_constant(DType dtype, Dims dims, NamedData data) {
  const auto [found, is_new] = constants_by_key_.try_emplace(data.key, static_cast<uint32_t>(constants_.size()));
  if (is_new) {
    constants_.push_back({.key = data.key, .size = data.size});
    named_.push_back(std::move(data));
  }
  return add({.dtype = dtype, .dims = std::move(dims), .constant = found->second});
}

void Payload::mark_output(ValueId value) {
  EXFORMER_ASSERT(values_[value].role == Role::Internal && values_[value].constant == 0);
  values_[value].role = Role::Output;
  outputs_.push_back(value);
}

void Payload::unary(NodeKind kind, ValueId input, ValueId output) {
  add_node(kind, fb::CreateUnary(builder_, input, output));
}

void Payload::clamp(ValueId input, ValueId output, float minimum, float maximum) {
  const auto range = fb::CreateRange(builder_, minimum, maximum);
  add_node(NodeKind::Clamp, fb::CreateUnary(builder_, input, output), range);
}

void Payload::elu(ValueId input, ValueId output, float alpha) {
  add_node(NodeKind::Elu, fb::CreateElu(builder_, alpha, input, output));
}

void Payload::leaky_relu(ValueId input, ValueId output, float negative_slope) {
  add_node(NodeKind::LeakyRelu, fb::CreateLeakyRelu(builder_, negative_slope, input, output));
}

void Payload::binary(NodeKind kind, ValueId input1, ValueId input2, ValueId output, uint32_t flags) {
  add_node(kind, fb::CreateBinary(builder_, input1, input2, output, flags));
}

void Payload::fully_connected(ValueId input, ValueId filter, ValueId bias, ValueId output, FilterLayout layout) {
  add_node(NodeKind::FullyConnected,
           fb::CreateFullyConnected(builder_, input, filter, bias, output, static_cast<uint32_t>(layout)));
}

void Payload::convolution(ValueId input, ValueId filter, ValueId bias, ValueId output, const ConvolutionShape& shape) {
  const bool depthwise = shape.group_input_channels == 1 && shape.groups > 1;
  add_node(depthwise ? NodeKind::DepthwiseConv2d : NodeKind::Conv2d,
           fb::CreateConvolution(builder_, shape.padding[0], shape.padding[1], shape.padding[2], shape.padding[3],
                                 shape.kernel[0], shape.kernel[1], shape.stride[0], shape.stride[1], shape.dilation[0],
                                 shape.dilation[1], shape.group_input_channels, shape.group_output_channels,
                                 shape.groups, 0, 0, input, filter, bias, output));
}

void Payload::pooling(NodeKind kind, ValueId input, ValueId output, const ConvolutionShape& shape) {
  add_node(kind, fb::CreatePooling(builder_, shape.padding[0], shape.padding[1], shape.padding[2], shape.padding[3],
                                   shape.kernel[0], shape.kernel[1], shape.stride[0], shape.stride[1],
                                   shape.dilation[0], shape.dilation[1], input, output));
}

void Payload::concatenate(const std::vector<ValueId>& inputs, uint32_t axis, ValueId output) {
  EXFORMER_ASSERT(inputs.size() >= 2 && inputs.size() <= 5);
  constexpr std::array<NodeKind, 4> kKinds = {NodeKind::Concatenate2, NodeKind::Concatenate3, NodeKind::Concatenate4,
                                              NodeKind::Concatenate5};
  const auto input = [&](size_t i) { return i < inputs.size() ? inputs[i] : kAbsent; };
  add_node(kKinds[inputs.size() - 2],
           fb::CreateConcatenate(builder_, axis, input(0), input(1), input(2), input(3), output, 0, input(4)));
}

void Payload::transpose(ValueId input, const Dims& permutation, ValueId output) {
  const auto dims = builder_.CreateVector(permutation);
  add_node(NodeKind::Transpose,
           fb::CreateTranspose(builder_, static_cast<uint32_t>(permutation.size()), dims, input, output));
}

void Payload::reshape(ValueId input, const Dims& sizes, ValueId output) {
  const auto dims = builder_.CreateVector(sizes);
  add_node(NodeKind::Reshape, fb::CreateReshape(builder_, static_cast<uint32_t>(sizes.size()), dims, input, output));
}

void Payload::slice(ValueId input, const Dims& offsets, const Dims& sizes, ValueId output) {
  const auto from = builder_.CreateVector(offsets), count = builder_.CreateVector(sizes);
  add_node(NodeKind::Slice,
           fb::CreateSlice(builder_, static_cast<uint32_t>(offsets.size()), from, count, input, output));
}

void Payload::pad(ValueId input, const Dims& before, const Dims& after, float value, ValueId output) {
  const auto first = builder_.CreateVector(before), last = builder_.CreateVector(after);
  add_node(NodeKind::Pad, fb::CreatePad(builder_, first, last, value, input, output));
}

std::vector<std::byte> Payload::finish() {
  for (size_t i = 0; i < outputs_.size(); ++i) EXFORMER_ASSERT(values_[outputs_[i]].role == Role::Output);
  std::unordered_map<ValueId, uint32_t> external;
  for (const ValueId id : inputs_) external.emplace(id, external.size());
  for (const ValueId id : outputs_) external.emplace(id, external.size());

  std::vector<flatbuffers::Offset<fb::Value>> values;
  for (ValueId id = 0; id < values_.size(); ++id) {
    const ValueRecord& record = values_[id];
    const auto found = external.find(id);
    const uint32_t flags = record.role == Role::Input ? kInputFlag : (record.role == Role::Output ? kOutputFlag : 0);
    const auto dims = builder_.CreateVector(record.dims);
    const auto tensor =
        fb::CreateTensorValue(builder_, data_type(record.dtype), static_cast<uint32_t>(record.dims.size()), dims,
                              record.constant, found == external.end() ? kAbsent : found->second, flags, id);
    values.push_back(fb::CreateValue(builder_, fb::AnyValue::TensorValue, tensor.Union()));
  }
  std::vector<flatbuffers::Offset<fb::Constant>> constants;
  for (const ConstantRecord& record : constants_) {
    constants.push_back(fb::CreateConstant(builder_, UINT64_MAX, record.size, builder_.CreateString(record.key)));
  }
  const auto version = builder_.CreateString("0");
  const auto all_nodes = builder_.CreateVector(nodes_);
  const auto all_values = builder_.CreateVector(values);
  const auto inputs = builder_.CreateVector(inputs_), outputs = builder_.CreateVector(outputs_);
  const auto all_constants = builder_.CreateVector(constants);
  builder_.Finish(fb::CreateGraph(builder_, version, all_nodes, all_values, static_cast<uint32_t>(external.size()),
                                  inputs, outputs, all_constants),
                  fb::GraphIdentifier());

  const size_t tables_at = aligned(kHeaderSize), tables_size = builder_.GetSize();
  const size_t constants_at = tables_at + aligned(tables_size);
  std::vector<std::byte> bytes(constants_at);
  std::memcpy(bytes.data() + 4, "XH00", 4);
  put(bytes, 8, static_cast<uint16_t>(kHeaderSize));
  put(bytes, 10, static_cast<uint32_t>(tables_at));
  put(bytes, 14, static_cast<uint32_t>(tables_size));
  put(bytes, 18, static_cast<uint32_t>(constants_at));
  put(bytes, 22, uint64_t{0});
  std::memcpy(bytes.data() + tables_at, builder_.GetBufferPointer(), tables_size);
  return bytes;
}

}  // namespace exformer::executorch::xnnpack
