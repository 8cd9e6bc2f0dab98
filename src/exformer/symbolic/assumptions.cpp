#include "exformer/symbolic/assumptions.h"

#include <algorithm>
#include <numeric>

#include "exformer/base/error.h"
#include "exformer/symbolic/factors.h"
#include "exformer/symbolic/sym_expr.h"

namespace exformer {
namespace {

const Symbol* find_symbol(const SymContext& context, std::string_view name) {
  for (const Symbol& symbol : context.symbols()) {
    if (symbol.name == name) return &symbol;
  }
  return nullptr;
}

bool mentions(const SymInt& a, const std::string& symbol) {
  const std::vector<std::string> names = free_symbols(a);
  return std::find(names.begin(), names.end(), symbol) != names.end();
}

}  // namespace

std::optional<OpenEquality> take_open_equality(SymContext& context) {
  auto& open = context.impl().open_equality;
  if (!open) return std::nullopt;
  const OpenEquality result{open->first, open->second};
  open.reset();
  return result;
}

void assume(SymContext& context, const std::string& symbol, const SymInt& value) {
  EXFORMER_ASSERT(!mentions(value, symbol));
  auto& assumptions = context.impl().assumptions;
  const SymInt known = apply_assumptions(value);
  for (auto& [name, earlier] : assumptions) {
    earlier = substitute(
        earlier, [&](std::string_view other) { return other == symbol ? std::optional<SymInt>(known) : std::nullopt; });
  }
  assumptions.insert_or_assign(symbol, known);
}

void forget_assumptions(SymContext& context) {
  context.impl().assumptions.clear();
  context.impl().assumed_zero.clear();
}

namespace {

/// The difference without the factors and the number that all of its terms share.
std::optional<SymInt> reduced_difference(const SymInt& a, const SymInt& b) {
  return attempt([&] {
    const OpenEquality reduced = without_common_factors({apply_assumptions(a), apply_assumptions(b)});
    const SymInt difference = reduced.left - reduced.right;
    const Linear linear = linear_of(difference);
    int64_t shared = linear.constant;
    for (const SumTerm& term : linear.terms) shared = std::gcd(shared, term.coefficient);
    return shared == 0 ? difference : *cofactor(difference, shared);
  });
}

}  // namespace

void assume_equality(SymContext& context, const OpenEquality& equality) {
  if (const auto difference = reduced_difference(equality.left, equality.right))
    context.impl().assumed_zero.push_back(*difference);
}

bool is_assumed_equal(const SymInt& a, const SymInt& b) {
  const SymExpr* some = a.expr() ? a.expr() : b.expr();
  if (!some || some->context->assumed_zero.empty()) return false;
  const auto difference = reduced_difference(a, b);
  if (!difference) return false;
  const auto& known = some->context->assumed_zero;
  return std::any_of(known.begin(), known.end(),
                     [&](const SymInt& zero) { return zero == *difference || zero == -*difference; });
}

SymInt apply_assumptions(const SymInt& a) {
  if (a.is_constant()) return a;
  const auto& assumptions = a.expr()->context->assumptions;
  if (assumptions.empty()) return a;
  return substitute(a, [&](std::string_view name) -> std::optional<SymInt> {
    const auto found = assumptions.find(std::string(name));
    return found == assumptions.end() ? std::nullopt : std::optional<SymInt>(found->second);
  });
}

namespace {

/// One symbol set to another one of the same hint that makes the sides equal, at once or as soon as minima and maxima
/// are known: `b*floordiv(c*s, b) == c*s` holds when c is b.
std::optional<Solution> solve_by_pairs(SymContext& context, const SymInt& left, const SymInt& right) {
  std::vector<std::string> names = free_symbols(left - right);
  for (const std::string& given_up : names) {
    for (const std::string& kept : names) {
      const Symbol* a = find_symbol(context, given_up);
      const Symbol* b = find_symbol(context, kept);
      const bool is_candidate = a && b && a != b && a->hint && a->hint == b->hint && !a->unbacked && a > b;
      if (!is_candidate) continue;
      const SymInt value = *context.find(kept);
      const auto replace = [&](std::string_view name) {
        return name == given_up ? std::optional<SymInt>(value) : std::nullopt;
      };
      const auto holds = attempt([&] {
        const OpenEquality replaced{substitute(left, replace), substitute(right, replace)};
        return known_equal(replaced.left, replaced.right) || !orderings_of_equality(context, replaced).empty();
      });
      if (holds && *holds) return Solution{given_up, value};
    }
  }
  return std::nullopt;
}

}  // namespace

namespace {

/// c*s + rest == 0 says s == -rest/c: for one of the symbols that data define, or of the others.
std::optional<Solution> isolate(SymContext& context, const SymInt& difference, bool unbacked) {
  const Linear linear = linear_of(difference);
  std::optional<Solution> best;
  size_t best_index = 0;
  for (const SumTerm& term : linear.terms) {
    if (term.monomial->kind != ExprKind::Symbol) continue;
    const std::string& name = term.monomial->name;
    const Symbol* symbol = find_symbol(context, name);
    if (!symbol || symbol->unbacked != unbacked) continue;
    const SymInt rest = difference - SymInt(term.monomial) * SymInt(term.coefficient);
    if (mentions(rest, name) || known_divisor(rest) % term.coefficient != 0) continue;
    if (best && term.monomial->symbol_index < best_index) continue;
    best = Solution{name, floordiv(-rest, SymInt(term.coefficient))};
    best_index = term.monomial->symbol_index;
  }
  return best;
}

/// a + b == c + d, where one size of the left is as one of the right at the hints and as no other: these two are the
/// same rather than that one of them is what the others leave.
std::optional<Solution> pair_in_sum(SymContext& context, const SymInt& difference) {
  const Linear linear = linear_of(difference);
  if (linear.constant != 0 || linear.terms.size() < 4) return std::nullopt;
  std::vector<std::pair<const Symbol*, int64_t>> sizes;
  for (const SumTerm& term : linear.terms) {
    const bool is_symbol = term.monomial->kind == ExprKind::Symbol && std::abs(term.coefficient) == 1;
    const Symbol* symbol = is_symbol ? find_symbol(context, term.monomial->name) : nullptr;
    if (!symbol || !symbol->hint || symbol->unbacked) return std::nullopt;
    sizes.emplace_back(symbol, term.coefficient);
  }
  for (const auto& [symbol, sign] : sizes) {
    const auto is_alike = [&, own = symbol](const auto& other) { return other.first->hint == own->hint; };
    if (std::count_if(sizes.begin(), sizes.end(), is_alike) != 2) continue;
    const auto first = std::find_if(sizes.begin(), sizes.end(), is_alike);
    const auto second = std::find_if(first + 1, sizes.end(), is_alike);
    if (first->second == second->second) continue;
    const auto [kept, given_up] = std::minmax(first->first, second->first);
    return Solution{given_up->name, *context.find(kept->name)};
  }
  return std::nullopt;
}

OpenEquality as_assumed(const OpenEquality& equality) {
  return without_common_factors({apply_assumptions(equality.left), apply_assumptions(equality.right)});
}

}  // namespace

std::optional<Solution> solve_equality(SymContext& context, const OpenEquality& equality) {
  const OpenEquality reduced = as_assumed(equality);
  const SymInt difference = reduced.left - reduced.right;
  if (difference.is_constant()) return std::nullopt;
  if (const auto solution = pair_in_sum(context, difference)) return solution;
  if (const auto solution = isolate(context, difference, false)) return solution;
  return solve_by_pairs(context, apply_assumptions(equality.left), apply_assumptions(equality.right));
}

std::optional<Solution> solve_for_data(SymContext& context, const OpenEquality& equality) {
  const OpenEquality reduced = as_assumed(equality);
  const SymInt difference = reduced.left - reduced.right;
  return difference.is_constant() ? std::nullopt : isolate(context, difference, true);
}

std::vector<Ordering> orderings_of_equality(const SymContext& context, const OpenEquality& equality) {
  std::vector<Ordering> orderings;
  const auto extreme = [&](const SymInt& a, const SymInt& b, bool is_min) {
    const auto left = value_at_hints(context, a), right = value_at_hints(context, b);
    if (!left || !right) return is_min ? sym_min(a, b) : sym_max(a, b);
    const bool takes_left = is_min ? *left <= *right : *left >= *right;
    const SymInt& taken = takes_left ? a : b;
    const SymInt& other = takes_left ? b : a;
    orderings.push_back(is_min ? Ordering{taken, other} : Ordering{other, taken});
    return taken;
  };
  const SymVisitor<SymInt> visitor{.constant = [](int64_t value) { return SymInt(value); },
                                   .symbol = [&](std::string_view name) { return *context.find(name); },
                                   .add = [](const SymInt& a, const SymInt& b) { return a + b; },
                                   .mul = [](const SymInt& a, const SymInt& b) { return a * b; },
                                   .floordiv = [](const SymInt& a, const SymInt& b) { return floordiv(a, b); },
                                   .mod = [](const SymInt& a, const SymInt& b) { return mod(a, b); },
                                   .min = [&](const SymInt& a, const SymInt& b) { return extreme(a, b, true); },
                                   .max = [&](const SymInt& a, const SymInt& b) { return extreme(a, b, false); }};
  const auto holds = attempt([&] {
    return visit(apply_assumptions(equality.left), visitor) == visit(apply_assumptions(equality.right), visitor);
  });
  if (!holds || !*holds) orderings.clear();
  return orderings;
}

std::vector<Ordering> orderings_of_divisors(SymContext& context, const OpenEquality& equality) {
  std::vector<Ordering> orderings;
  const auto look_at = [&](const auto& self, SymInt divisor) -> void {
    if (const SymOperation operation = top_operation(divisor); operation.kind == SymKind::Mul) {
      for (const SymInt& factor : operation.operands) self(self, factor);
      return;
    }
    if (bounds(divisor).min > 0 || value_at_hints(context, divisor).value_or(0) < 1) return;
    for (const std::string& name : free_symbols(divisor)) {  // symbols that it is a multiple of say nothing
      const SymInt symbol = *context.find(name);
      const auto quotient = attempt([&] { return floordiv(divisor, symbol); });
      if (quotient && !quotient->is_constant() && bounds(symbol).min > 0 && *quotient * symbol == divisor)
        divisor = *quotient;
    }
    const bool is_known =
        std::any_of(orderings.begin(), orderings.end(), [&](const Ordering& other) { return other.larger == divisor; });
    if (!is_known) orderings.push_back({1, divisor});
  };
  const auto walk = [&](const auto& self, const SymInt& value) -> void {
    const SymOperation operation = top_operation(value);
    if (operation.kind == SymKind::FloorDiv) look_at(look_at, operation.operands[1]);
    for (const SymInt& operand : operation.operands) self(self, operand);
  };
  walk(walk, apply_assumptions(equality.left));
  walk(walk, apply_assumptions(equality.right));
  return orderings;
}

std::vector<SymInt> zero_remainders(const SymContext& context, const OpenEquality& equality) {
  std::vector<SymInt> remainders;
  const auto walk = [&](const auto& self, const SymInt& value) -> void {
    const SymOperation operation = top_operation(value);
    for (const SymInt& operand : operation.operands) self(self, operand);
    const bool is_new = std::find(remainders.begin(), remainders.end(), value) == remainders.end();
    if (operation.kind == SymKind::Mod && is_new && value_at_hints(context, value) == 0) remainders.push_back(value);
  };
  walk(walk, apply_assumptions(equality.left));
  walk(walk, apply_assumptions(equality.right));
  return remainders;
}

std::vector<SymInt> zero_remainders_of_quotients(const SymContext& context, const OpenEquality& equality) {
  std::vector<SymInt> remainders;
  const auto walk = [&](const auto& self, const SymInt& value) -> void {
    const SymOperation operation = top_operation(value);
    for (const SymInt& operand : operation.operands) self(self, operand);
    if (operation.kind != SymKind::FloorDiv || !operation.operands[1].is_constant()) return;
    const auto remainder = attempt([&] { return mod(operation.operands[0], operation.operands[1]); });
    if (!remainder || remainder->is_constant() || value_at_hints(context, *remainder) != 0) return;
    if (std::find(remainders.begin(), remainders.end(), *remainder) == remainders.end())
      remainders.push_back(*remainder);
  };
  walk(walk, apply_assumptions(equality.left));
  walk(walk, apply_assumptions(equality.right));
  return remainders;
}

std::vector<SymInt> remainders_that_solve(SymContext& context, const OpenEquality& equality) {
  constexpr int64_t kLargestDivisor = 4096;
  const OpenEquality assumed = as_assumed(equality);
  for (const std::string& name : free_symbols(assumed.left - assumed.right)) {
    const Symbol* symbol = find_symbol(context, name);
    if (!symbol || symbol->unbacked || !symbol->hint) continue;
    const SymInt whole = *context.find(name);
    for (int64_t divisor = 2; divisor <= std::min(*symbol->hint, kLargestDivisor); ++divisor) {
      if (*symbol->hint % divisor != 0) continue;
      const auto multiple = [&](std::string_view other) {
        return other == name ? std::optional<SymInt>(divisor * whole) : std::nullopt;
      };
      const auto holds =
          attempt([&] { return known_equal(substitute(assumed.left, multiple), substitute(assumed.right, multiple)); });
      if (holds && *holds) return {mod(whole, divisor)};
    }
  }
  return {};
}

std::optional<int64_t> value_at_hints(const SymContext& context, const SymInt& a) {
  for (const std::string& name : free_symbols(a)) {
    const Symbol* symbol = find_symbol(context, name);
    if (!symbol || !symbol->hint) return std::nullopt;
  }
  return evaluate(a, [&](std::string_view name) { return *find_symbol(context, name)->hint; });
}

}  // namespace exformer
