// Symbol sources and arithmetic nodes.
#include "exformer/backends/pt2/sym_nodes.h"

#include <array>
#include <optional>
#include <utility>

#include "exformer/base/error.h"
#include "exformer/symbolic/printers.h"

namespace exformer::pt2 {
namespace {

std::string named_input(std::string_view name, std::string_view argument) {
  return fmt::format(R"({{"name":"{}","arg":{},"kind":1}})", name, argument);
}

struct Operation {
  std::string_view target;
  std::string_view base;
};

Operation operation_of(SymKind kind) {
  switch (kind) {
    case SymKind::Add: return {"_operator.add", "add"};
    case SymKind::Mul: return {"_operator.mul", "mul"};
    case SymKind::FloorDiv: return {"_operator.floordiv", "floordiv"};
    case SymKind::Mod: return {"_operator.mod", "mod"};
    case SymKind::Min: return {"torch.sym_min", "sym_min"};
    default: return {"torch.sym_max", "sym_max"};
  }
}

}  // namespace

SymNodes::SymNodes(const ExportedProgram& program, Names& names, SymText& text, JsonText& nodes, JsonText& values,
                   JsonText& conditions)
    : names_(&names), text_(&text), nodes_(&nodes), values_(&values), conditions_(&conditions) {
  find_sources(program);
}

// Takes the symbols that the value's dims give alone, or with the help of symbols already known. True when a new one
// was found.
bool SymNodes::offer(const Value* value) {
  bool found = false;
  for (size_t dim = 0; value->kind == ValueKind::Tensor && dim < value->meta.sizes.size(); ++dim) {
    const SymInt& size = value->meta.sizes[dim];
    if (size.is_constant()) continue;
    std::string unknown;
    bool single = true;
    for (const std::string& name : free_symbols(size)) {
      if (sources_.contains(name)) continue;
      single = single && unknown.empty();
      unknown = name;
    }
    if (unknown.empty() || !single) continue;
    const auto at = [&](const SymInt& replacement) {
      return substitute(size, [&](std::string_view name) {
        return name == unknown ? std::optional<SymInt>(replacement) : std::nullopt;
      });
    };
    const std::optional<SymInt> symbol = value->graph().symbols().find(unknown);
    if (!symbol) continue;
    const SymInt offset = at(0);
    const SymInt scale = at(1) - offset;
    if (scale == SymInt(0) || !(scale * *symbol + offset == size)) continue;  // not linear: floordiv, mod, min, max
    sources_.emplace(unknown, Source{value, static_cast<int64_t>(dim), scale, offset});
    found = true;
  }
  return found;
}

void SymNodes::find_sources(const ExportedProgram& program) {
  const std::vector<const InputSpec*> inputs = program.user_inputs();
  // Plain dims first: `batch` of the second input is better than (2*batch) / 2 of the first.
  for (const InputSpec* input : inputs) {
    const Value* value = input->value;
    if (value->kind == ValueKind::SymInt) provide(value);
    for (size_t dim = 0; value->kind == ValueKind::Tensor && dim < value->meta.sizes.size(); ++dim) {
      if (const auto name = value->meta.sizes[dim].symbol_name()) {
        sources_.emplace(std::string(*name), Source{value, static_cast<int64_t>(dim)});
      }
    }
  }
  for (bool found = true; found;) {
    found = false;
    for (const InputSpec* input : inputs) found = offer(input->value) || found;
  }
  // What no input gives is defined by a node: its result is a symbol, or has it as a dim.
  for (const auto& node : program.graph->nodes()) {
    for (const Value* output : node->outputs()) offer(output);
  }
}

void SymNodes::provide(const Value* value) { made_.emplace(value->sym, names_->of(value)); }

std::string SymNodes::emit(std::string_view target, std::string_view base, std::string_view inputs,
                           const SymInt& result) {
  std::string name = names_->fresh(base);
  nodes_->begin_object().member("target", target).key("inputs").raw(fmt::format("[{}]", inputs));
  nodes_->key("outputs").raw(fmt::format(R"([{{"as_sym_int":{{"as_name":"{}"}}}}])", name));
  nodes_->key("metadata")
      .begin_object()
      .end_object()
      .key("is_hop_single_tensor_return")
      .null()
      .member("name", name)
      .end_object();
  values_->key(name).raw(text_->json(result));
  return name;
}

std::string SymNodes::compare(const SymInt& expression, Comparison comparison, int64_t bound) {
  const bool at_least = comparison == Comparison::AtLeast;
  const std::string inputs =
      named_input("a", operand(expression)) + "," + named_input("b", fmt::format(R"({{"as_int":{}}})", bound));
  const std::string_view base = at_least ? "ge" : "le";
  const std::string name = names_->fresh(base);
  nodes_->begin_object().member("target", fmt::format("_operator.{}", base)).key("inputs").raw("[" + inputs + "]");
  nodes_->key("outputs").raw(fmt::format(R"([{{"as_sym_bool":{{"as_name":"{}"}}}}])", name));
  nodes_->key("metadata").begin_object().end_object().key("is_hop_single_tensor_return").null().member("name", name);
  nodes_->end_object();
  conditions_->key(name).begin_object().key("as_expr").begin_object();
  conditions_->member("expr_str", fmt::format("{}({}, Integer({}))", at_least ? "GreaterThan" : "LessThan",
                                              text_->expression(expression), bound));
  conditions_->key("hint").null().end_object().end_object();
  return name;
}

std::string SymNodes::operand(const SymInt& expression) {
  if (expression.is_constant()) return fmt::format(R"({{"as_int":{}}})", expression.value());
  return fmt::format(R"({{"as_sym_int":{{"as_name":"{}"}}}})", name(expression));
}

std::string SymNodes::emit_symbol(const SymInt& symbol) {
  const std::string name(*symbol.symbol_name());
  const auto found = sources_.find(name);
  if (found == sources_.end()) fail("the size '{}' is used, but no input and no node defines it", name);
  if (!in_progress_.insert(name).second) fail("the size '{}' is defined by itself", name);
  const Source source = found->second;
  const SymInt size = source.value->meta.sizes[source.dim];
  const std::string read =
      emit("torch.ops.aten.sym_size.int", "sym_size_int",
           named_input("self", fmt::format(R"({{"as_tensor":{{"name":"{}"}}}})", names_->of(source.value))) + "," +
               named_input("dim", fmt::format(R"({{"as_int":{}}})", source.dim)),
           size);
  std::string result = read;
  const auto step = [&](std::string_view target, std::string_view base, const SymInt& by, const SymInt& value) {
    const std::string left = fmt::format(R"({{"as_sym_int":{{"as_name":"{}"}}}})", result);
    const std::string right = operand(by);
    result = emit(target, base, named_input("a", left) + "," + named_input("b", right), value);
  };
  if (!(size == symbol)) made_.emplace(size, read);
  if (!(source.offset == SymInt(0))) step("_operator.sub", "sub", source.offset, size - source.offset);
  if (!(source.scale == SymInt(1))) step("_operator.floordiv", "floordiv", source.scale, symbol);
  in_progress_.erase(name);
  return result;
}

std::string SymNodes::emit_operation(const SymInt& expression) {
  const SymOperation operation = top_operation(expression);
  const SymInt& left = operation.operands[0];
  const SymInt& right = operation.operands[1];
  Operation op = operation_of(operation.kind);
  SymInt first = left;
  SymInt second = right;
  if (operation.kind == SymKind::Add) {
    // a + (-1 * b) is a - b.
    const auto negated = [](const SymInt& term) {
      return !term.is_constant() && bounds(-term).min >= 0 && bounds(term).min < 0;
    };
    if (negated(right)) {
      op = {"_operator.sub", "sub"};
      second = -right;
    } else if (negated(left)) {
      op = {"_operator.sub", "sub"};
      first = right;
      second = -left;
    }
  }
  const std::string a = operand(first);
  const std::string b = operand(second);
  return emit(op.target, op.base, named_input("a", a) + "," + named_input("b", b), expression);
}

const std::string& SymNodes::name(const SymInt& expression) {
  EXFORMER_ASSERT(!expression.is_constant());
  const auto found = made_.find(expression);
  if (found != made_.end()) return found->second;
  std::string made = expression.symbol_name() ? emit_symbol(expression) : emit_operation(expression);
  return made_.emplace(expression, std::move(made)).first->second;
}

}  // namespace exformer::pt2
