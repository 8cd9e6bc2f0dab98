// From a finished trace to an exported program: what each input is, its data, its name.
#include <algorithm>
#include <unordered_set>

#include "exformer/base/error.h"
#include "exformer/base/strings.h"
#include "exformer/passes/dead_code.h"
#include "exformer/tensor/same_bytes.h"
#include "session.h"

namespace exformer::python {
namespace {

/// Every value that an output depends on.
std::unordered_set<const Value*> live_values(const Graph& graph, bool with_overwritten = true) {
  std::unordered_set<const Value*> live;
  std::vector<const Value*> pending;
  const auto visit = [&](const Value* value) {
    if (live.insert(value).second) pending.push_back(value);
  };
  for (const Argument& output : graph.outputs()) {
    if (const auto* value = output.get_if<Value*>(); value && *value) visit(*value);
  }
  while (!pending.empty()) {
    const Node* producer = pending.back()->producer();
    pending.pop_back();
    if (!producer) continue;
    for (const Value* input : producer->inputs()) {
      if (with_overwritten || !is_overwritten(*producer, *input)) visit(input);
    }
  }
  return live;
}

/// "p_model_layers_0_mlp_weight", as torch.export names its placeholders.
std::string placeholder_name(const char* prefix, const std::string& name) {
  std::string result = std::string(prefix) + "_" + name;
  for (char& c : result) {
    const bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!is_word) c = '_';
  }
  return result;
}

std::vector<int64_t> constant_sizes(const std::vector<SymInt>& sizes) {
  std::vector<int64_t> constants;
  for (const SymInt& size : sizes) constants.push_back(size.value());
  return constants;
}

}  // namespace

bool passes_values_on(const Node& node) {
  constexpr std::string_view kOps[] = {"aten::alias",      "aten::detach",          "aten::clone",
                                       "aten::contiguous", "aten::lift_fresh_copy", "aten::_to_copy",
                                       "aten::to.dtype",   "aten::to.dtype_layout"};
  return std::find(std::begin(kOps), std::end(kOps), node.op()) != std::end(kOps);
}

const HostTensor* Session::stored(const Value* value) const {
  while (true) {
    if (const auto known = data_.find(value); known != data_.end()) return &known->second;
    const Node* node = value->producer();
    if (!node || !passes_values_on(*node)) return nullptr;
    value = node->inputs().front();
  }
}

std::optional<bool> Session::compare_stored(const Tensor& a, const Tensor& b) const {
  const HostTensor *first = stored(a.value()), *second = stored(b.value());
  if (!first || !second || first->dtype() != second->dtype() || a.value()->meta.dtype != b.value()->meta.dtype)
    return std::nullopt;
  return has_same_bytes(*first, *second);
}

std::optional<LazyTensor> Session::lazy_value(Value* value) {
  if (const auto known = data_.find(value); known != data_.end()) return LazyTensor(known->second);
  if (const Node* node = value->producer()) {
    if (passes_values_on(*node)) {
      const auto source = lazy_value(node->inputs().front());
      if (!source || source->dtype() == value->meta.dtype) return source;
      if (source->source().dtype() == source->dtype()) return LazyTensor(source->source(), value->meta.dtype);
    }
  }
  constexpr size_t kLarge = size_t{1} << 20;
  const SymInt count = element_count(value->meta.sizes);
  if (count.is_constant() && static_cast<size_t>(count.value()) * item_size(value->meta.dtype) >= kLarge)
    return assembled(value);
  const auto data = evaluate(value, Given::Constants);
  return data ? std::optional<LazyTensor>(LazyTensor(*data)) : std::nullopt;
}

void Session::add_state(const FinishRequest& request) {
  Graph& graph = *program_.graph;
  std::vector<std::string> missing;
  std::unordered_set<const Value*> pending = live_values(graph);  // each is added once
  const auto add = [&](const NamedState& state) {
    Value* value = state.tensor.value();
    for (const auto& [input, now] : tracer_.mutated_inputs()) value = now == value ? input : value;
    const auto origin = origins_.find(value);
    if (origin == origins_.end() || pending.erase(value) == 0) return;
    std::optional<LazyTensor> data = lazy_value(origin->second);
    if (!data && request.allow_missing)
      data = LazyTensor(HostTensor::zeros(value->meta.dtype, constant_sizes(value->meta.sizes)));
    if (!data) {
      missing.push_back(state.name);
      return;
    }
    const auto kind = state.is_parameter ? InputSpec::Kind::Parameter : InputSpec::Kind::Buffer;
    program_.inputs.push_back({.kind = kind, .value = value, .target = state.name, .persistent = state.persistent});
    (state.persistent ? program_.state_dict : program_.constants).emplace(state.name, std::move(*data));
    graph.rename(value, placeholder_name(state.is_parameter ? "p" : "b", state.name));
  };
  for (const NamedState& state : request.state) {
    if (state.is_parameter) add(state);
  }
  for (const NamedState& state : request.state) {
    if (!state.is_parameter) add(state);
  }
  if (!missing.empty()) fail("the checkpoint has no weights for {}", join(missing, ", "));
}

void Session::add_constants() {
  Graph& graph = *program_.graph;
  const std::unordered_set<const Value*> live = live_values(graph);
  size_t number = 0;
  for (Value* value : constants_) {
    if (!live.contains(value)) continue;
    const std::string name = "lifted_tensor_" + std::to_string(number++);
    program_.inputs.push_back({.kind = InputSpec::Kind::ConstantTensor, .value = value, .target = name});
    program_.constants.emplace(name, LazyTensor(data_.at(value)));
    graph.rename(value, "c_" + name);
  }
}

void Session::add_outputs(const FinishRequest& request) {
  struct Mutation {
    const Value* before;
    Argument after;
    OutputSpec spec;
    bool is_state;
  };
  std::vector<Mutation> mutations;
  std::unordered_map<const Value*, const NamedState*> states;
  std::unordered_map<const Value*, std::string> input_names;
  for (const NamedState& state : request.state) {  // a forward that writes to a parameter writes the same in each run
    if (!state.is_parameter) states.emplace(state.tensor.value(), &state);
  }
  for (const auto& [name, value] : user_inputs_) input_names.emplace(value, value->name);
  for (const auto& [input, now] : tracer_.mutated_inputs()) {
    if (const auto state = states.find(now); state != states.end() && origins_.contains(input)) {
      mutations.push_back(
          {input, now, {OutputSpec::Kind::BufferMutation, state->second->name}, state->second->persistent});
    } else if (const auto user = input_names.find(input); user != input_names.end()) {
      mutations.push_back({input, now, {OutputSpec::Kind::UserInputMutation, user->second}, true});
    }
  }
  const std::vector<std::string> paths = leaf_paths(program_.out_spec);
  EXFORMER_ASSERT(paths.size() == request.outputs.size());
  std::vector<Argument> results;
  for (const auto& output : request.outputs) {
    results.push_back(
        map_tensors<Value*>(output, [](const Tensor& tensor) { return tensor.defined() ? tensor.value() : nullptr; }));
  }
  // A buffer of no checkpoint that every run writes before it reads it holds no state: rotary frequencies that are
  // computed anew.
  const auto set_outputs = [&] {
    std::vector<Argument> outputs;
    for (const Mutation& mutation : mutations) {
      if (mutation.is_state) outputs.push_back(mutation.after);
    }
    outputs.insert(outputs.end(), results.begin(), results.end());
    program_.graph->set_outputs(std::move(outputs));
  };
  for (bool changed = true; changed;) {
    set_outputs();
    changed = false;
    const std::unordered_set<const Value*> live = live_values(*program_.graph, false);
    for (Mutation& mutation : mutations) {
      if (mutation.is_state || !live.contains(mutation.before)) continue;
      mutation.is_state = changed = true;
    }
  }
  for (const Mutation& mutation : mutations) {
    if (mutation.is_state) program_.outputs.push_back(mutation.spec);
  }
  for (const std::string& path : paths)
    program_.outputs.push_back({.kind = OutputSpec::Kind::UserOutput, .target = path});
}

ExportedProgram Session::finish(const FinishRequest& request) {
  Graph& graph = *program_.graph;
  scratch_ = request.scratch;
  program_.in_spec = treespec_loads(request.in_spec);
  program_.out_spec = treespec_loads(request.out_spec);
  add_outputs(request);
  add_state(request);  // needs the nodes that compute a buffer, which are dead afterwards
  add_constants();
  eliminate_dead_nodes(graph);
  const std::vector<std::string> paths = input_paths(program_.in_spec);
  EXFORMER_ASSERT(paths.size() == user_inputs_.size());
  for (size_t i = 0; i < paths.size(); ++i) {
    program_.inputs.push_back(
        {.kind = InputSpec::Kind::UserInput, .value = user_inputs_[i].second, .target = paths[i]});
  }
  std::unordered_map<const Value*, bool> kept;
  std::vector<Value*> order;
  for (const InputSpec& input : program_.inputs) {
    kept.emplace(input.value, true);
    order.push_back(input.value);
  }
  const std::vector<Value*> inputs = graph.inputs();
  for (Value* input : inputs) {
    if (kept.contains(input)) continue;
    if (!input->users().empty() || graph.is_output(input))
      fail("the model reads a tensor that is neither a parameter, a buffer nor an input ({})", input->name);
    graph.erase_input(input);
  }
  graph.reorder_inputs(std::move(order));
  return std::move(program_);
}

}  // namespace exformer::python
