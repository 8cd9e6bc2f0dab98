#include "exformer/passes/conditions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <unordered_map>
#include <unordered_set>

#include "exformer/ops/registry.h"
#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

const Symbol* find_symbol(const Graph& graph, std::string_view name) {
  for (const Symbol& symbol : graph.symbols().symbols()) {
    if (symbol.name == name) return &symbol;
  }
  return nullptr;
}

/// A size as a multiple of one symbol; 0 where it is none.
int64_t factor_of(const SymInt& size, std::string_view symbol) {
  const SymOperation operation = top_operation(size);
  if (operation.kind == SymKind::Symbol) return size.symbol_name() == symbol ? 1 : 0;
  if (operation.kind != SymKind::Mul || !operation.operands[0].is_constant()) return 0;
  return operation.operands[1].symbol_name() == symbol ? operation.operands[0].value() : 0;
}

/// Where each symbol of the inputs' sizes is read: the first dim that is the symbol, else a multiple of it.
struct Origin {
  const InputSpec* input = nullptr;
  int64_t axis = 0;
  int64_t factor = 1;

  std::string dim() const { return fmt::format("{}.shape[{}]", input->target, axis); }
  std::string words() const { return factor == 1 ? dim() : fmt::format("{} // {}", dim(), factor); }
};

class Words {
 public:
  explicit Words(const ExportedProgram& program) {
    const auto inputs = program.user_inputs();
    for (const bool is_plain : {true, false}) {
      for (const InputSpec* input : inputs) {
        const std::vector<SymInt>& sizes = input->value->meta.sizes;
        for (size_t axis = 0; axis < sizes.size(); ++axis) {
          const std::vector<std::string> names = free_symbols(sizes[axis]);
          if (names.size() != 1 || is_plain != sizes[axis].symbol_name().has_value()) continue;
          const int64_t factor = factor_of(sizes[axis], names.front());
          if (factor > 0) origins_.try_emplace(names.front(), Origin{input, static_cast<int64_t>(axis), factor});
        }
      }
    }
  }

  const Origin* origin(std::string_view symbol) const {
    const auto found = origins_.find(std::string(symbol));
    return found == origins_.end() ? nullptr : &found->second;
  }

  std::string of(const SymInt& size) const {
    return translated(to_string(size), [](std::string_view) { return true; });
  }

  /// A message of the trace: only names that the trace made up are words of it, a user's own may be plain English.
  std::string in(const std::string& message) const {
    return translated(message, [](std::string_view name) {
      const auto digits = name.substr(0, name.find('_'));
      return digits.size() > 1 && digits[0] == 's' &&
             std::all_of(digits.begin() + 1, digits.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
    });
  }

 private:
  template <class IsName>
  std::string translated(const std::string& text, IsName&& is_name) const {
    const auto is_word = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
    std::string result;
    for (size_t at = 0; at < text.size();) {
      size_t end = at;
      while (end < text.size() && is_word(static_cast<unsigned char>(text[end]))) ++end;
      if (end == at) {
        result += text[at++];
        continue;
      }
      const std::string word = text.substr(at, end - at);
      const Origin* found = is_name(word) ? origin(word) : nullptr;
      result += !found ? word : found->factor == 1 ? found->dim() : "(" + found->words() + ")";
      at = end;
    }
    return result;
  }

  std::unordered_map<std::string, Origin> origins_;
};

class Gatherer {
 public:
  Gatherer(const ExportedProgram& program, const DimReason& reason_of)
      : program_(program), graph_(*program.graph), words_(program), reason_of_(reason_of) {}

  std::vector<Condition> run() {
    for (const InputSpec* input : program_.user_inputs()) {
      const std::vector<SymInt>& sizes = input->value->meta.sizes;
      for (size_t axis = 0; axis < sizes.size(); ++axis) add_dim(*input, static_cast<int64_t>(axis), sizes[axis]);
    }
    for (const Symbol& symbol : graph_.symbols().symbols()) add_bounds(symbol);
    for (const auto& node : graph_.nodes()) {
      if (is_size_assertion(graph_, *node)) add_assertion(*node);
    }
    return std::move(conditions_);
  }

 private:
  void add_dim(const InputSpec& input, int64_t axis, const SymInt& size) {
    Condition condition{.input = input.value, .path = input.target, .axis = axis, .number = size};
    if (size.is_constant()) {
      condition.allowed = std::to_string(size.value());
      condition.reason = reason_of_(input.target, axis);
    } else if (const std::string name = free_symbols(size).front(); const Origin* origin = words_.origin(name)) {
      const bool is_origin = origin->input == &input && origin->axis == axis;
      if (is_origin && origin->factor == 1) return;
      condition.allowed = is_origin ? fmt::format("a multiple of {}", origin->factor) : words_.of(size);
      if (is_origin) condition.reason = reason_of_(input.target, axis);
    } else {
      condition.allowed = words_.of(size);
    }
    conditions_.push_back(std::move(condition));
  }

  void add_bounds(const Symbol& symbol) {
    const Origin* origin = symbol.unbacked ? nullptr : words_.origin(symbol.name);
    if (!origin) return;
    const SymInt size = *graph_.symbols().find(symbol.name);
    const auto add = [&](const SymInt& margin, const char* side, int64_t bound) {
      conditions_.push_back({.path = origin->input->target,
                             .axis = origin->axis,
                             .number = margin,
                             .allowed = fmt::format("at {} {}", side, bound * origin->factor),
                             .reason = reason_of_(origin->input->target, origin->axis)});
    };
    if (symbol.min > 1) add(size - symbol.min, "least", symbol.min);
    if (symbol.max != kUnbounded) add(SymInt(symbol.max) - size, "most", symbol.max);
  }

  /// A line of the model that several layers run is one condition.
  void add_assertion(const Node& node) {
    const SymInt margin = node.argument("self").as<SymInt>() - 1;
    const bool is_known = std::any_of(conditions_.begin(), conditions_.end(), [&](const Condition& other) {
      return other.path.empty() && other.number == margin;
    });
    if (!is_known)
      conditions_.push_back({.number = margin, .allowed = words_.in(node.argument("assert_msg").as<std::string>())});
  }

  const ExportedProgram& program_;
  const Graph& graph_;
  const Words words_;
  const DimReason& reason_of_;
  std::vector<Condition> conditions_;
};

}  // namespace

bool is_size_assertion(const Graph& graph, const Node& node) {
  if (!node.is("aten::_assert_scalar")) return false;
  const auto* condition = node.argument("self").get_if<SymInt>();
  if (!condition || condition->is_constant()) return false;
  const std::vector<std::string> names = free_symbols(*condition);
  return std::none_of(names.begin(), names.end(),
                      [&](const std::string& name) { return find_symbol(graph, name)->unbacked; });
}

std::vector<Condition> input_conditions(const ExportedProgram& program, const DimReason& reason_of) {
  return Gatherer(program, reason_of).run();
}

void name_inputs_in_assertions(ExportedProgram& program) {
  const Words words(program);
  for (const auto& node : program.graph->nodes()) {
    if (!node->is("aten::_assert_scalar")) continue;
    const size_t position = node->schema().position("assert_msg");
    node->set_argument(position, words.in(node->arguments()[position].as<std::string>()));
  }
}

void erase_assertions(Graph& graph) {
  std::vector<Node*> assertions;
  for (const auto& node : graph.nodes()) {
    if (node->is("aten::_assert_scalar")) assertions.push_back(node.get());
  }
  for (Node* node : assertions) graph.erase_node(node);
}

void assert_bounds_of_two(ExportedProgram& program) {
  Graph& graph = *program.graph;
  const Words words(program);
  const Op& op = OpRegistry::standard().get("aten::_assert_scalar");
  Node* first = graph.nodes().empty() ? nullptr : graph.nodes().front().get();
  for (const Condition& condition : program.conditions) {
    if (condition.path.empty() || condition.input) continue;
    const std::vector<std::string> names = free_symbols(condition.number);
    const SymInt size = *graph.symbols().find(names.front());
    if (condition.number != size - 2) continue;
    graph.create_node(op.schema, {size - 1, condition.text()}, {}, first);  // at least 1 where it holds
  }
}

}  // namespace exformer
