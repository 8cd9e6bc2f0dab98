// Walks over expressions: values, replacement of symbols, free symbols, one operation at a time.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "exformer/symbolic/sym_expr.h"

namespace exformer {
namespace {

using Lookup = std::function<int64_t(std::string_view)>;

int64_t evaluate_node(const SymExpr& node, const Lookup& lookup) {
  const auto value_of = [&](const SymInt& a) { return a.expr() ? evaluate_node(*a.expr(), lookup) : a.value(); };
  switch (node.kind) {
    case ExprKind::Symbol: return lookup(node.name);
    case ExprKind::FloorDiv: return checked_floordiv(value_of(node.operands[0]), value_of(node.operands[1]));
    case ExprKind::Mod: return checked_mod(value_of(node.operands[0]), value_of(node.operands[1]));
    case ExprKind::Min:
    case ExprKind::Max: {
      int64_t result = value_of(node.operands[0]);
      for (const SymInt& operand : node.operands) {
        const int64_t value = value_of(operand);
        result = node.kind == ExprKind::Max ? std::max(result, value) : std::min(result, value);
      }
      return result;
    }
    case ExprKind::Product: {
      int64_t result = 1;
      for (const SymExpr* factor : node.factors) result = checked_multiply(result, evaluate_node(*factor, lookup));
      return result;
    }
    case ExprKind::Sum: break;
  }
  int64_t result = node.constant;
  for (const SumTerm& term : node.terms) {
    result = checked_add(result, checked_multiply(term.coefficient, evaluate_node(*term.monomial, lookup)));
  }
  return result;
}

class Substitution {
 public:
  explicit Substitution(const std::function<std::optional<SymInt>(std::string_view)>& lookup) : lookup_(lookup) {}

  SymInt of(const SymInt& a) {
    if (a.is_constant()) return a;
    if (const auto found = done_.find(a.expr()); found != done_.end()) return found->second;
    const SymInt result = rebuild(*a.expr());
    done_.emplace(a.expr(), result);
    return result;
  }

 private:
  SymInt rebuild(const SymExpr& node) {
    switch (node.kind) {
      case ExprKind::Symbol: return lookup_(node.name).value_or(SymInt(&node));
      case ExprKind::FloorDiv: return floordiv(of(node.operands[0]), of(node.operands[1]));
      case ExprKind::Mod: return mod(of(node.operands[0]), of(node.operands[1]));
      case ExprKind::Min:
      case ExprKind::Max: {
        SymInt result = of(node.operands[0]);
        for (const SymInt& operand : node.operands) {
          result = node.kind == ExprKind::Max ? sym_max(result, of(operand)) : sym_min(result, of(operand));
        }
        return result;
      }
      case ExprKind::Product: {
        SymInt result = 1;
        for (const SymExpr* factor : node.factors) result = result * of(SymInt(factor));
        return result;
      }
      case ExprKind::Sum: break;
    }
    SymInt result = node.constant;
    for (const SumTerm& term : node.terms) result = result + SymInt(term.coefficient) * of(SymInt(term.monomial));
    return result;
  }

  const std::function<std::optional<SymInt>(std::string_view)>& lookup_;
  std::unordered_map<const SymExpr*, SymInt> done_;
};

void collect_symbols(const SymExpr& node, std::unordered_set<const SymExpr*>& seen, std::vector<std::string>& names) {
  if (!seen.insert(&node).second) return;
  if (node.kind == ExprKind::Symbol) names.push_back(node.name);
  for (const SymInt& operand : node.operands) {
    if (operand.expr()) collect_symbols(*operand.expr(), seen, names);
  }
  for (const SymExpr* factor : node.factors) collect_symbols(*factor, seen, names);
  for (const SumTerm& term : node.terms) collect_symbols(*term.monomial, seen, names);
}

// The last part of a sum (the constant, else the last term) and all before it.
SymOperation split_sum(const SymExpr& node) {
  SymContext::Impl& context = *node.context;
  if (node.constant != 0) return {SymKind::Add, {context.sorted_sum(node.terms, 0), node.constant}};
  const SumTerm last = node.terms.back();
  if (node.terms.size() == 1) return {SymKind::Mul, {last.coefficient, SymInt(last.monomial)}};
  std::vector<SumTerm> before(node.terms.begin(), node.terms.end() - 1);
  return {SymKind::Add, {context.sorted_sum(std::move(before), 0), context.sorted_sum({last}, 0)}};
}

}  // namespace

int64_t evaluate(const SymInt& a, const Lookup& lookup) {
  return a.expr() ? evaluate_node(*a.expr(), lookup) : a.value();
}

SymInt substitute(const SymInt& a, const std::function<std::optional<SymInt>(std::string_view)>& lookup) {
  return Substitution(lookup).of(a);
}

std::vector<std::string> free_symbols(const SymInt& a) {
  std::vector<std::string> names;
  std::unordered_set<const SymExpr*> seen;
  if (a.expr()) collect_symbols(*a.expr(), seen, names);
  return names;
}

std::optional<SymbolSolution> solve_for(const SymInt& symbol, const std::vector<SymInt>& sizes,
                                        const std::function<bool(std::string_view)>& is_known) {
  const std::string_view name = *symbol.symbol_name();
  for (const SymInt& size : sizes) {
    const auto with = [&](int64_t value) {
      return substitute(
          size, [&](std::string_view other) { return other == name ? std::optional<SymInt>(value) : std::nullopt; });
    };
    const SymInt rest = with(0), coefficient = with(1) - rest;
    if (!coefficient.is_constant() || coefficient == SymInt(0) || coefficient * symbol + rest != size) continue;
    const std::vector<std::string> others = free_symbols(rest);
    if (std::all_of(others.begin(), others.end(), is_known)) return SymbolSolution{size, rest, coefficient.value()};
  }
  return std::nullopt;
}

SymOperation top_operation(const SymInt& a) {
  if (a.is_constant()) return {SymKind::Constant, {}};
  const SymExpr& node = *a.expr();
  SymContext::Impl& context = *node.context;
  switch (node.kind) {
    case ExprKind::Symbol: return {SymKind::Symbol, {}};
    case ExprKind::FloorDiv: return {SymKind::FloorDiv, node.operands};
    case ExprKind::Mod: return {SymKind::Mod, node.operands};
    case ExprKind::Min:
    case ExprKind::Max: {
      const SymKind kind = node.kind == ExprKind::Max ? SymKind::Max : SymKind::Min;
      if (node.operands.size() == 2) return {kind, node.operands};
      std::vector<SymInt> before(node.operands.begin(), node.operands.end() - 1);
      return {kind, {context.atom(node.kind, std::move(before)), node.operands.back()}};
    }
    case ExprKind::Product: {
      std::vector<const SymExpr*> before(node.factors.begin(), node.factors.end() - 1);
      return {SymKind::Mul, {SymInt(context.product(std::move(before))), SymInt(node.factors.back())}};
    }
    case ExprKind::Sum: break;
  }
  return split_sum(node);
}

}  // namespace exformer
