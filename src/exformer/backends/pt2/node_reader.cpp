// Calls become nodes; arithmetic on sizes is folded into expressions; nested graphs without a meaning of their own are
// inlined.
#include "exformer/backends/pt2/node_reader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "exformer/backends/pt2/json_access.h"
#include "exformer/backends/pt2/torch_schema.h"
#include "exformer/ops/builder.h"
#include "exformer/ops/functional_form.h"
#include "exformer/symbolic/conditions.h"

namespace exformer::pt2 {
namespace {

// Results are integers that sym_int_values describes; the node itself is not needed.
bool is_size_arithmetic(std::string_view target) {
  return target.starts_with("_operator.") || target.starts_with("torch.sym_") || target.starts_with("math.") ||
         target.starts_with("torch.ops.aten.sym_size.") || target.starts_with("torch.ops.aten.sym_stride.") ||
         target.starts_with("torch.ops.aten.sym_numel.") || target.starts_with("torch.ops.aten.sym_storage_offset.");
}

constexpr std::string_view kAssertScalar = "torch.ops.aten._assert_scalar.default";

// Facts about sizes that range_constraints state too.
bool is_range_fact(std::string_view target) {
  return target == "torch.ops.aten.sym_constrain_range.default" ||
         target == "torch.ops.aten.sym_constrain_range_for_size.default";
}

// Higher-order ops that only set a mode for their graph, and how many arguments stand before it.
std::optional<size_t> mode_arguments(std::string_view target) {
  if (target == "torch.ops.higher_order.wrap_with_set_grad_enabled") return 1;
  if (target == "torch.ops.higher_order.wrap_with_autocast") return 4;
  return std::nullopt;
}

// The same tensor under another name, whatever the op's aliasing means for autograd.
bool is_identity(std::string_view target) { return target == "torch.ops.aten.detach_.default"; }

// torch's stack entries are "key,path,type", outermost first, separated by ";".
std::string module_path_of(const Json& node) {
  const Json* metadata = optional_member(node, "metadata");
  const Json* stack = metadata ? optional_member(*metadata, "nn_module_stack") : nullptr;
  if (!stack || !stack->is_string()) return "";
  std::string text = stack->get<std::string>();
  if (const size_t last = text.rfind(';'); last != std::string::npos) text.erase(0, last + 1);
  const size_t first = text.find(',');
  const size_t second = first == std::string::npos ? first : text.find(',', first + 1);
  if (second == std::string::npos) return "";
  std::string path = text.substr(first + 1, second - first - 1);
  if (path.find("_empty_nn_module_stack") != std::string::npos) return "";
  constexpr std::string_view kSelf = "L['self'].";
  return path.starts_with(kSelf) ? path.substr(kSelf.size()) : path;
}

}  // namespace

NameScope::NameScope(const Json& graph) {
  for (const auto& [name, meta] : object_member(graph, "tensor_values").items()) tensor_metas.emplace(name, &meta);
  for (const auto& [name, value] : object_member(graph, "sym_int_values").items()) sym_ints.emplace(name, &value);
  const Json* conditions = optional_member(graph, "sym_bool_values");
  if (!conditions) return;
  for (const auto& [name, value] : conditions->items()) sym_bools.emplace(name, &value);
}

void NodeReader::collect_unknown(const Json& graph, std::set<std::string>& unknown) const {
  for (const Json& node : list_member(graph, "nodes")) {
    const std::string& target = text_member(node, "target");
    if (mode_arguments(target)) {
      for (const Json& input : list_member(node, "inputs")) {
        if (const Json* inner = optional_member(member(input, "arg"), "as_graph"))
          collect_unknown(member(*inner, "graph"), unknown);
      }
      continue;
    }
    if (is_size_arithmetic(target) || is_range_fact(target) || is_identity(target) || target == kAssertScalar) continue;
    const Op* op = ops_->find(target);
    if (!op || (has_tag(op->tags, Tag::Inplace) && !functional_form(*ops_, *op))) unknown.insert(target);
  }
}

void NodeReader::check_ops(const Json& graph) const {
  std::set<std::string> unknown;
  collect_unknown(graph, unknown);
  if (unknown.empty()) return;
  unsupported(".pt2: {} ops are not known: {}", unknown.size(), fmt::join(unknown, ", "));
}

OutputMeta NodeReader::tensor_meta(const std::string& name, const NameScope& scope) {
  const auto found = scope.tensor_metas.find(name);
  if (found == scope.tensor_metas.end()) fail(".pt2: tensor '{}' has no entry in tensor_values", name);
  return symbols_->read_meta(*found->second);
}

SymInt NodeReader::integer(const std::string& name, NameScope& scope) {
  const auto known = scope.integers.find(name);
  if (known != scope.integers.end()) return known->second;
  const auto found = scope.sym_ints.find(name);
  if (found == scope.sym_ints.end())
    unsupported(".pt2: '{}' is a number that is no integer expression over sizes", name);
  return scope.integers.emplace(name, symbols_->read(*found->second)).first->second;
}

Argument NodeReader::read_argument(const Json& argument, NameScope& scope) {
  const auto entry = union_of(argument, "arg");
  const std::string& kind = entry.first;
  const Json& value = entry.second;
  const auto tensor = [&](const Json& reference) {
    const std::string& name = text_member(reference, "name");
    const auto found = scope.values.find(name);
    if (found == scope.values.end()) fail(".pt2: tensor '{}' is read before it is made", name);
    return found->second;
  };
  const auto symbolic = [&](const Json& reference) {
    const auto [form, content] = union_of(reference, "SymIntArgument");
    return form == "as_int" ? SymInt(integer_of(content, form)) : integer(text_of(content, form), scope);
  };
  const auto items = [&]() -> const Json& {
    if (!value.is_array()) fail(".pt2: argument '{}' must be a list", kind);
    return value;
  };
  if (kind == "as_none") return None{};
  if (kind == "as_tensor") return tensor(value);
  if (kind == "as_int") return SymInt(integer_of(value, kind));
  if (kind == "as_float") return float_of(value, kind);
  if (kind == "as_bool") return bool_of(value, kind);
  if (kind == "as_string") return text_of(value, kind);
  if (kind == "as_sym_int") return symbolic(value);
  if (kind == "as_device") return Device::Cpu;
  if (kind == "as_tensors" || kind == "as_optional_tensors") {
    std::vector<Value*> tensors;
    for (const Json& item : items()) {
      if (kind == "as_tensors") {
        tensors.push_back(tensor(item));
      } else {
        const auto [form, content] = union_of(item, kind);
        tensors.push_back(form == "as_tensor" ? tensor(content) : nullptr);
      }
    }
    return tensors;
  }
  if (kind == "as_ints" || kind == "as_sym_ints") {
    std::vector<SymInt> integers;
    for (const Json& item : items())
      integers.push_back(kind == "as_ints" ? SymInt(integer_of(item, kind)) : symbolic(item));
    return integers;
  }
  if (kind == "as_floats") {
    std::vector<double> floats;
    for (const Json& item : items()) floats.push_back(float_of(item, kind));
    return floats;
  }
  if (kind == "as_bools") {
    std::vector<bool> flags;
    for (const Json& item : items()) flags.push_back(bool_of(item, kind));
    return flags;
  }
  if (kind == "as_scalar_type") {
    const auto dtype = dtype_of_scalar_type(integer_of(value, kind));
    if (!dtype) unsupported(".pt2: scalar type {} of torch is not supported", value.dump());
    return *dtype;
  }
  if (kind == "as_layout") {
    if (integer_of(value, kind) != kStridedLayout) unsupported(".pt2: only strided tensors are supported");
    return Layout::Strided;
  }
  if (kind == "as_memory_format") {
    for (const auto& [format, number] : kMemoryFormats) {
      if (number == integer_of(value, kind)) return format;
    }
    fail(".pt2: memory format {} is not known", value.dump());
  }
  if (kind == "as_optional_tensor") {
    const auto [form, content] = union_of(value, kind);
    return form == "as_tensor" ? Argument(tensor(content)) : Argument();
  }
  if (kind == "as_sym_bool") {
    const auto [form, content] = union_of(value, kind);
    if (form == "as_bool") return bool_of(content, form);
  }
  unsupported(".pt2: arguments of kind '{}' are not supported", kind);
}

std::vector<std::pair<std::string, Argument>> NodeReader::read_inputs(const Json& node, NameScope& scope) {
  std::vector<std::pair<std::string, Argument>> inputs;
  for (const Json& input : list_member(node, "inputs")) {
    inputs.emplace_back(text_member(input, "name"), read_argument(member(input, "arg"), scope));
  }
  return inputs;
}

// torch writes `x * 2.5` as mul.Tensor with a number: the Scalar overload is meant, or a 0-d tensor where there is
// none.
std::vector<Argument> NodeReader::bind(const Op*& op, std::vector<std::pair<std::string, Argument>> inputs,
                                       const std::string& module_path) {
  for (auto& [name, value] : inputs) {
    const SchemaArgument& formal = op->schema.arguments[op->schema.position(name)];
    const bool number = value.is<double>() || value.is<bool>() || value.is<SymInt>();
    if (formal.type != ArgType::Tensor || !number) continue;
    const std::string base = op->schema.name.substr(0, op->schema.name.find('.'));
    const Op* scalar = op->schema.name.ends_with(".Tensor") ? ops_->find(base + ".Scalar") : nullptr;
    if (scalar && scalar->schema.arguments.size() <= op->schema.arguments.size()) {
      const auto& formals = scalar->schema.arguments;
      const bool same_names = std::all_of(inputs.begin(), inputs.end(), [&](const auto& input) {
        return std::any_of(formals.begin(), formals.end(),
                           [&](const SchemaArgument& other) { return other.name == input.first; });
      });
      if (same_names) {
        op = scalar;
        break;
      }
    }
    const DType dtype = value.is<double>() ? DType::Float32 : value.is<bool>() ? DType::Bool : DType::Int64;
    GraphBuilder builder(*graph_, nullptr, *ops_);
    builder.set_module_path(module_path);
    value = builder.call("aten::full", {std::vector<SymInt>{}, value}, {{"dtype", dtype}});
  }
  std::vector<std::pair<std::string_view, Argument>> named;
  named.reserve(inputs.size());
  for (auto& [name, value] : inputs) named.emplace_back(name, std::move(value));
  return bind_arguments<Value*>(op->schema, {}, std::move(named));
}

void NodeReader::note_alias(const Node& node) {
  const auto& returns = node.schema().returns;
  const bool aliased =
      has_tag(ops_->get(node).tags, Tag::View) ||
      std::any_of(returns.begin(), returns.end(), [](const SchemaReturn& result) { return result.aliased; });
  const std::vector<Value*> inputs = node.inputs();
  for (const Value* output : node.outputs()) {
    const Value* root = output;
    if (aliased && !inputs.empty()) {
      const auto found = alias_root_.find(inputs[0]);
      root = found == alias_root_.end() ? inputs[0] : found->second;
      alias_count_.try_emplace(root, 1);
    }
    alias_root_[output] = root;
    ++alias_count_[root];
  }
}

void NodeReader::read_call(const Json& node, const Op& declared, NameScope& scope) {
  const Op* op = &declared;
  const std::string module_path = module_path_of(node);
  std::vector<Argument> arguments = bind(op, read_inputs(node, scope), module_path);
  // The results' names and types, as the file states them.
  std::vector<std::string> names;
  std::vector<OutputMeta> metas;
  const auto add_tensor = [&](const Json& reference) {
    names.push_back(text_member(reference, "name"));
    metas.push_back(tensor_meta(names.back(), scope));
  };
  const Json& outputs = list_member(node, "outputs");
  for (const Json& output : outputs) {
    const auto [kind, value] = union_of(output, "outputs");
    if (kind == "as_tensor") {
      add_tensor(value);
    } else if (kind == "as_tensors" && value.is_array()) {
      for (const Json& item : value) add_tensor(item);
    } else if (kind == "as_sym_int") {
      names.push_back(text_member(value, "as_name"));
      metas.emplace_back(ValueKind::SymInt, integer(names.back(), scope));
    } else {
      unsupported(".pt2: {} returns a result of kind '{}'", op->schema.name, kind);
    }
  }
  const bool expected = op->schema.returns_list()
                            ? outputs.size() == 1 && outputs[0].contains("as_tensors")
                            : outputs.size() == op->schema.returns.size() && names.size() == outputs.size();
  if (!expected)
    fail(".pt2: {} has {} results, its schema says {}", op->schema.name, outputs.size(), op->schema.returns.size());
  Node* made =
      graph_->create_node(op->schema, std::move(arguments), std::move(metas), nullptr, names.empty() ? "" : names[0]);
  made->module_path = module_path;
  for (size_t i = 0; i < names.size(); ++i) {
    graph_->rename(made->output(i), names[i]);
    scope.values[names[i]] = made->output(i);
  }
  note_alias(*made);
}

// x.add_(y): from here on the name of x stands for x + y. Only where nothing else shares x's memory.
void NodeReader::overwrite(const Json& node, const Op& in_place, NameScope& scope) {
  const Op& functional = *functional_form(*ops_, in_place);
  const Json& inputs = list_member(node, "inputs");
  const Json* self = inputs.empty() ? nullptr : optional_member(member(inputs[0], "arg"), "as_tensor");
  if (!self) fail(".pt2: {} has no tensor to write to", in_place.schema.name);
  const Value* before =
      scope.values.count(text_member(*self, "name")) ? scope.values[text_member(*self, "name")] : nullptr;
  if (!before) fail(".pt2: tensor '{}' is read before it is made", text_member(*self, "name"));
  const auto root = alias_root_.find(before);
  if (!before->producer() || root == alias_root_.end() || alias_count_[root->second] > 1) {
    unsupported(
        ".pt2: {} writes to '{}', which is an input, a view or has views; run_decompositions() makes the graph "
        "functional",
        in_place.schema.name, before->name);
  }
  read_call(node, functional, scope);
  const Json& output = list_member(node, "outputs")[0];
  Value* after = scope.values.at(text_member(member(output, "as_tensor"), "name"));
  for (auto& [name, value] : scope.values) {
    if (value == before) value = after;
  }
}

// Runs the nested graph's nodes in place: its inputs are the arguments, its outputs the results.
void NodeReader::read_nested(const Json& node, NameScope& scope) {
  const Json& inputs = list_member(node, "inputs");
  const size_t modes = *mode_arguments(text_member(node, "target"));
  const Json* nested = inputs.size() > modes ? optional_member(member(inputs[modes], "arg"), "as_graph") : nullptr;
  if (!nested) fail(".pt2: {} has no graph", text_member(node, "target"));
  if (text_member(node, "target").ends_with("autocast")) {
    const Json* enabled = inputs.size() > 2 ? optional_member(member(inputs[2], "arg"), "as_bool") : nullptr;
    if (!enabled || *enabled != false) unsupported(".pt2: autocast inside a graph is not supported");
  }
  const Json& graph = member(*nested, "graph");
  NameScope inner(graph);
  const Json& formals = list_member(graph, "inputs");
  if (formals.size() != inputs.size() - modes - 1)
    fail(".pt2: a nested graph takes {} inputs, given {}", formals.size(), inputs.size() - modes - 1);
  for (size_t i = 0; i < formals.size(); ++i) {
    const auto [kind, formal] = union_of(formals[i], "inputs");
    const Argument actual = read_argument(member(inputs[modes + 1 + i], "arg"), scope);
    if (kind == "as_tensor" && actual.is<Value*>()) {
      inner.values[text_member(formal, "name")] = actual.as<Value*>();
    } else if (kind == "as_sym_int" && actual.is<SymInt>()) {
      inner.integers.insert_or_assign(text_member(formal, "as_name"), actual.as<SymInt>());
    } else {
      unsupported(".pt2: a nested graph has an input of kind '{}'", kind);
    }
  }
  read_nodes(graph, inner);
  const Json& results = list_member(graph, "outputs");
  std::vector<const Json*> names;
  for (const Json& output : list_member(node, "outputs")) {
    const auto [kind, value] = union_of(output, "outputs");
    if (kind == "as_tensors" && value.is_array()) {
      for (const Json& item : value) names.push_back(&item);
    } else {
      names.push_back(&value);
    }
  }
  if (names.size() != results.size())
    fail(".pt2: a nested graph returns {} values, {} are named", results.size(), names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    const Argument result = read_argument(results[i], inner);
    if (result.is<Value*>()) {
      scope.values[text_member(*names[i], "name")] = result.as<Value*>();
    } else if (result.is<SymInt>()) {
      scope.integers.insert_or_assign(text_member(*names[i], "as_name"), result.as<SymInt>());
    } else {
      unsupported(".pt2: a nested graph returns a value that is neither a tensor nor an integer");
    }
  }
}

// torch computes a condition by nodes; here it is one expression. What sizes already tell is not asserted again, and a
// condition on numbers other than sizes is left out.
void NodeReader::read_condition(const Json& node, NameScope& scope) {
  std::string message = "a runtime assertion of the program failed";
  std::optional<SymInt> condition;
  for (const Json& input : list_member(node, "inputs")) {
    const auto [kind, value] = union_of(member(input, "arg"), "arg");
    if (kind == "as_string") message = text_of(value, kind);
    if (kind != "as_sym_bool" || !value.contains("as_name")) continue;
    const auto found = scope.sym_bools.find(text_of(value["as_name"], "as_name"));
    if (found == scope.sym_bools.end()) fail(".pt2: the condition {} has no entry in sym_bool_values", value.dump());
    condition = symbols_->read_condition(*found->second);
  }
  if (!condition || always_holds(*condition)) return;
  const Op& op = ops_->get("aten::_assert_scalar");
  graph_->create_node(op.schema, {*condition, message}, {})->module_path = module_path_of(node);
}

void NodeReader::read_node(const Json& node, NameScope& scope) {
  const std::string& target = text_member(node, "target");
  if (is_size_arithmetic(target) || is_range_fact(target)) return;
  if (target == kAssertScalar) return read_condition(node, scope);
  if (mode_arguments(target)) return read_nested(node, scope);
  if (is_identity(target)) {
    const auto inputs = read_inputs(node, scope);
    if (inputs.empty() || !inputs[0].second.is<Value*>()) fail(".pt2: {} has no tensor", target);
    const Json& outputs = list_member(node, "outputs");
    if (outputs.empty()) fail(".pt2: {} has no result", target);
    scope.values[text_member(member(outputs[0], "as_tensor"), "name")] = inputs[0].second.as<Value*>();
    return;
  }
  const Op& op = ops_->get(target);
  if (has_tag(op.tags, Tag::Inplace)) return overwrite(node, op, scope);
  read_call(node, op, scope);
}

void NodeReader::read_nodes(const Json& graph, NameScope& scope) {
  for (const Json& node : list_member(graph, "nodes")) read_node(node, scope);
}

}  // namespace exformer::pt2
