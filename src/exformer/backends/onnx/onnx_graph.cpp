#include "exformer/backends/onnx/onnx_graph.h"

#include <fmt/format.h>

#include "exformer/base/error.h"

namespace exformer::onnx {

const Attribute* OnnxNode::attribute(std::string_view name) const {
  for (const auto& [key, value] : attributes) {
    if (key == name) return &value;
  }
  return nullptr;
}

int64_t OnnxNode::integer(std::string_view name, int64_t otherwise) const {
  const Attribute* found = attribute(name);
  return found ? std::get<int64_t>(*found) : otherwise;
}

double OnnxNode::real(std::string_view name, double otherwise) const {
  const Attribute* found = attribute(name);
  return found ? std::get<double>(*found) : otherwise;
}

std::vector<int64_t> OnnxNode::integers(std::string_view name) const {
  const Attribute* found = attribute(name);
  return found ? std::get<std::vector<int64_t>>(*found) : std::vector<int64_t>();
}

std::string OnnxNode::text(std::string_view name, std::string_view otherwise) const {
  const Attribute* found = attribute(name);
  return found ? std::get<std::string>(*found) : std::string(otherwise);
}

void OnnxNode::set(std::string_view name, Attribute value) {
  for (auto& [key, held] : attributes) {
    if (key == name) {
      held = std::move(value);
      return;
    }
  }
  attributes.emplace_back(name, std::move(value));
}

std::string OnnxGraph::unique_name(std::string_view base) {
  std::string name(base);
  const auto [found, is_new] = names_.try_emplace(name, 0);
  if (is_new) return name;
  int& count = found->second;
  do name = fmt::format("{}_{}", base, ++count);
  while (names_.contains(name));
  names_.emplace(name, 0);
  return name;
}

ValueId OnnxGraph::add_value(std::string_view name, DType dtype, Sizes sizes) {
  values_.push_back({unique_name(name), dtype, std::move(sizes)});
  return static_cast<ValueId>(values_.size() - 1);
}

void OnnxGraph::rename(ValueId id, std::string_view name) {
  OnnxValue& value = values_[static_cast<size_t>(id)];
  if (value.name == name) return;
  EXFORMER_ASSERT(!names_.contains(std::string(name)));
  names_.erase(value.name);
  value.name = std::string(name);
  names_.emplace(value.name, 0);
}

void OnnxGraph::take_name(ValueId id, std::string_view name) {
  if (has_name(name)) {
    for (OnnxValue& other : values_) {
      if (other.name != name || &other == &value(id)) continue;
      other.name = unique_name(name);
      names_.erase(std::string(name));
    }
  }
  rename(id, name);
}

std::vector<ValueId> OnnxGraph::emit_many(std::string_view op, std::vector<ValueId> inputs_of_node,
                                          Attributes attributes, std::vector<std::pair<DType, Sizes>> results,
                                          std::string_view domain) {
  while (!inputs_of_node.empty() && inputs_of_node.back() == kAbsent) inputs_of_node.pop_back();
  OnnxNode node{std::string(op), std::string(domain), std::move(inputs_of_node), {}, std::move(attributes)};
  for (auto& [dtype, sizes] : results) node.outputs.push_back(add_value(op, dtype, std::move(sizes)));
  return nodes_.insert(cursor_, std::move(node))->outputs;
}

ValueId OnnxGraph::emit(std::string_view op, std::vector<ValueId> inputs_of_node, Attributes attributes, DType dtype,
                        Sizes sizes, std::string_view domain) {
  return emit_many(op, std::move(inputs_of_node), std::move(attributes), {{dtype, std::move(sizes)}}, domain).front();
}

ValueId OnnxGraph::pointwise(std::string_view op, std::vector<ValueId> inputs_of_node, Attributes attributes) {
  const DType type = dtype(inputs_of_node.front());
  return pointwise_as(type, op, std::move(inputs_of_node), std::move(attributes));
}

ValueId OnnxGraph::pointwise_as(DType result, std::string_view op, std::vector<ValueId> inputs_of_node,
                                Attributes attributes) {
  Sizes wide;
  for (const ValueId input : inputs_of_node) {
    if (input != kAbsent) wide = broadcast(wide, sizes(input));
  }
  return emit(op, std::move(inputs_of_node), std::move(attributes), result, std::move(wide));
}

ValueId OnnxGraph::cast(ValueId id, DType to) {
  if (dtype(id) == to) return id;
  return emit("Cast", {id}, {{"to", int64_t{element_type(to)}}}, to, sizes(id));
}

ValueId OnnxGraph::constant(const HostTensor& tensor) {
  const HostTensor flat = tensor.contiguous();
  std::string key = fmt::format("{}[{}]", static_cast<int>(flat.dtype()), fmt::join(flat.sizes(), ","));
  key.append(reinterpret_cast<const char*>(flat.raw()), flat.byte_size());
  const auto found = constants_.find(key);
  if (found != constants_.end() && initializers_.contains(found->second)) return found->second;
  const ValueId id = add_value("constant", flat.dtype(), Sizes(flat.sizes().begin(), flat.sizes().end()));
  initializers_.emplace(id, Initializer{{LazyTensor(flat)}});
  constants_[std::move(key)] = id;
  return id;
}

ValueId OnnxGraph::constant_ints(const std::vector<int64_t>& elements) {
  return constant(HostTensor::from(DType::Int64, {static_cast<int64_t>(elements.size())}, elements));
}

ValueId OnnxGraph::constant_int(int64_t element) { return constant(HostTensor::scalar_int(DType::Int64, element)); }

ValueId OnnxGraph::scalar(double element, DType type) {
  if (is_floating_point(type)) return constant(HostTensor::scalar(type, element));
  return constant(HostTensor::scalar_int(type, static_cast<int64_t>(element)));
}

ValueId OnnxGraph::add_weight(std::string_view name, const LazyTensor& tensor) {
  const std::string key = fmt::format("{} [{}]", tensor.storage_key(), fmt::join(tensor.sizes(), ","));
  if (const auto found = weights_.find(key); found != weights_.end()) return found->second;
  const ValueId id = add_value(name, tensor.dtype(), Sizes(tensor.sizes().begin(), tensor.sizes().end()));
  initializers_.emplace(id, Initializer{{tensor}, true});
  weights_.emplace(key, id);
  return id;
}

ValueId OnnxGraph::add_joined_weight(std::string_view name, const std::vector<ValueId>& weights) {
  Initializer joined{{}, true};
  Sizes joined_sizes = sizes(weights.front());
  joined_sizes[0] = SymInt(0);
  for (const ValueId weight : weights) {
    const Initializer& part = initializers_.at(weight);
    joined.parts.insert(joined.parts.end(), part.parts.begin(), part.parts.end());
    joined_sizes[0] = joined_sizes[0] + sizes(weight)[0];
  }
  const ValueId id = add_value(name, dtype(weights.front()), std::move(joined_sizes));
  initializers_.emplace(id, std::move(joined));
  return id;
}

bool OnnxGraph::is_weight(ValueId id) const {
  const auto found = initializers_.find(id);
  return found != initializers_.end() && found->second.is_weight;
}

const LazyTensor* OnnxGraph::initializer(ValueId id) const {
  const auto found = initializers_.find(id);
  return found == initializers_.end() || found->second.parts.size() != 1 ? nullptr : &found->second.parts.front();
}

std::optional<std::vector<int64_t>> OnnxGraph::constant_values(ValueId id) const {
  const LazyTensor* tensor = initializer(id);
  if (!tensor || is_floating_point(tensor->dtype()) || tensor->byte_size() > 4096) return std::nullopt;
  const HostTensor host = tensor->materialize();
  std::vector<int64_t> elements;
  for (int64_t i = 0; i < host.element_count(); ++i) elements.push_back(host.item_int(i));
  return elements;
}

std::optional<double> OnnxGraph::constant_scalar(ValueId id) const {
  const LazyTensor* tensor = initializer(id);
  if (!tensor || element_count(tensor->sizes()) != 1) return std::nullopt;
  return tensor->materialize().item_double();
}

Uses::Uses(OnnxGraph& graph)
    : producer_(graph.value_count()), readers_(graph.value_count()), is_output_(graph.value_count()) {
  for (auto at = graph.nodes().begin(); at != graph.nodes().end(); ++at) {
    positions_.emplace(&*at, at);
    for (const ValueId output : at->outputs) {
      if (output != kAbsent) producer_[static_cast<size_t>(output)] = &*at;
    }
    for (const ValueId input : at->inputs) {
      if (input != kAbsent) readers_[static_cast<size_t>(input)].push_back(&*at);
    }
  }
  for (const ValueId output : graph.outputs) is_output_[static_cast<size_t>(output)] = true;
}

OnnxNode* Uses::producer(ValueId id, std::string_view op, std::string_view domain) const {
  OnnxNode* node = producer(id);
  return node && node->is(op, domain) ? node : nullptr;
}

const std::vector<OnnxNode*>& Uses::readers(ValueId id) const {
  static const std::vector<OnnxNode*> kNone;
  return id < 0 || static_cast<size_t>(id) >= readers_.size() ? kNone : readers_[static_cast<size_t>(id)];
}

void replace_value(OnnxGraph& graph, const Uses& uses, ValueId from, ValueId to) {
  for (OnnxNode* reader : uses.readers(from)) {
    for (ValueId& input : reader->inputs) {
      if (input == from) input = to;
    }
  }
  for (ValueId& output : graph.outputs) {
    if (output == from) output = to;
  }
}

Sizes broadcast(const Sizes& a, const Sizes& b) {
  const Sizes& longer = a.size() >= b.size() ? a : b;
  const Sizes& shorter = a.size() >= b.size() ? b : a;
  Sizes result = longer;
  const size_t offset = longer.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i) {
    SymInt& size = result[offset + i];
    if (size == SymInt(1)) size = shorter[i];
  }
  return result;
}

int32_t element_type(DType dtype) {
  switch (dtype) {
    case DType::Float32: return 1;
    case DType::UInt8: return 2;
    case DType::Int8: return 3;
    case DType::UInt16: return 4;
    case DType::Int16: return 5;
    case DType::Int32: return 6;
    case DType::Int64: return 7;
    case DType::Bool: return 9;
    case DType::Float16: return 10;
    case DType::Float64: return 11;
    case DType::UInt32: return 12;
    case DType::UInt64: return 13;
    case DType::BFloat16: return 16;
    case DType::Float8E4M3FN: return 17;
    case DType::Float8E5M2: return 19;
    default: unsupported("ONNX graphs of dtype {} are not supported", dtype_name(dtype));
  }
}

}  // namespace exformer::onnx
