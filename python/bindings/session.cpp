#include "session.h"

#include "exformer/ops/builder.h"
#include "exformer/symbolic/assumptions.h"
#include "exformer/symbolic/printers.h"

namespace exformer::python {

Session::Session(PythonTypes types)
    : types_(std::move(types)),
      tracer_(*program_.graph),
      overloads_(
          OpRegistry::standard(), [this](const Tensor& tensor) { return read_number(tensor); },
          [this](const TensorArgument& number) { return number_tensor(number); }) {}

bool Session::decide_open_equality() {
  const auto open = take_open_equality(symbols());
  if (!open) return false;
  const auto left = hint(open->left), right = hint(open->right);
  if (!left || !right) return false;
  if (*left == *right) return assume_equal(open->left, open->right, module_path());
  // A size of one in the sample that meets another size is broadcast: it stays one, from the next round on.
  if (*left == 1) assume_equal(open->left, 1, module_path());
  if (*right == 1) assume_equal(open->right, 1, module_path());
  return false;
}

std::vector<Tensor> Session::call(const std::string& name, const CallArguments& arguments, const Op*& op) {
  const ResolvedCall resolved = overloads_.resolve(name, arguments);
  op = resolved.op;
  constexpr int kMostDecisions = 64;  // an op compares a few pairs of sizes
  for (int attempt = 0;; ++attempt) {
    std::vector<std::pair<std::string_view, TensorArgument>> named(resolved.arguments.named.begin(),
                                                                   resolved.arguments.named.end());
    take_open_equality(symbols());
    try {
      return tracer_.call_all(resolved.op->schema.name, resolved.arguments.positional, std::move(named));
    } catch (const ExportError&) {
      if (attempt == kMostDecisions || !decide_open_equality()) throw;
    }
  }
}

Tensor Session::constant(HostTensor data) {
  std::vector<SymInt> sizes(data.sizes().begin(), data.sizes().end());
  Value* value = program_.graph->add_input("lifted_tensor", contiguous_meta(data.dtype(), std::move(sizes)));
  data_.emplace(value, data.contiguous());
  constants_.push_back(value);
  return tracer_.wrap(value);
}

Tensor Session::checkpoint_tensor(const std::shared_ptr<const SafetensorsFile>& file, const std::string& name) {
  const HostTensor data = file->tensor(name);
  std::vector<SymInt> sizes(data.sizes().begin(), data.sizes().end());
  Value* value = program_.graph->add_input("checkpoint_tensor", contiguous_meta(data.dtype(), std::move(sizes)));
  data_.emplace(value, data);
  return tracer_.wrap(value);
}

Tensor Session::user_input(const std::string& path, DType dtype, std::vector<SymInt> sizes) {
  std::string name = path;
  for (char& c : name) c = c == '.' ? '_' : c;
  Value* value = program_.graph->add_input(name, contiguous_meta(dtype, std::move(sizes)));
  user_inputs_.emplace_back(path, value);
  return tracer_.wrap(value);
}

Tensor Session::lift(const Tensor& tensor) {
  Value* origin = tensor.value();
  Value* value = program_.graph->add_input("state", contiguous_meta(origin->meta.dtype, origin->meta.sizes));
  origins_.emplace(value, origin);
  return tracer_.wrap(value);
}

std::optional<int64_t> Session::hint(const SymInt& value) {
  if (value.is_constant()) return value.value();
  return value_at_hints(symbols(), value);
}

void Session::assume_value(const std::string& symbol, const SymInt& value, const std::string& reason) {
  assume(symbols(), symbol, value);
  assumptions_.push_back({symbol, value, reason});
}

bool Session::assume_equal(const SymInt& left, const SymInt& right, const std::string& reason) {
  const auto solution = solve_equality(symbols(), {left, right});
  if (solution) {
    assume_value(solution->symbol, solution->value, reason);
    return true;
  }
  auto orderings = orderings_of_equality(symbols(), {left, right});
  if (orderings.empty()) orderings = orderings_of_divisors(symbols(), {left, right});
  if (!orderings.empty()) {
    for (const auto& [smaller, larger] : orderings) bounds_.push_back({smaller, larger, reason});
    return false;
  }
  if (const auto remainders = zero_remainders(symbols(), {left, right}); !remainders.empty()) {
    remainders_.insert(remainders_.end(), remainders.begin(), remainders.end());
    return false;
  }
  const std::string why = fmt::format("{}, where {} must equal {}", reason, to_string(left), to_string(right));
  // No symbol stands alone: all of them take the sample's sizes.
  bool changed = false;
  for (const SymInt& side : {left, right}) {
    for (const std::string& name : free_symbols(side)) {
      const auto size = hint(*symbols().find(name));
      if (!size) return false;
      assume_value(name, *size, why);
      changed = true;
    }
  }
  return changed;
}

TensorArgument Session::read_number(const Tensor& tensor) {
  const auto value = evaluate(tensor);
  if (!value || value->element_count() != 1) return {};
  if (value->dtype() == DType::Bool) return value->item_int() != 0;
  if (is_floating_point(value->dtype())) return value->item_double();
  return value->item_int();
}

Tensor Session::number_tensor(const TensorArgument& number) {
  if (const auto* real = number.get_if<double>()) return tracer_.call("aten::scalar_tensor", {*real});
  const bool is_flag = number.is<bool>();
  return tracer_.call("aten::scalar_tensor", {number}, {{"dtype", is_flag ? DType::Bool : DType::Int64}});
}

std::optional<HostTensor> Session::evaluate(Value* value) {
  if (const auto known = data_.find(value); known != data_.end()) return known->second.aligned();
  if (const auto origin = origins_.find(value); origin != origins_.end()) return evaluate(origin->second);
  if (!value->producer()) return std::nullopt;
  if (const auto known = evaluated_.find(value); known != evaluated_.end()) return known->second;
  auto result = evaluate_node(*value->producer(), value->index());
  evaluated_.emplace(value, result);
  return result;
}

std::optional<HostTensor> Session::evaluate_node(const Node& node, size_t output) {
  const Op& op = OpRegistry::standard().get(node);
  if (has_tag(op.tags, Tag::Random)) return std::nullopt;
  if (!op.kernel && op.decompose) {
    GraphBuilder builder(*program_.graph);
    return evaluate(op.decompose(builder, ValueArgs(op.schema, node.arguments())).at(output));
  }
  bool known = true;
  std::vector<BasicArgument<HostTensor>> arguments;
  for (const Argument& argument : node.arguments()) {
    if (const auto* size = argument.get_if<SymInt>()) known = known && size->is_constant();
    if (const auto* sizes = argument.get_if<std::vector<SymInt>>()) {
      for (const SymInt& size : *sizes) known = known && size.is_constant();
    }
    if (!known) return std::nullopt;
    arguments.push_back(map_tensors<HostTensor>(argument, [&](Value* input) {
      if (!input || !known) return HostTensor();
      const auto value = evaluate(input);
      known = known && value.has_value();
      return value.value_or(HostTensor());
    }));
    if (!known) return std::nullopt;
  }
  std::vector<HostTensor> results = run_kernel(op, arguments);
  for (size_t i = 0; i < results.size(); ++i) {
    if (i != output) evaluated_.emplace(node.output(i), results[i]);
  }
  return results.at(output);
}

}  // namespace exformer::python
