#include "session.h"

#include <algorithm>

#include "exformer/ops/builder.h"
#include "exformer/symbolic/assumptions.h"
#include "exformer/symbolic/conditions.h"
#include "exformer/symbolic/factors.h"
#include "exformer/symbolic/printers.h"

namespace exformer::python {

Session::Session(PythonTypes types)
    : types_(std::move(types)),
      tracer_(*program_.graph),
      overloads_(
          OpRegistry::standard(), [this](const Tensor& tensor) { return read_number(tensor); },
          [this](const TensorArgument& number) { return number_tensor(number); }) {}

std::string Session::place() const { return module_path().empty() ? "the model's forward" : module_path(); }

bool Session::decide_open_equality() {
  const auto open = take_open_equality(symbols());
  if (!open) return false;
  const auto left = hint(open->left), right = hint(open->right);
  if (!left || !right) return false;
  if (*left == *right) return assume_equal(open->left, open->right, place());
  // A size of one in the sample that meets another size is broadcast: it stays one, from the next round on.
  if (*left == 1) assume_equal(open->left, 1, place());
  if (*right == 1) assume_equal(open->right, 1, place());
  return false;
}

Tensor Session::known(const Tensor& tensor) {
  auto value = evaluate(tensor);
  if (!value) fail("a tensor's values are not known");
  return constant(std::move(*value));
}

namespace {

bool contains(const SymInt& whole, const SymInt& part) {
  if (whole == part) return true;
  const SymOperation operation = top_operation(whole);
  return std::any_of(operation.operands.begin(), operation.operands.end(),
                     [&](const SymInt& operand) { return contains(operand, part); });
}

bool contains(const std::vector<SymInt>& sizes, const SymInt& part) {
  return std::any_of(sizes.begin(), sizes.end(), [&](const SymInt& size) { return contains(size, part); });
}

}  // namespace

bool Session::is_used_behind(size_t count, const SymInt& size) const {
  size_t number = 0;
  for (const auto& node : program_.graph->nodes()) {
    if (number++ < count) continue;
    for (const Argument& argument : node->arguments()) {
      const auto* one = argument.get_if<SymInt>();
      const auto* several = argument.get_if<std::vector<SymInt>>();
      if ((one && contains(*one, size)) || (several && contains(*several, size))) return true;
    }
    for (const Value* output : node->outputs()) {
      if (contains(output->meta.sizes, size)) return true;
    }
  }
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

Tensor Session::user_input(const std::string& path, std::vector<SymInt> sizes, HostTensor sample) {
  std::string name = path;
  for (char& c : name) c = c == '.' ? '_' : c;
  Value* value = program_.graph->add_input(name, contiguous_meta(sample.dtype(), std::move(sizes)));
  user_inputs_.emplace_back(path, value);
  samples_.emplace(value, std::move(sample));
  return tracer_.wrap(value);
}

void Session::clear_user_inputs() {
  user_inputs_.clear();
  forget_assumptions(symbols());
  Graph& graph = *program_.graph;
  std::vector<Node*> assertions;
  for (const auto& node : graph.nodes()) {
    if (node->outputs().empty()) assertions.push_back(node.get());
  }
  for (Node* node : assertions) graph.erase_node(node);
}

Tensor Session::lift(const Tensor& tensor) {
  Value* origin = tensor.value();
  Value* value = program_.graph->add_input("state", contiguous_meta(origin->meta.dtype, origin->meta.sizes));
  origins_.emplace(value, origin);
  return tracer_.wrap(value);
}

namespace {

template <class Wanted>
bool has_symbol(const SymContext& context, const SymInt& value, Wanted&& wanted) {
  if (value.is_constant()) return false;
  const std::vector<std::string> names = free_symbols(value);
  return std::any_of(context.symbols().begin(), context.symbols().end(), [&](const Symbol& symbol) {
    return wanted(symbol) && std::find(names.begin(), names.end(), symbol.name) != names.end();
  });
}

}  // namespace

bool Session::depends_on_data(const SymInt& value) {
  return has_symbol(symbols(), value, [](const Symbol& symbol) { return symbol.unbacked; });
}

bool Session::reads_data(const SymInt& value) {
  return has_symbol(symbols(), value,
                    [](const Symbol& symbol) { return symbol.unbacked && (symbol.min != 0 || symbol.max == 1); });
}

std::vector<std::string> Session::data_assertions() {
  std::vector<std::string> messages;
  for (const auto& node : program_.graph->nodes()) {
    if (!node->is("aten::_assert_scalar")) continue;
    const auto* condition = node->arguments()[0].get_if<SymInt>();
    if (condition && depends_on_data(*condition)) messages.push_back(node->arguments()[1].as<std::string>());
  }
  return messages;
}

std::optional<int64_t> Session::data_hint(const std::string& symbol) {
  if (const auto known = data_hints_.find(symbol); known != data_hints_.end()) return known->second;
  const SymInt wanted = *symbols().find(symbol);
  const auto find = [&]() -> std::optional<int64_t> {
    for (const auto& node : program_.graph->nodes()) {
      for (Value* output : node->outputs()) {
        const std::vector<SymInt>& sizes = output->meta.sizes;
        const auto dim = std::find(sizes.begin(), sizes.end(), wanted);
        const bool is_number = output->kind != ValueKind::Tensor && output->sym == wanted;
        if (!is_number && dim == sizes.end()) continue;
        const auto value = evaluate(output, Given::Sample);
        if (!value) return std::nullopt;
        return is_number ? value->item_int() : value->sizes()[static_cast<size_t>(dim - sizes.begin())];
      }
    }
    return std::nullopt;
  };
  return data_hints_.emplace(symbol, find()).first->second;
}

std::optional<int64_t> Session::hint(const SymInt& value) {
  if (value.is_constant()) return value.value();
  if (!depends_on_data(value)) return value_at_hints(symbols(), value);
  std::unordered_map<std::string, int64_t> known;
  for (const std::string& name : free_symbols(value)) {
    const SymInt symbol = *symbols().find(name);
    const auto size = depends_on_data(symbol) ? data_hint(name) : value_at_hints(symbols(), symbol);
    if (!size) return std::nullopt;
    known.emplace(name, *size);
  }
  return exformer::evaluate(value, [&](std::string_view name) { return known.at(std::string(name)); });
}

void Session::assume_value(const std::string& symbol, const SymInt& value, const std::string& reason) {
  assume(symbols(), symbol, value);
  assumptions_.push_back({symbol, value, reason});
}

namespace {

bool involves_division(const SymInt& value) {
  const SymOperation operation = top_operation(value);
  return operation.kind == SymKind::FloorDiv || operation.kind == SymKind::Mod ||
         std::any_of(operation.operands.begin(), operation.operands.end(), involves_division);
}

}  // namespace

bool Session::assume_data_equal(const SymInt& left, const SymInt& right, const std::string& reason) {
  const auto solution = solve_for_data(symbols(), {left, right});
  if (!solution) return false;
  tracer_.check(is_equal(left, right), fmt::format("{}: {} must equal {}", reason, to_string(left), to_string(right)));
  assume(symbols(), solution->symbol, solution->value);
  return true;
}

void Session::expect_whole(const std::vector<SymInt>& remainders, const std::string& reason) {
  for (const SymInt& size : remainders) remainders_.push_back({size, reason});
}

bool Session::assume_equal(const SymInt& left, const SymInt& right, const std::string& reason) {
  if ((depends_on_data(left) || depends_on_data(right)) && assume_data_equal(left, right, reason)) return true;
  const auto solution = solve_equality(symbols(), {left, right});
  if (solution) {
    assume_value(solution->symbol, solution->value, reason);
    return true;
  }
  auto orderings = orderings_of_equality(symbols(), {left, right});
  if (orderings.empty()) orderings = orderings_of_divisors(symbols(), {left, right});
  const bool can_be_learned = std::all_of(orderings.begin(), orderings.end(), [](const Ordering& ordering) {
    return free_symbols(ordering.larger - ordering.smaller).size() == 1;
  });
  if (!orderings.empty() && can_be_learned) {
    for (const auto& [smaller, larger] : orderings) bounds_.push_back({smaller, larger, reason});
    return false;
  }
  if (const auto remainders = zero_remainders(symbols(), {left, right}); !remainders.empty()) {
    expect_whole(remainders, reason);
    return false;
  }
  const std::string why = fmt::format("{}, where {} must equal {}", reason, to_string(left), to_string(right));
  if (const auto remainders = remainders_that_solve(symbols(), {left, right}); !remainders.empty()) {
    expect_whole(remainders, reason);
    return false;
  }
  const bool is_new = offered_.insert(to_string(left) + " = " + to_string(right)).second;
  if (const auto remainders = zero_remainders_of_quotients(symbols(), {left, right}); is_new && !remainders.empty()) {
    expect_whole(remainders, reason);
    return false;
  }
  if (is_new && (left.is_constant() || right.is_constant()) && free_symbols(left - right).size() == 1) {
    bounds_.push_back({left, right, why});  // all sizes that give this number will do
    bounds_.push_back({right, left, why});
    return false;
  }
  if (const auto factors = equalities_of_factors(symbols(), {left, right}); !factors.empty()) {
    bool changed = false;
    for (const OpenEquality& factor : factors) {
      if (known_equal(factor.left, factor.right)) continue;
      changed = assume_equal(factor.left, factor.right, why) || changed;
    }
    return changed;
  }
  for (const OpenEquality& quotient : quotients_of_one(symbols(), {left, right})) {
    if (assume_equal(quotient.left, quotient.right, why)) return true;
  }
  const bool is_of_data = depends_on_data(left) || depends_on_data(right);
  const bool is_of_sizes = !left.is_constant() && !right.is_constant();  // a number fixes the sizes that give it
  const bool is_open = !orderings.empty() || involves_division(left) || involves_division(right);
  if (is_of_data ? hint(left) == hint(right) : is_of_sizes && is_open) {
    tracer_.check(is_equal(left, right), why);
    assume_equality(symbols(), {left, right});
    return true;
  }
  if (is_of_data) return false;
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

std::optional<HostTensor> Session::evaluate(Value* value, Given given) {
  if (const auto known = data_.find(value); known != data_.end()) return known->second.aligned();
  if (const auto origin = origins_.find(value); origin != origins_.end()) return evaluate(origin->second, given);
  if (!value->producer()) {
    const auto sample = samples_.find(value);
    return given == Given::Sample && sample != samples_.end() ? std::optional(sample->second) : std::nullopt;
  }
  if (const auto known = evaluated(given).find(value); known != evaluated(given).end()) return known->second;
  auto result = evaluate_node(*value->producer(), value->index(), given);
  evaluated(given).emplace(value, result);
  return result;
}

bool is_overwritten(const Node& node, const Value& input) {
  return node.is("aten::copy") && node.inputs().front() == &input;
}

namespace {

std::optional<HostTensor> zeros_like(const Value& value) {
  std::vector<int64_t> sizes;
  for (const SymInt& size : value.meta.sizes) {
    if (!size.is_constant()) return std::nullopt;
    sizes.push_back(size.value());
  }
  return HostTensor::zeros(value.meta.dtype, std::move(sizes));
}

}  // namespace

std::optional<HostTensor> Session::evaluate_node(const Node& node, size_t output, Given given) {
  const Op& op = OpRegistry::standard().get(node);
  if (has_tag(op.tags, Tag::Random)) return std::nullopt;
  if (!op.kernel && op.decompose) {
    GraphBuilder builder(*program_.graph);
    return evaluate(op.decompose(builder, ValueArgs(op.schema, node.arguments())).at(output), given);
  }
  const auto number = [&](const SymInt& size) {
    return size.is_constant() || given == Given::Constants ? size.constant() : hint(size);
  };
  std::vector<BasicArgument<HostTensor>> arguments;
  for (const Argument& argument : node.arguments()) {
    if (const auto* size = argument.get_if<SymInt>()) {
      const auto known = number(*size);
      if (!known) return std::nullopt;
      arguments.emplace_back(SymInt(*known));
      continue;
    }
    if (const auto* sizes = argument.get_if<std::vector<SymInt>>()) {
      std::vector<SymInt> numbers;
      for (const SymInt& size : *sizes) {
        const auto known = number(size);
        if (!known) return std::nullopt;
        numbers.emplace_back(*known);
      }
      arguments.emplace_back(std::move(numbers));
      continue;
    }
    bool known = true;
    arguments.push_back(map_tensors<HostTensor>(argument, [&](Value* input) {
      if (!input || !known) return HostTensor();
      auto value = evaluate(input, given);
      if (!value && is_overwritten(node, *input)) value = zeros_like(*input);
      known = known && value.has_value();
      return value.value_or(HostTensor());
    }));
    if (!known) return std::nullopt;
  }
  std::vector<HostTensor> results = run_kernel(op, arguments);
  for (size_t i = 0; i < results.size(); ++i) {
    if (i != output) evaluated(given).emplace(node.output(i), results[i]);
  }
  return results.at(output);
}

}  // namespace exformer::python
