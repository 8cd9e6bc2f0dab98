#include "exformer/ir/graph.h"

#include <algorithm>

#include "exformer/base/error.h"

namespace exformer {
namespace {

template <class Visit>
void for_each_value(const Argument& argument, Visit&& visit) {
  if (const auto* value = argument.get_if<Value*>()) {
    if (*value) visit(*value);
  } else if (const auto* values = argument.get_if<std::vector<Value*>>()) {
    for (Value* value : *values) {
      if (value) visit(value);
    }
  }
}

Argument replaced(const Argument& argument, Value* from, Value* to) {
  return map_tensors<Value*>(argument, [&](Value* value) { return value == from ? to : value; });
}

}  // namespace

std::vector<SymInt> contiguous_strides(const std::vector<SymInt>& sizes) {
  std::vector<SymInt> strides(sizes.size());
  SymInt stride = 1;
  for (size_t i = sizes.size(); i-- > 0;) {
    strides[i] = stride;
    stride = stride * (sizes[i] == SymInt(0) ? SymInt(1) : sizes[i]);
  }
  return strides;
}

TensorMeta contiguous_meta(DType dtype, std::vector<SymInt> sizes) {
  auto strides = contiguous_strides(sizes);
  return {dtype, std::move(sizes), std::move(strides)};
}

SymInt element_count(const std::vector<SymInt>& sizes) {
  SymInt count = 1;
  for (const SymInt& size : sizes) count = count * size;
  return count;
}

void Node::set_argument(size_t position, Argument argument) {
  graph_->remove_uses(this, arguments_[position]);
  arguments_[position] = std::move(argument);
  graph_->add_uses(this, arguments_[position]);
}

std::vector<Value*> Node::inputs() const {
  std::vector<Value*> values;
  for (const Argument& argument : arguments_) {
    for_each_value(argument, [&](Value* value) { values.push_back(value); });
  }
  return values;
}

Graph::Graph() : symbols_(std::make_shared<SymContext>()) {}
Graph::~Graph() = default;

Value* Graph::make_value(std::string_view name, const OutputMeta& meta) {
  std::unique_ptr<Value> value(new Value());
  value->name = unique_name(name);
  value->kind = meta.kind;
  value->meta = meta.tensor;
  value->sym = meta.sym;
  value->graph_ = this;
  Value* result = value.get();
  values_.emplace(result->name, std::move(value));
  return result;
}

Value* Graph::add_input(std::string_view name, OutputMeta meta) {
  Value* value = make_value(name, meta);
  value->index_ = inputs_.size();
  inputs_.push_back(value);
  return value;
}

void Graph::reorder_inputs(std::vector<Value*> inputs) {
  EXFORMER_ASSERT(inputs.size() == inputs_.size());
  inputs_ = std::move(inputs);
  for (size_t i = 0; i < inputs_.size(); ++i) inputs_[i]->index_ = i;
}

void Graph::erase_input(Value* input) {
  EXFORMER_ASSERT(input->users_.empty() && !is_output(input));
  inputs_.erase(std::find(inputs_.begin(), inputs_.end(), input));
  for (size_t i = 0; i < inputs_.size(); ++i) inputs_[i]->index_ = i;
  values_.erase(input->name);
}

Node* Graph::create_node(const OpSchema& schema, std::vector<Argument> arguments, std::vector<OutputMeta> outputs,
                         Node* before, std::string_view name) {
  EXFORMER_ASSERT(arguments.size() == schema.arguments.size());
  std::unique_ptr<Node> owned(new Node());
  Node* node = owned.get();
  node->graph_ = this;
  node->schema_ = &schema;
  node->arguments_ = std::move(arguments);
  for (const Argument& argument : node->arguments_) add_uses(node, argument);
  const std::string base = name.empty() ? schema.base_name() : std::string(name);
  for (size_t i = 0; i < outputs.size(); ++i) {
    Value* value = make_value(i == 0 ? base : base + "_out" + std::to_string(i), outputs[i]);
    value->producer_ = node;
    value->index_ = i;
    node->outputs_.push_back(value);
  }
  node->position_ = nodes_.insert(before ? before->position_ : nodes_.end(), std::move(owned));
  return node;
}

void Graph::erase_node(Node* node) {
  for (Value* output : node->outputs_) EXFORMER_ASSERT(output->users_.empty() && !is_output(output));
  for (const Argument& argument : node->arguments_) remove_uses(node, argument);
  for (Value* output : node->outputs_) values_.erase(output->name);
  nodes_.erase(node->position_);
}

void Graph::move_before(Node* node, Node* before) {
  nodes_.splice(before ? before->position_ : nodes_.end(), nodes_, node->position_);
}

bool Graph::is_output(const Value* value) const {
  bool found = false;
  for (const Argument& output : outputs_) for_each_value(output, [&](const Value* v) { found = found || v == value; });
  return found;
}

void Graph::replace_all_uses(Value* from, Value* to) {
  if (from == to) return;
  const std::vector<Node*> users = from->users_;
  for (Node* user : users) {
    for (size_t i = 0; i < user->arguments_.size(); ++i) {
      bool reads = false;
      for_each_value(user->arguments_[i], [&](const Value* value) { reads = reads || value == from; });
      if (reads) user->set_argument(i, replaced(user->arguments_[i], from, to));
    }
  }
  for (Argument& output : outputs_) output = replaced(output, from, to);
}

void Graph::rename(Value* value, std::string_view name) {
  if (value->name == name) return;
  auto handle = values_.extract(value->name);
  value->name = unique_name(name);
  handle.key() = value->name;
  values_.insert(std::move(handle));
}

Value* Graph::find_value(std::string_view name) const {
  const auto found = values_.find(std::string(name));
  return found == values_.end() ? nullptr : found->second.get();
}

std::string Graph::unique_name(std::string_view base) {
  std::string name(base);
  int& count = name_counts_[name];
  if (count == 0 && !values_.contains(name)) {
    count = 1;
    return name;
  }
  std::string candidate;
  do {
    candidate = name + "_" + std::to_string(std::max(count, 1));
    count = std::max(count, 1) + 1;
  } while (values_.contains(candidate));
  return candidate;
}

void Graph::add_uses(Node* node, const Argument& argument) {
  for_each_value(argument, [&](Value* value) { value->users_.push_back(node); });
}

void Graph::remove_uses(Node* node, const Argument& argument) {
  for_each_value(argument, [&](Value* value) {
    const auto found = std::find(value->users_.begin(), value->users_.end(), node);
    EXFORMER_ASSERT(found != value->users_.end());
    value->users_.erase(found);
  });
}

}  // namespace exformer
