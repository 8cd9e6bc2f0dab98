#include "exformer/passes/rewrite.h"

#include <algorithm>

#include "exformer/base/error.h"
#include "exformer/ops/builder.h"
#include "exformer/passes/dead_code.h"
#include "exformer/passes/pattern.h"

namespace exformer {
namespace {

/// Numbers match by value: 2 and 2.0 are the same exponent.
bool same_constant(const Argument& a, const Argument& b) {
  if (a == b) return true;
  const auto number = [](const Argument& argument) -> std::optional<double> {
    if (const auto* real = argument.get_if<double>()) return *real;
    const auto* integer = argument.get_if<SymInt>();
    if (integer && integer->is_constant()) return static_cast<double>(integer->value());
    return std::nullopt;
  };
  const auto x = number(a), y = number(b);
  return x && y && *x == *y;
}

/// Python's `x * 2` is mul.Tensor in graphs that torch captures and mul.Scalar elsewhere: the same to a pattern.
bool is_same_op(const std::string& wanted, const std::string& given) {
  if (wanted == given) return true;
  const auto split_overload = [](const std::string& name) {
    return std::pair(name.substr(0, name.find('.')), name.substr(std::min(name.find('.'), name.size())));
  };
  const auto [base, overload] = split_overload(wanted);
  const auto [other_base, other_overload] = split_overload(given);
  return base == other_base && overload == ".Scalar" && other_overload == ".Tensor";
}

Argument default_of(const SchemaArgument& argument) {
  return map_tensors<Value*>(argument.default_value, [](std::nullptr_t) -> Value* { return nullptr; });
}

class Matcher {
 public:
  explicit Matcher(const Pattern& pattern) : pattern_(pattern) {}

  std::optional<Match> match(Node* last) const {
    const PatternNode* root = pattern_.producer(pattern_.result);
    Match match;
    if (!root || !match_node(*root, last, match)) return std::nullopt;
    return is_closed(match, last) ? std::optional(std::move(match)) : std::nullopt;
  }

 private:
  bool match_node(const PatternNode& pattern, Node* node, Match& match) const {
    if (!is_same_op(pattern.op->schema.name, node->op())) return false;
    const auto bound = std::find(match.nodes.begin(), match.nodes.end(), node);
    if (bound != match.nodes.end())
      return match.values.contains(pattern.results[0]) && match.values.at(pattern.results[0]) == node->output();
    Match attempt = match;
    if (match_arguments(pattern, node, attempt, false)) {
      match = std::move(attempt);
      return true;
    }
    if (!has_tag(pattern.op->tags, Tag::Commutative)) return false;
    attempt = match;
    if (!match_arguments(pattern, node, attempt, true)) return false;
    match = std::move(attempt);
    return true;
  }

  bool match_arguments(const PatternNode& pattern, Node* node, Match& match, bool swap) const {
    match.nodes.push_back(node);
    for (size_t i = 0; i < pattern.results.size(); ++i) {
      const auto [found, is_new] = match.values.try_emplace(pattern.results[i], node->output(i));
      if (!is_new && found->second != node->output(i)) return false;
    }
    for (size_t i = 0; i < node->arguments().size(); ++i) {
      const size_t wanted = swap && i < 2 ? 1 - i : i;
      const Argument& given = node->arguments()[i];
      const auto entry = std::find_if(pattern.arguments.begin(), pattern.arguments.end(),
                                      [&](const auto& item) { return item.first == wanted; });
      if (entry == pattern.arguments.end()) {
        if (!same_constant(given, default_of(node->schema().arguments[i]))) return false;
      } else if (!match_argument(entry->second, given, match)) {
        return false;
      }
    }
    return true;
  }

  bool match_argument(const PatternArgument& wanted, const Argument& given, Match& match) const {
    Value* const* value = given.get_if<Value*>();
    if (wanted.kind == PatternArgument::Kind::Constant) return !value && same_constant(wanted.constant, given);
    if (wanted.kind == PatternArgument::Kind::Sizes) return false;  // only for replacements
    if (wanted.kind == PatternArgument::Kind::AnyConstant) {
      if (value || given.is<std::vector<Value*>>()) return false;
      const auto [found, is_new] = match.constants.try_emplace(wanted.name, given);
      return is_new || same_constant(found->second, given);
    }
    if (!value || !*value) return false;
    if (const PatternNode* producer = pattern_.producer(wanted.name)) {
      Node* node = (*value)->producer();
      return node && producer->results[std::min((*value)->index(), producer->results.size() - 1)] == wanted.name &&
             match_node(*producer, node, match);
    }
    const auto [found, is_new] = match.values.try_emplace(wanted.name, *value);
    return is_new || found->second == *value;
  }

  /// Nothing outside reads what is inside.
  static bool is_closed(const Match& match, const Node* last) {
    for (const Node* node : match.nodes) {
      if (node == last) continue;
      for (const Value* output : node->outputs()) {
        if (node->graph().is_output(output)) return false;
        for (Node* user : output->users()) {
          if (std::find(match.nodes.begin(), match.nodes.end(), user) == match.nodes.end()) return false;
        }
      }
    }
    return true;
  }

  const Pattern& pattern_;
};

Value* build(const Pattern& pattern, const Match& match, Node* before, const OpRegistry& ops) {
  GraphBuilder builder(before->graph(), before, ops);
  builder.set_module_path(before->module_path);
  std::map<std::string, Value*> made;
  const auto value_of = [&](const std::string& name) {
    const auto found = made.find(name);
    return found != made.end() ? found->second : match.values.at(name);
  };
  for (const PatternNode& node : pattern.nodes) {
    std::vector<Argument> arguments;
    for (const SchemaArgument& argument : node.op->schema.arguments) arguments.push_back(default_of(argument));
    for (const auto& [position, argument] : node.arguments) {
      switch (argument.kind) {
        case PatternArgument::Kind::Value: arguments[position] = value_of(argument.name); break;
        case PatternArgument::Kind::AnyConstant: arguments[position] = match.constants.at(argument.name); break;
        case PatternArgument::Kind::Sizes: arguments[position] = value_of(argument.name)->meta.sizes; break;
        case PatternArgument::Kind::Constant: arguments[position] = argument.constant; break;
      }
    }
    const Node* added = builder.append(*node.op, std::move(arguments));
    for (size_t i = 0; i < node.results.size(); ++i) made[node.results[i]] = added->output(i);
  }
  return value_of(pattern.result);
}

}  // namespace

const Value& Match::operator[](std::string_view name) const {
  const auto found = values.find(name);
  EXFORMER_ASSERT(found != values.end());
  return *found->second;
}

const Argument& Match::constant(std::string_view name) const {
  const auto found = constants.find(name);
  EXFORMER_ASSERT(found != constants.end());
  return found->second;
}

bool apply_rewrite(Graph& graph, const Rewrite& rewrite, const OpRegistry& ops, std::vector<std::string>* refusals) {
  const Pattern pattern = parse_pattern(rewrite.match, ops, rewrite.name),
                replacement = parse_pattern(rewrite.replace, ops, rewrite.name);
  const PatternNode* root = pattern.producer(pattern.result);
  if (!root) fail("rewrite {}: the pattern returns one of its inputs", rewrite.name);
  const Matcher matcher(pattern);
  bool changed = false;
  for (auto at = graph.nodes().begin(); at != graph.nodes().end(); ++at) {
    Node* node = at->get();
    if (!is_same_op(root->op->schema.name, node->op())) continue;
    const auto match = matcher.match(node);
    if (!match) continue;
    if (rewrite.when) {
      if (const Verdict verdict = rewrite.when(*match); !verdict.accepted) {
        if (refusals) refusals->push_back(verdict.reason);
        continue;
      }
    }
    Value* result = build(replacement, *match, node, ops);
    graph.replace_all_uses(node->output(), result);
    changed = true;
  }
  if (changed) eliminate_dead_nodes(graph);
  return changed;
}

}  // namespace exformer
