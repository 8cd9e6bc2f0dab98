#include "exformer/trace/tracer.h"

#include "exformer/trace/view_inverse.h"

namespace exformer {

/// Memory shared by a tensor and its views: the value it holds now, counted up with each write.
struct Storage {
  Tracer* tracer = nullptr;
  Value* input = nullptr;  // set when the memory is a graph input's
  Value* base = nullptr;
  size_t version = 0;
};

struct TensorState {
  std::shared_ptr<Storage> storage;
  std::vector<ViewStep> views;  // from the storage's base to this tensor
  Value* value = nullptr;       // valid while `version` is the storage's
  size_t version = 0;
};

namespace {

/// "aten::add.Tensor" for "aten::add_.Tensor".
std::string functional_name(const std::string& in_place) {
  const size_t start = in_place.find("::") + 2;
  const size_t dot = std::min(in_place.find('.', start), in_place.size());
  EXFORMER_ASSERT(in_place[dot - 1] == '_');
  return in_place.substr(0, dot - 1) + in_place.substr(dot);
}

}  // namespace

Value* Tensor::value() const { return state_->storage->tracer->current_value(*state_); }
Tracer& Tensor::tracer() const { return *state_->storage->tracer; }

Value* Tracer::current_value(TensorState& state) {
  if (state.version != state.storage->version) {
    Value* value = state.storage->base;
    for (const ViewStep& step : state.views) value = apply_view(builder_, step, value);
    state.value = value;
    state.version = state.storage->version;
  }
  return state.value;
}

void Tracer::write(TensorState& state, Value* value) {
  std::vector<Value*> sources{state.storage->base};
  for (size_t i = 0; i + 1 < state.views.size(); ++i)
    sources.push_back(apply_view(builder_, state.views[i], sources.back()));
  Value* updated = value;
  for (size_t i = state.views.size(); i-- > 0;) updated = invert_view(builder_, state.views[i], sources[i], updated);
  state.storage->base = updated;
  state.version = ++state.storage->version;
  state.value = value;
}

Tensor Tracer::wrap(Value* value) {
  auto storage = std::make_shared<Storage>();
  storage->tracer = this;
  storage->base = value;
  if (!value->producer()) storage->input = value;
  auto state = std::make_shared<TensorState>();
  state->storage = std::move(storage);
  state->value = value;
  if (!value->producer()) input_states_.push_back(state);
  return Tensor(std::move(state));
}

std::vector<Argument> Tracer::to_values(const std::vector<TensorArgument>& arguments) {
  std::vector<Argument> values;
  values.reserve(arguments.size());
  for (const TensorArgument& argument : arguments) {
    values.push_back(map_tensors<Value*>(
        argument, [](const Tensor& tensor) -> Value* { return tensor.defined() ? tensor.value() : nullptr; }));
  }
  return values;
}

std::vector<Tensor> Tracer::call_all(std::string_view name, std::vector<TensorArgument> positional,
                                     std::vector<std::pair<std::string_view, TensorArgument>> named) {
  const Op& op = builder_.ops().get(name);
  for (TensorArgument& argument : positional) {
    if (const auto* tensor = argument.get_if<Tensor>(); tensor && !tensor->defined()) argument = None{};
  }
  std::vector<TensorArgument> bound = bind_arguments<Tensor>(op.schema, std::move(positional), std::move(named));
  if (has_tag(op.tags, Tag::Inplace)) return call_in_place(op, std::move(bound));
  const std::vector<Argument> arguments = to_values(bound);
  Node* node = builder_.append(op, arguments);
  std::vector<Tensor> results;
  results.reserve(node->outputs().size());
  for (size_t i = 0; i < node->outputs().size(); ++i) {
    // Views of several tensors (meshgrid) repeat elements: they are never written, so they need no base.
    if (!has_tag(op.tags, Tag::View) || !bound[0].is<Tensor>()) {
      results.push_back(wrap(node->output(i)));
      continue;
    }
    const TensorState& source = *bound[0].as<Tensor>().state();
    auto state = std::make_shared<TensorState>(source);
    state->views.push_back({&op, arguments, i});
    state->value = node->output(i);
    results.emplace_back(std::move(state));
  }
  return results;
}

std::vector<Tensor> Tracer::call_in_place(const Op& op, std::vector<TensorArgument> bound) {
  const Tensor self = bound[0].as<Tensor>();
  const Op& functional = builder_.ops().get(functional_name(op.schema.name));
  Value* before = self.value();
  std::vector<TensorArgument> arguments;
  for (const SchemaArgument& argument : functional.schema.arguments) {
    bool found = false;
    for (size_t i = 0; i < op.schema.arguments.size() && !found; ++i) {
      if (op.schema.arguments[i].name != argument.name) continue;
      arguments.push_back(bound[i]);
      found = true;
    }
    if (!found)
      arguments.push_back(map_tensors<Tensor>(argument.default_value, [](std::nullptr_t) { return Tensor(); }));
  }
  Value* result = builder_.append(functional, to_values(arguments))->output();
  if (result->meta.sizes != before->meta.sizes) {
    fail("{}: the result's sizes differ from those of the tensor that is written", op.schema.name);
  }
  if (result->meta.dtype != before->meta.dtype)
    result = builder_.call("aten::_to_copy", {result}, {{"dtype", before->meta.dtype}});
  write(*self.state(), result);
  return {self};
}

Tensor Tracer::call(std::string_view op, std::vector<TensorArgument> positional,
                    std::vector<std::pair<std::string_view, TensorArgument>> named) {
  std::vector<Tensor> results = call_all(op, std::move(positional), std::move(named));
  EXFORMER_ASSERT(results.size() == 1);
  return results.front();
}

Tensor Tracer::arange(SymInt end, DType dtype) { return call("aten::arange", {end}, {{"dtype", dtype}}); }
Tensor Tracer::full(std::vector<SymInt> sizes, double value, DType dtype) {
  return call("aten::full", {std::move(sizes), value}, {{"dtype", dtype}});
}
Tensor Tracer::zeros(std::vector<SymInt> sizes, DType dtype) {
  return call("aten::zeros", {std::move(sizes)}, {{"dtype", dtype}});
}

std::vector<std::pair<Value*, Value*>> Tracer::mutated_inputs() const {
  std::vector<std::pair<Value*, Value*>> result;
  for (const auto& weak : input_states_) {
    const auto state = weak.lock();
    if (state && state->storage->version > 0) result.emplace_back(state->storage->input, state->storage->base);
  }
  return result;
}

}  // namespace exformer
