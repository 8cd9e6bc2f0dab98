// floordiv, mod and ceildiv: the quotient is pulled out as far as it is known, the rest becomes an atom.
#include <algorithm>

#include "exformer/symbolic/sym_expr.h"

namespace exformer {
namespace {

using Operation = SymContext::Impl::Operation;

/// n = quotient*d + rest.
struct Division {
  SymInt quotient, rest;
};

/// An operand pair with its common factor taken out: n = factor*numerator, d = factor*divisor.
struct Reduced {
  SymInt factor = 1, numerator, divisor;
};

SymContext::Impl& context_of(const SymInt& a) { return *a.expr()->context; }

int64_t leading_coefficient(const SymInt& a) {
  const Linear linear = linear_of(a);
  return linear.terms.empty() ? linear.constant : linear.terms[0].coefficient;
}

// The one quotient that all values within bounds share, if there is one.
std::optional<int64_t> constant_quotient(const SymInt& numerator, int64_t divisor) {
  const Interval range = bounds(numerator);
  if (range.min == kInt64Min || range.max == kInt64Max) return std::nullopt;
  const int64_t low = checked_floordiv(range.min, divisor), high = checked_floordiv(range.max, divisor);
  return low == high ? std::optional<int64_t>(low) : std::nullopt;
}

// The one quotient 0 or -1 of a symbolic divisor, if bounds show it.
std::optional<int64_t> small_quotient(const SymInt& numerator, const SymInt& divisor) {
  if (less_equal(0, numerator) == Truth::Yes && less(numerator, divisor) == Truth::Yes) return 0;
  if (less(numerator, 0) == Truth::Yes && less_equal(0, numerator + divisor) == Truth::Yes &&
      less(0, divisor) == Truth::Yes) {
    return -1;
  }
  return std::nullopt;
}

// n = floordiv(x, a) + k: floordiv(n, d) = floordiv(x + k*a, a*d) for d > 0.
std::optional<SymInt> nested_floordiv(const SymInt& numerator, const SymInt& divisor) {
  const Linear linear = linear_of(numerator);
  if (linear.terms.size() != 1 || linear.terms[0].coefficient != 1) return std::nullopt;
  const SymExpr* inner = linear.terms[0].monomial;
  if (inner->kind != ExprKind::FloorDiv) return std::nullopt;
  return attempt([&] {
    const SymInt& a = inner->operands[1];
    return floordiv(inner->operands[0] + SymInt(linear.constant) * a, a * divisor);
  });
}

SymInt floordiv_by_constant(SymContext::Impl& context, const SymInt& numerator, int64_t d) {
  if (const auto quotient = constant_quotient(numerator, d)) return *quotient;
  const Linear parts = linear_of(numerator);
  SymInt quotient = checked_floordiv(parts.constant, d);
  Linear rest{{}, checked_mod(parts.constant, d)};
  int64_t shared = d;
  for (const SumTerm& term : parts.terms) {
    const int64_t g = common_divisor(term.coefficient, d);
    if (term.monomial->divisor % (d / g) == 0) {  // floordiv(c*m + x, d) = c*m/d + floordiv(x, d) when d divides c*m
      quotient = quotient + context.sum({{{term.coefficient / g, exact_quotient(context, term.monomial, d / g)}}, 0});
      continue;
    }
    // floordiv((q*d + r)*m + x, d) = q*m + floordiv(r*m + x, d); r keeps the sign, so that bounds stay tight
    quotient = quotient + SymInt(term.coefficient / d) * SymInt(term.monomial);
    rest.terms.push_back({term.coefficient % d, term.monomial});
    shared = common_divisor(shared, term.coefficient % d);
  }
  if (rest.terms.empty()) return quotient;
  // floordiv(g*x + k, g*d) = floordiv(x + floordiv(k, g), d)
  for (SumTerm& term : rest.terms) term.coefficient /= shared;
  rest.constant /= shared;
  d /= shared;
  // floordiv(-x, d) = -floordiv(x + d - 1, d)
  const bool negate = rest.terms[0].coefficient < 0;
  if (negate) {
    for (SumTerm& term : rest.terms) term.coefficient = -term.coefficient;
    rest.constant = d - 1 - rest.constant;
  }
  const SymInt remaining = context.sum(std::move(rest));
  SymInt tail;
  if (const auto known = constant_quotient(remaining, d)) {
    tail = *known;
  } else if (const auto merged = nested_floordiv(remaining, d)) {
    tail = *merged;
  } else {
    tail = context.atom(ExprKind::FloorDiv, {remaining, d});
  }
  return negate ? quotient - tail : quotient + tail;
}

/// Removes the factors of monomial `part` from `whole`; nothing when they are not all there.
std::optional<SymInt> divide_monomial(SymContext::Impl& context, const SymExpr* whole, const SymExpr* part) {
  const std::vector<const SymExpr*> x = atoms_of(whole), y = atoms_of(part);
  std::vector<const SymExpr*> rest;
  size_t matched = 0;
  for (const SymExpr* atom : x) {
    if (matched < y.size() && y[matched] == atom) {
      ++matched;
    } else {
      rest.push_back(atom);
    }
  }
  if (matched != y.size()) return std::nullopt;
  return rest.empty() ? SymInt(1) : SymInt(context.product(std::move(rest)));
}

// Polynomial division by the leading term of d; whole coefficients only, the rest of a coefficient stays in the rest.
Division divide(const SymInt& numerator, const SymInt& d) {
  constexpr int kMaxSteps = 64;
  SymContext::Impl& context = context_of(d);
  const SumTerm lead = linear_of(d).terms[0];
  Division result{0, 0};
  SymInt open = numerator;
  for (int step = 0; step < kMaxSteps && !open.is_constant(); ++step) {
    const SumTerm term = linear_of(open).terms[0];
    const auto monomial = divide_monomial(context, term.monomial, lead.monomial);
    const int64_t coefficient = monomial ? term.coefficient / lead.coefficient : 0;
    if (coefficient == 0) {
      const SymInt kept = SymInt(term.coefficient) * SymInt(term.monomial);
      result.rest = result.rest + kept;
      open = open - kept;
      continue;
    }
    const SymInt quotient = SymInt(coefficient) * *monomial;
    result.quotient = result.quotient + quotient;
    open = open - quotient * d;
    const int64_t left = term.coefficient % lead.coefficient;
    if (left != 0) {
      const SymInt kept = SymInt(left) * SymInt(term.monomial);
      result.rest = result.rest + kept;
      open = open - kept;
    }
  }
  result.rest = result.rest + open;
  return result;
}

// Division is worth it when it leaves less: always for d = c*m, else only when a symbolic term goes away.
std::optional<Division> useful_division(const SymInt& numerator, const SymInt& d) {
  const auto division = attempt([&] { return divide(numerator, d); });
  if (!division || division->quotient == SymInt(0)) return std::nullopt;
  const Linear divisor = linear_of(d);
  if (divisor.terms.size() == 1 && divisor.constant == 0) return division;
  if (linear_of(division->rest).terms.size() >= linear_of(numerator).terms.size()) return std::nullopt;
  return division;
}

// x + floordiv(k, g) of g*x + k.
SymInt coefficients_divided(SymContext::Impl& context, Linear parts, int64_t g) {
  for (SumTerm& term : parts.terms) term.coefficient /= g;
  parts.constant = checked_floordiv(parts.constant, g);
  return context.sum(std::move(parts));
}

/// Takes out what n and d have in common: the greatest common coefficient and every shared atom that is never zero.
Reduced reduce(const SymInt& numerator, const SymInt& d) {
  SymContext::Impl& context = context_of(d);
  const Linear n = linear_of(numerator), m = linear_of(d);
  int64_t shared = common_divisor(n.constant, m.constant);
  for (const Linear* side : {&n, &m}) {
    for (const SumTerm& term : side->terms) shared = common_divisor(shared, term.coefficient);
  }
  std::vector<const SymExpr*> common;
  if (n.constant == 0 && m.constant == 0) {
    common = atoms_of(m.terms[0].monomial);
    for (const Linear* side : {&n, &m}) {
      for (const SumTerm& term : side->terms) {
        const std::vector<const SymExpr*> atoms = atoms_of(term.monomial);
        std::vector<const SymExpr*> both;
        std::set_intersection(common.begin(), common.end(), atoms.begin(), atoms.end(), std::back_inserter(both),
                              [](auto* a, auto* b) { return compare_atoms(a, b) < 0; });
        common = std::move(both);
      }
    }
    std::erase_if(common, [](const SymExpr* atom) { return !excludes_zero(SymInt(atom)); });
  }
  if (shared == 1 && common.empty()) return {1, numerator, d};
  const SymExpr* monomial = common.empty() ? nullptr : context.product(common);
  const auto divided = [&](const Linear& side) {
    SymInt result = side.constant / shared;
    for (const SumTerm& term : side.terms) {
      const SymInt part = monomial ? *divide_monomial(context, term.monomial, monomial) : SymInt(term.monomial);
      result = result + SymInt(term.coefficient / shared) * part;
    }
    return result;
  };
  return {SymInt(shared) * (monomial ? SymInt(monomial) : SymInt(1)), divided(n), divided(m)};
}

SymInt floordiv_by_expression(SymContext::Impl& context, const SymInt& numerator, const SymInt& d) {
  // floordiv(n, -d) = floordiv(-n, d)
  if (leading_coefficient(d) < 0) {
    if (const auto flipped = attempt([&] { return floordiv(-numerator, -d); })) return *flipped;
    return context.atom(ExprKind::FloorDiv, {numerator, d});
  }
  // floordiv(x*n, x*d) = floordiv(n, d) for x != 0
  const Reduced reduced = reduce(numerator, d);
  if (reduced.factor != SymInt(1)) return floordiv(reduced.numerator, reduced.divisor);
  const bool positive = less(0, d) == Truth::Yes;
  if (positive || excludes_zero(d)) {
    if (numerator == SymInt(0)) return 0;
    // floordiv(q*d + r, d) = q + floordiv(r, d)
    if (const auto division = useful_division(numerator, d)) return division->quotient + floordiv(division->rest, d);
  }
  if (positive) {
    if (const auto quotient = attempt([&] { return small_quotient(numerator, d); }); quotient && *quotient) {
      return **quotient;
    }
    // floordiv(g*x + k, g*d) = floordiv(x + floordiv(k, g), d)
    const Linear parts = linear_of(numerator);
    int64_t shared = 0;
    for (const SumTerm& term : parts.terms) shared = common_divisor(shared, term.coefficient);
    const Linear divisor = linear_of(d);
    for (const SumTerm& term : divisor.terms) shared = common_divisor(shared, term.coefficient);
    shared = common_divisor(shared, divisor.constant);
    if (shared > 1) {
      return floordiv(coefficients_divided(context, parts, shared), coefficients_divided(context, divisor, shared));
    }
    if (const auto merged = nested_floordiv(numerator, d)) return *merged;
    // floordiv(-x, d) = -floordiv(x + d - 1, d)
    if (leading_coefficient(numerator) < 0) {
      if (const auto flipped = attempt([&] { return -floordiv(d - numerator - 1, d); })) return *flipped;
    }
  }
  const Interval range = bounds(context.atom(ExprKind::FloorDiv, {numerator, d}));
  if (range.min == range.max && excludes_zero(d)) return range.min;
  return context.atom(ExprKind::FloorDiv, {numerator, d});
}

SymInt mod_by_constant(SymContext::Impl& context, const SymInt& numerator, int64_t d) {
  // mod(n, d) = n - q*d when all values have the quotient q
  if (const auto quotient = constant_quotient(numerator, d)) {
    if (const auto rest = attempt([&] { return numerator - SymInt(*quotient) * SymInt(d); })) return *rest;
  }
  const Linear parts = linear_of(numerator);
  Linear rest{{}, checked_mod(parts.constant, d)};
  int64_t shared = d;
  for (const SumTerm& term : parts.terms) {
    // mod(c*m + x, d) = mod((c mod d')*m + x, d) with d' = d / gcd(d, divisor of m)
    const int64_t period = d / common_divisor(d, term.monomial->divisor);
    const int64_t coefficient = checked_mod(term.coefficient, period);
    if (coefficient == 0) continue;
    // mod(c*mod(y, a) + x, d) = mod(c*y + x, d) when d divides c*a
    if (term.monomial->kind == ExprKind::Mod && term.monomial->operands[1].is_constant()) {
      const auto step = try_multiply(coefficient, term.monomial->operands[1].value());
      if (step && *step % d == 0) {
        const SymInt whole = term.monomial->operands[0];
        const auto opened = attempt([&] {
          return mod(numerator - SymInt(term.coefficient) * SymInt(term.monomial) + SymInt(coefficient) * whole, d);
        });
        if (opened) return *opened;
      }
    }
    rest.terms.push_back({coefficient, term.monomial});
    shared = common_divisor(shared, coefficient);
  }
  if (rest.terms.empty()) return rest.constant;
  // mod(g*x + k, g*d) = g*mod(x + floordiv(k, g), d) + mod(k, g)
  if (shared > 1) {
    const int64_t outside = rest.constant % shared;
    for (SumTerm& term : rest.terms) term.coefficient /= shared;
    rest.constant /= shared;
    return SymInt(shared) * mod(context.sum(std::move(rest)), d / shared) + SymInt(outside);
  }
  const SymInt remaining = context.sum(std::move(rest));
  if (const auto quotient = constant_quotient(remaining, d)) {
    if (const auto result = attempt([&] { return remaining - SymInt(*quotient) * SymInt(d); })) return *result;
  }
  return context.atom(ExprKind::Mod, {remaining, d});
}

SymInt mod_by_expression(SymContext::Impl& context, const SymInt& numerator, const SymInt& d) {
  // mod(n, -d) = -mod(-n, d)
  if (leading_coefficient(d) < 0) {
    if (const auto flipped = attempt([&] { return -mod(-numerator, -d); })) return *flipped;
    return context.atom(ExprKind::Mod, {numerator, d});
  }
  // mod(x*n, x*d) = x*mod(n, d) for x != 0
  const Reduced reduced = reduce(numerator, d);
  if (reduced.factor != SymInt(1)) {
    if (const auto result = attempt([&] { return reduced.factor * mod(reduced.numerator, reduced.divisor); })) {
      return *result;
    }
  }
  if (excludes_zero(d)) {
    if (numerator == SymInt(0)) return 0;
    // mod(q*d + r, d) = mod(r, d)
    if (const auto division = useful_division(numerator, d)) return mod(division->rest, d);
    // mod(c*mod(y, d) + x, d) = mod(c*y + x, d)
    for (const SumTerm& term : linear_of(numerator).terms) {
      if (term.monomial->kind != ExprKind::Mod || term.monomial->operands[1] != d) continue;
      const SymInt inner = SymInt(term.monomial), whole = term.monomial->operands[0];
      const auto opened = attempt([&] { return mod(numerator + SymInt(term.coefficient) * (whole - inner), d); });
      if (opened) return *opened;
    }
    // mod(n, d) = n - q*d for the quotients 0 and -1
    const auto rest = attempt([&]() -> std::optional<SymInt> {
      const auto quotient = small_quotient(numerator, d);
      if (!quotient) return std::nullopt;
      return numerator - SymInt(*quotient) * d;
    });
    if (rest && *rest) return **rest;
  }
  return context.atom(ExprKind::Mod, {numerator, d});
}

template <class Rule>
SymInt remembered(SymContext::Impl& context, Operation operation, const SymInt& a, const SymInt& b, Rule&& rule) {
  const SymContext::Impl::OperationKey key{operation, a, b};
  if (const auto found = context.results.find(key); found != context.results.end()) return found->second;
  const SymInt result = rule();
  context.results.emplace(key, result);
  return result;
}

}  // namespace

SymInt floordiv(const SymInt& a, const SymInt& b) {
  SymContext::Impl* context = common_context(a, b);
  if (!context) return checked_floordiv(a.value(), b.value());
  if (b == SymInt(0)) fail("a size expression divides by zero: floordiv");
  if (b == SymInt(1)) return a;
  if (b == SymInt(-1)) return -a;
  return remembered(*context, Operation::FloorDiv, a, b, [&] {
    if (!b.is_constant()) return floordiv_by_expression(*context, a, b);
    // floordiv(n, -d) = floordiv(-n, d)
    return b.value() > 0 ? floordiv_by_constant(*context, a, b.value()) : floordiv(-a, -b);
  });
}

SymInt mod(const SymInt& a, const SymInt& b) {
  SymContext::Impl* context = common_context(a, b);
  if (!context) return checked_mod(a.value(), b.value());
  if (b == SymInt(0)) fail("a size expression divides by zero: mod");
  if (b == SymInt(1) || b == SymInt(-1)) return 0;
  return remembered(*context, Operation::Mod, a, b, [&] {
    if (!b.is_constant()) return mod_by_expression(*context, a, b);
    // mod(n, -d) = -mod(-n, d)
    return b.value() > 0 ? mod_by_constant(*context, a, b.value()) : -mod(-a, -b);
  });
}

SymInt ceildiv(const SymInt& a, const SymInt& b) {
  if (a.is_constant() && b.is_constant()) {
    const int64_t quotient = checked_floordiv(a.value(), b.value());
    return checked_mod(a.value(), b.value()) == 0 ? quotient : quotient + 1;
  }
  // ceildiv(a, b) = floordiv(a + b - 1, b) for b > 0, else -floordiv(-a, b)
  return less(0, b) == Truth::Yes ? floordiv(a + b - 1, b) : -floordiv(-a, b);
}

}  // namespace exformer
