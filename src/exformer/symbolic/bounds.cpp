// What is known about values: intervals with saturating arithmetic, divisors, and the comparisons made of them.
#include <algorithm>
#include <map>

#include "exformer/symbolic/sym_expr.h"

namespace exformer {
namespace {

constexpr Interval kAnything{};

// An end of an interval is a number or, at the extremes, minus or plus infinity.
bool infinite(int64_t end) { return end == kInt64Min || end == kInt64Max; }

int64_t add_ends(int64_t a, int64_t b) {
  if (infinite(a)) return a;
  if (infinite(b)) return b;
  int64_t result;
  if (__builtin_add_overflow(a, b, &result)) return a < 0 ? kInt64Min : kInt64Max;
  return result;
}

int64_t multiply_ends(int64_t a, int64_t b) {
  if (a == 0 || b == 0) return 0;  // every value is finite, so nothing times zero is zero
  int64_t result;
  if (infinite(a) || infinite(b) || __builtin_mul_overflow(a, b, &result)) {
    return (a < 0) != (b < 0) ? kInt64Min : kInt64Max;
  }
  return result;
}

int64_t divide_ends(int64_t a, int64_t b) {
  if (infinite(b)) return a == 0 || (a < 0) == (b < 0) ? 0 : -1;
  if (infinite(a)) return (a < 0) == (b < 0) ? kInt64Max : kInt64Min;
  return checked_floordiv(a, b);  // a is no extreme, so this fits
}

// A lower end never means "minus infinity" when it is large, nor an upper end "plus infinity" when it is small.
Interval interval_of(int64_t min, int64_t max) {
  return {min == kInt64Max ? kInt64Max - 1 : min, max == kInt64Min ? kInt64Min + 1 : max};
}

Interval sum_of(const Interval& a, const Interval& b) {
  return interval_of(add_ends(a.min, b.min), add_ends(a.max, b.max));
}

Interval product_of(const Interval& a, const Interval& b) {
  const int64_t corners[] = {multiply_ends(a.min, b.min), multiply_ends(a.min, b.max), multiply_ends(a.max, b.min),
                             multiply_ends(a.max, b.max)};
  return interval_of(*std::min_element(corners, corners + 4), *std::max_element(corners, corners + 4));
}

Interval scaled(const Interval& a, int64_t factor) { return product_of(a, interval_of(factor, factor)); }

Interval intersection(const Interval& a, const Interval& b) { return {std::max(a.min, b.min), std::min(a.max, b.max)}; }

// x^n is never negative for even n.
Interval power_of(const Interval& base, size_t exponent) {
  Interval result{1, 1};
  for (size_t i = 0; i < exponent; ++i) result = product_of(result, base);
  if (exponent % 2 == 0) result.min = std::max<int64_t>(result.min, 0);
  return result;
}

Interval quotient_of(const Interval& n, const Interval& d) {
  // On either side of zero the quotient is monotone in both operands: its ends are at the corners.
  Interval result{kInt64Max, kInt64Min};
  const auto corner = [&](int64_t a, int64_t b) {
    const int64_t end = divide_ends(a, b);
    result = {std::min(result.min, end), std::max(result.max, end)};
  };
  const auto side = [&](int64_t low, int64_t high) {
    if (low > high) return;
    for (const int64_t b : {low, high}) {
      corner(n.min, b);
      corner(n.max, b);
    }
  };
  side(std::max<int64_t>(d.min, 1), d.max);
  side(d.min, std::min<int64_t>(d.max, -1));
  if (result.min > result.max) return kAnything;  // only the divisor zero is possible: there is no value
  return interval_of(result.min, result.max);
}

Interval remainder_of(const Interval& n, const Interval& d) {
  Interval result{0, 0};
  if (d.min < 0) result.min = d.min == kInt64Min ? kInt64Min : d.min + 1;
  if (d.max > 0) result.max = d.max == kInt64Max ? kInt64Max : d.max - 1;
  if (d.min > 0 && n.min >= 0) result.max = std::min(result.max, n.max);
  if (d.max < 0 && n.max <= 0) result.min = std::max(result.min, n.min);
  return result;
}

// Values are k modulo g: both ends move to the nearest such number.
Interval snapped(Interval a, int64_t g, int64_t k) {
  if (g <= 1) return a;
  const int64_t residue = checked_mod(k, g);
  const auto distance = [&](int64_t from, int64_t to) {  // (to - from) mod g, without overflow
    const int64_t difference = checked_mod(to, g) - checked_mod(from, g);
    return difference < 0 ? difference + g : difference;
  };
  if (!infinite(a.min)) a.min = add_ends(a.min, distance(a.min, residue));
  if (!infinite(a.max)) a.max = add_ends(a.max, -distance(residue, a.max));
  return interval_of(a.min, a.max);
}

/// The largest integer known to divide every term (not the constant).
int64_t terms_divisor(const SymExpr& sum) {
  int64_t shared = 0;
  for (const SumTerm& term : sum.terms) {
    const auto both = try_multiply(term.coefficient, term.monomial->divisor);
    shared = common_divisor(shared, both.value_or(term.coefficient));
  }
  return shared;
}

Interval plain_sum(const SymExpr& sum) {
  Interval result = interval_of(sum.constant, sum.constant);
  for (const SumTerm& term : sum.terms) result = sum_of(result, scaled(term.monomial->interval, term.coefficient));
  return snapped(result, terms_divisor(sum), sum.constant);
}

// x*y - x with x, y >= 1: written in x' = x - 1 >= 0 and y' = y - 1 >= 0 it is x'*y' + y', which is not negative.
Interval shifted_sum(const SymExpr& sum) {
  constexpr size_t kMaxDegree = 6;
  std::map<std::vector<const SymExpr*>, int64_t> shifted;
  for (const SumTerm& term : sum.terms) {
    const std::vector<const SymExpr*> atoms = atoms_of(term.monomial);
    if (atoms.size() > kMaxDegree) return kAnything;
    for (const SymExpr* atom : atoms) {
      if (atom->interval.min == kInt64Min) return kAnything;
    }
    for (size_t chosen = 0; chosen < (size_t{1} << atoms.size()); ++chosen) {
      std::vector<const SymExpr*> monomial;
      int64_t coefficient = term.coefficient;
      for (size_t i = 0; i < atoms.size(); ++i) {
        if (chosen >> i & 1) {
          monomial.push_back(atoms[i]);
        } else {
          coefficient = checked_multiply(coefficient, atoms[i]->interval.min);
        }
      }
      int64_t& entry = shifted[std::move(monomial)];
      entry = checked_add(entry, coefficient);
    }
  }
  Interval result = interval_of(sum.constant, sum.constant);
  for (const auto& [monomial, coefficient] : shifted) {
    Interval value{1, 1};
    for (const SymExpr* atom : monomial) {
      const Interval& range = atom->interval;
      value = product_of(value, {0, infinite(range.max) ? kInt64Max : add_ends(range.max, -range.min)});
    }
    result = sum_of(result, scaled(value, coefficient));
  }
  return result;
}

SymInt without(const SymInt& sum, const SumTerm& term) {
  return sum - SymInt(term.coefficient) * SymInt(term.monomial);
}

Interval refined_bounds(const SymInt& a, int budget);

// Bounds of rest + y for y anywhere between 0 and `end`.
Interval between(const SymInt& rest, const SymInt& end, int budget) {
  const Interval from = refined_bounds(rest, budget - 1), to = refined_bounds(rest + end, budget - 1);
  return {std::min(from.min, to.min), std::max(from.max, to.max)};
}

// For the first floordiv, min, max or mod term: bounds of the whole with that term written in its operands.
Interval opened_sum(const SymInt& sum, int budget) {
  for (const SumTerm& term : sum.expr()->terms) {
    const SymExpr& atom = *term.monomial;
    const SymInt coefficient = term.coefficient;
    if (atom.kind == ExprKind::FloorDiv && atom.operands[1].is_constant()) {
      // d*floordiv(x, d) = x - mod(x, d), mod in [0, d-1]
      const int64_t d = atom.operands[1].value();
      const SymInt whole = without(sum, term) * SymInt(d) + coefficient * atom.operands[0];
      const Interval mod_range = scaled({0, atom.exact_quotient ? 0 : d - 1}, -term.coefficient);
      const Interval range = sum_of(refined_bounds(whole, budget - 1), mod_range);
      Interval result = kAnything;
      if (!infinite(range.min)) result.min = -checked_floordiv(-range.min, d);
      if (!infinite(range.max)) result.max = checked_floordiv(range.max, d);
      return result;
    }
    if (atom.kind == ExprKind::Min || atom.kind == ExprKind::Max) {
      // c*max(x, y) + r = max(c*x + r, c*y + r) for c > 0, the min of both for c < 0
      const bool as_max = (atom.kind == ExprKind::Max) == (term.coefficient > 0);
      const SymInt rest = without(sum, term);
      Interval result = as_max ? Interval{kInt64Min, kInt64Min} : Interval{kInt64Max, kInt64Max};
      for (const SymInt& operand : atom.operands) {
        const Interval range = refined_bounds(rest + coefficient * operand, budget - 1);
        result = as_max ? Interval{std::max(result.min, range.min), std::max(result.max, range.max)}
                        : Interval{std::min(result.min, range.min), std::min(result.max, range.max)};
      }
      return interval_of(result.min, result.max);
    }
    if (atom.kind == ExprKind::FloorDiv && bounds(atom.operands[0]).min >= 0 && bounds(atom.operands[1]).min >= 1) {
      return between(without(sum, term), coefficient * atom.operands[0], budget);  // floordiv(x, d) in [0, x]
    }
    if (atom.kind == ExprKind::Mod && excludes_zero(atom.operands[1])) {
      const SymInt &x = atom.operands[0], &d = atom.operands[1], rest = without(sum, term);
      // mod(x, d) = x - d*floordiv(x, d)
      const Interval opened = refined_bounds(rest + coefficient * (x - d * floordiv(x, d)), budget - 1);
      if (d.is_constant() || bounds(d).min < 1) return opened;
      return intersection(opened, between(rest, coefficient * (d - 1), budget));  // mod(x, d) in [0, d - 1]
    }
  }
  return kAnything;
}

// Tightens a sum's interval; the node keeps the result and how deep the search for it went.
Interval refined_bounds(const SymInt& a, int budget) {
  if (a.is_constant()) return interval_of(a.value(), a.value());
  const SymExpr& node = *a.expr();
  if (node.kind != ExprKind::Sum || node.refined_budget >= budget) return node.interval;
  constexpr size_t kMaxTerms = 24;
  if (node.terms.size() > kMaxTerms) return node.interval;
  node.refined_budget = budget;  // before the work: the work may come back to this node
  const auto apply = [&](const std::optional<Interval>& tighter) {
    if (!tighter) return;
    const Interval both = snapped(intersection(node.interval, *tighter), terms_divisor(node), node.constant);
    if (both.min <= both.max) node.interval = both;
  };
  const bool product = std::any_of(node.terms.begin(), node.terms.end(),
                                   [](const SumTerm& term) { return term.monomial->kind == ExprKind::Product; });
  if (product && node.terms.size() > 1) apply(attempt([&] { return shifted_sum(node); }));
  apply(attempt([&] { return opened_sum(a, budget); }));
  return node.interval;
}

// mod(x, d) = x - d*floordiv(x, d) everywhere; then floordivs without remainder multiplied away. Zero stays zero,
// anything else stays other than zero.
std::optional<SymInt> expanded_difference(SymInt difference) {
  constexpr int kMaxRounds = 4;
  for (int round = 0; round < kMaxRounds && !difference.is_constant(); ++round) {
    const Linear parts = linear_of(difference);
    SymInt result = parts.constant;
    SymInt scale = 1;
    bool changed = false;
    for (const SumTerm& term : parts.terms) {
      SymInt value = term.coefficient;
      for (const SymExpr* atom : atoms_of(term.monomial)) {
        if (atom->kind == ExprKind::Mod && excludes_zero(atom->operands[1])) {
          value = value * (atom->operands[0] - atom->operands[1] * floordiv(atom->operands[0], atom->operands[1]));
          changed = true;
        } else {
          value = value * SymInt(atom);
        }
        if (atom->exact_quotient && scale == SymInt(1)) scale = atom->operands[1];
      }
      result = result + value;
    }
    if (!changed && scale == SymInt(1)) break;
    difference = result * scale;
  }
  return difference;
}

void compute_own_facts(SymExpr& node) {
  switch (node.kind) {
    case ExprKind::Symbol: return;
    case ExprKind::FloorDiv: {
      const SymInt &x = node.operands[0], &d = node.operands[1];
      node.interval = quotient_of(bounds(x), bounds(d));
      if (d.is_constant() && x.expr() && x.expr()->is_atom() && x.expr()->divisor % d.value() == 0) {
        node.exact_quotient = true;
        node.divisor = x.expr()->divisor / d.value();
      }
      return;
    }
    case ExprKind::Mod:
      node.interval = remainder_of(bounds(node.operands[0]), bounds(node.operands[1]));
      node.divisor = common_divisor(known_divisor(node.operands[0]), known_divisor(node.operands[1]));
      return;
    case ExprKind::Min:
    case ExprKind::Max: {
      int64_t shared = 0;
      node.interval = bounds(node.operands[0]);
      for (const SymInt& operand : node.operands) {
        const Interval range = bounds(operand);
        const auto pick = [&](int64_t a, int64_t b) {
          return node.kind == ExprKind::Max ? std::max(a, b) : std::min(a, b);
        };
        node.interval = {pick(node.interval.min, range.min), pick(node.interval.max, range.max)};
        shared = common_divisor(shared, known_divisor(operand));
      }
      node.divisor = std::max<int64_t>(1, shared);
      return;
    }
    case ExprKind::Product: {
      node.interval = {1, 1};
      for (size_t i = 0; i < node.factors.size();) {
        const SymExpr* atom = node.factors[i];
        size_t exponent = 0;
        for (; i < node.factors.size() && node.factors[i] == atom; ++i) ++exponent;
        node.interval = product_of(node.interval, power_of(atom->interval, exponent));
      }
      for (const SymExpr* atom : node.factors) {
        node.divisor = try_multiply(node.divisor, atom->divisor).value_or(node.divisor);
        node.exact_quotient |= atom->exact_quotient;
      }
      return;
    }
    case ExprKind::Sum:
      node.interval = plain_sum(node);
      node.divisor = std::max<int64_t>(1, common_divisor(terms_divisor(node), node.constant));
      return;
  }
}

}  // namespace

void compute_facts(SymExpr& node) {
  compute_own_facts(node);
  node.interval = snapped(node.interval, node.divisor, 0);
}

bool excludes_zero(const SymInt& a) {
  const Interval range = bounds(a);
  return range.min > 0 || range.max < 0;
}

Interval bounds(const SymInt& a) {
  constexpr int kBudget = 4;
  return refined_bounds(a, kBudget);
}

int64_t known_divisor(const SymInt& a) { return a.expr() ? a.expr()->divisor : common_divisor(a.value(), 0); }

namespace {

/// The same comparison after assumptions, if they change anything.
template <class Compare>
Truth compare_assumed(const SymInt& a, const SymInt& b, Compare&& compare) {
  const SymInt left = apply_assumptions(a), right = apply_assumptions(b);
  return left == a && right == b ? Truth::Unknown : compare(left, right);
}

Truth equal_by_facts(const SymInt& a, const SymInt& b) {
  if (a == b) return Truth::Yes;
  if (a.is_constant() && b.is_constant()) return Truth::No;
  const auto difference = attempt([&] { return a - b; });
  if (!difference) return Truth::Unknown;
  if (difference->is_constant()) return *difference == SymInt(0) ? Truth::Yes : Truth::No;
  const Interval range = bounds(*difference);
  if (range.min > 0 || range.max < 0) return Truth::No;
  if (range.min == 0 && range.max == 0) return Truth::Yes;
  // c*m + k is never zero when g divides c*m and not k
  const SymExpr& node = *difference->expr();
  if (node.kind == ExprKind::Sum && checked_mod(node.constant, std::max<int64_t>(1, terms_divisor(node))) != 0) {
    return Truth::No;
  }
  const auto expanded = attempt([&] { return *expanded_difference(*difference); });
  if (expanded && expanded->is_constant()) return *expanded == SymInt(0) ? Truth::Yes : Truth::No;
  return Truth::Unknown;
}

Truth less_by_facts(const SymInt& a, const SymInt& b) {
  if (a.is_constant() && b.is_constant()) return a.value() < b.value() ? Truth::Yes : Truth::No;
  const auto difference = attempt([&] { return b - a; });
  if (!difference) return Truth::Unknown;
  const Interval range = bounds(*difference);
  return range.min > 0 ? Truth::Yes : range.max <= 0 ? Truth::No : Truth::Unknown;
}

Truth less_equal_by_facts(const SymInt& a, const SymInt& b) {
  if (a.is_constant() && b.is_constant()) return a.value() <= b.value() ? Truth::Yes : Truth::No;
  const auto difference = attempt([&] { return b - a; });
  if (!difference) return Truth::Unknown;
  const Interval range = bounds(*difference);
  return range.min >= 0 ? Truth::Yes : range.max < 0 ? Truth::No : Truth::Unknown;
}

}  // namespace

Truth equal(const SymInt& a, const SymInt& b) {
  Truth truth = equal_by_facts(a, b);
  if (truth == Truth::Unknown) truth = compare_assumed(a, b, equal_by_facts);
  if (truth == Truth::Unknown && is_assumed_equal(a, b)) return Truth::Yes;
  if (truth == Truth::Unknown) common_context(a, b)->open_equality.emplace(a, b);
  return truth;
}

Truth less(const SymInt& a, const SymInt& b) {
  const Truth truth = less_by_facts(a, b);
  return truth == Truth::Unknown ? compare_assumed(a, b, less_by_facts) : truth;
}

Truth less_equal(const SymInt& a, const SymInt& b) {
  const Truth truth = less_equal_by_facts(a, b);
  return truth == Truth::Unknown ? compare_assumed(a, b, less_equal_by_facts) : truth;
}

}  // namespace exformer
