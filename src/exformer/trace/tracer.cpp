#include "exformer/trace/tracer.h"

#include "exformer/ops/functional_form.h"
#include "exformer/symbolic/printers.h"
#include "exformer/trace/constant_value.h"
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

/// Whether two layouts put the elements of a tensor of these sizes in the same places.
bool same_layout(const std::vector<SymInt>& sizes, const std::vector<SymInt>& a, const std::vector<SymInt>& b) {
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] != SymInt(1) && a[i] != b[i]) return false;
  }
  return true;
}

/// Whether several elements share one place; filling is the only write that torch allows then.
bool overlaps_itself(const TensorMeta& meta) {
  for (size_t i = 0; i < meta.sizes.size(); ++i) {
    if (meta.strides[i] == SymInt(0) && !known_equal(meta.sizes[i], 1)) return true;
  }
  return false;
}

bool is_fill(const Op& op) { return op.schema.base_name() == "fill" || op.schema.base_name() == "zero"; }

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
  // Memory does not move: what is read from it later must find the layout that it had.
  const TensorMeta& memory = state.storage->base->meta;
  if (!same_layout(memory.sizes, memory.strides, updated->meta.strides))
    updated = builder_.call("aten::copy", {state.storage->base, updated});
  const bool keeps_layout =
      state.value && same_layout(value->meta.sizes, value->meta.strides, state.value->meta.strides);
  state.storage->base = updated;
  ++state.storage->version;
  if (state.views.empty()) value = updated;
  if (!keeps_layout && !state.views.empty()) return;  // is read from its base again when it is asked for
  state.value = value;
  state.version = state.storage->version;
}

Tensor Tracer::wrap(Value* value) {
  auto storage = std::make_shared<Storage>();
  storage->tracer = this;
  storage->base = value;
  if (!value->producer()) {
    storage->input = value;
    input_memory_.push_back(storage);
  }
  auto state = std::make_shared<TensorState>();
  state->storage = std::move(storage);
  state->value = value;
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
  if (has_tag(op.tags, Tag::Inplace)) return call_in_place(op, bound);
  Node* node = builder_.append(op, to_values(bound));
  std::vector<Tensor> results;
  results.reserve(node->outputs().size());
  const Memory memory = result_memory(op, *node);
  if (memory == Memory::Same) {
    bound[0].as<Tensor>().state()->value = node->output();
    return {bound[0].as<Tensor>()};
  }
  for (Value* output : node->outputs()) {
    results.push_back(memory == Memory::View
                          ? view_of(bound[0].as<Tensor>(), {{&op, node->arguments(), output->index()}}, output)
                          : wrap(output));
  }
  if (has_tag(op.tags, Tag::View) && bound[0].is<std::vector<Tensor>>()) {
    // Each result is a view of its own tensor (meshgrid).
    const auto& sources = bound[0].as<std::vector<Tensor>>();
    const std::vector<Value*> views = op.decompose(builder_, ValueArgs(op.schema, node->arguments()));
    for (size_t i = 0; i < views.size(); ++i) {
      if (auto steps = steps_between(builder_.ops(), sources[i].value(), views[i]))
        results[i] = view_of(sources[i], std::move(*steps), node->output(i));
    }
  }
  return results;
}

Tensor Tracer::view_of(const Tensor& source, std::vector<ViewStep> steps, Value* value) {
  auto state = std::make_shared<TensorState>(*source.state());
  state->views.insert(state->views.end(), std::make_move_iterator(steps.begin()), std::make_move_iterator(steps.end()));
  state->value = value;
  return Tensor(std::move(state));
}

/// Refuses a result that cannot be stored in the tensor that is written.
void Tracer::check_stored(const Op& in_place, const std::vector<Argument>& arguments) const {
  try {
    infer(in_place, arguments);
  } catch (const ExportError& error) {
    if (module_path().empty()) throw;
    throw ExportError(error.kind(), module_path() + " > " + error.what());
  }
}

std::vector<Tensor> Tracer::call_in_place(const Op& op, const std::vector<TensorArgument>& bound) {
  const Tensor self = bound[0].as<Tensor>();
  const Op* functional = functional_form(builder_.ops(), op);
  if (!functional) unsupported("{} has no functional form", op.schema.name);
  const std::vector<Argument> arguments = to_values(bound);
  if (has_tag(functional->tags, Tag::View)) {  // the tensor itself becomes a view of what it was
    const Node* node = builder_.append(*functional, arguments);
    self.state()->views.push_back({functional, arguments, 0});
    self.state()->value = node->output();
    return {self};
  }
  const TensorMeta before = self.value()->meta;
  if (overlaps_itself(before) && !is_fill(*functional)) {
    fail("{}{}{}: elements of the tensor that is written share memory (sizes {}, strides {}); clone() it first",
         module_path(), module_path().empty() ? "" : " > ", op.schema.name, to_string(before.sizes),
         to_string(before.strides));
  }
  Value* result = builder_.append(*functional, arguments)->output();
  check_stored(op, arguments);
  if (result->meta.dtype != before.dtype) result = builder_.call("aten::_to_copy", {result}, {{"dtype", before.dtype}});
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

std::optional<HostTensor> Tracer::constant_value(const Tensor& tensor) {
  return exformer::constant_value(builder_.ops(), tensor.value());
}

SymInt Tracer::item(const Tensor& tensor) {
  if (const auto known = constant_value(tensor);
      known && known->element_count() == 1 && !is_floating_point(known->dtype())) {
    return known->contiguous().reshaped({}).item_int();
  }
  const Value* number = builder_.call("aten::item", {tensor.value()});
  if (number->kind == ValueKind::SymFloat) unsupported("aten::item: a float that depends on data is no integer");
  return number->sym;
}

void Tracer::check(const SymInt& condition, const std::string& message) {
  if (condition.is_constant() && condition.value() != 0) return;
  if (equal(condition, 0) == Truth::No) return;
  builder_.call_all("aten::_assert_scalar", {condition, message});
}

std::vector<std::pair<Value*, Value*>> Tracer::mutated_inputs() const {
  std::vector<std::pair<Value*, Value*>> result;
  for (const auto& memory : input_memory_) {
    if (memory->version > 0) result.emplace_back(memory->input, memory->base);
  }
  return result;
}

}  // namespace exformer
