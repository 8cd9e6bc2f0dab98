// Sums and products in canonical form (integer coefficient times product of atoms), and min and max.
#include <algorithm>

#include "exformer/symbolic/sym_expr.h"

namespace exformer {
namespace {

using Operation = SymContext::Impl::Operation;

void sort_and_merge(std::vector<SumTerm>& terms) {
  std::sort(terms.begin(), terms.end(),
            [](const SumTerm& a, const SumTerm& b) { return compare_monomials(a.monomial, b.monomial) < 0; });
  size_t kept = 0;
  for (size_t i = 0; i < terms.size();) {
    SumTerm merged = terms[i++];
    // c1*m + c2*m = (c1 + c2)*m
    for (; i < terms.size() && terms[i].monomial == merged.monomial; ++i) {
      merged.coefficient = checked_add(merged.coefficient, terms[i].coefficient);
    }
    if (merged.coefficient != 0) terms[kept++] = merged;
  }
  terms.resize(kept);
}

const SymExpr* sorted_product(SymContext::Impl& context, std::vector<const SymExpr*> atoms) {
  std::sort(atoms.begin(), atoms.end(), [](auto* a, auto* b) { return compare_atoms(a, b) < 0; });
  return context.product(std::move(atoms));
}

// floordiv(x, g) without remainder is x/g: such a term is a fraction of a plain monomial. Terms of the same plain
// monomial become one fraction in lowest terms, so 8*(s/8) = s and s + s/8 = 9*(s/8), whatever the way there.
void merge_exact_quotients(SymContext::Impl& context, std::vector<SumTerm>& terms) {
  struct Fraction {
    const SymExpr* monomial;
    int64_t numerator, denominator;
  };
  std::vector<Fraction> fractions;
  for (const SumTerm& term : terms) {
    if (!term.monomial->exact_quotient) {
      fractions.push_back({term.monomial, term.coefficient, 1});
      continue;
    }
    int64_t denominator = 1;
    std::vector<const SymExpr*> atoms = atoms_of(term.monomial);
    for (const SymExpr*& atom : atoms) {
      if (!atom->exact_quotient) continue;
      denominator = checked_multiply(denominator, atom->operands[1].value());
      atom = atom->operands[0].expr();
    }
    fractions.push_back({sorted_product(context, std::move(atoms)), term.coefficient, denominator});
  }
  std::sort(fractions.begin(), fractions.end(),
            [](const Fraction& a, const Fraction& b) { return compare_monomials(a.monomial, b.monomial) < 0; });
  terms.clear();
  for (size_t i = 0; i < fractions.size();) {
    // n1/d1 + n2/d2 = (n1*(l/d1) + n2*(l/d2))/l with l = lcm(d1, d2)
    Fraction sum = fractions[i++];
    for (; i < fractions.size() && fractions[i].monomial == sum.monomial; ++i) {
      const int64_t d1 = sum.denominator, d2 = fractions[i].denominator;
      const int64_t shared = common_divisor(d1, d2);
      sum.numerator = checked_add(checked_multiply(sum.numerator, d2 / shared),
                                  checked_multiply(fractions[i].numerator, d1 / shared));
      sum.denominator = checked_multiply(d1, d2 / shared);
    }
    if (sum.numerator == 0) continue;
    const int64_t shared = common_divisor(sum.numerator, sum.denominator);
    const int64_t denominator = sum.denominator / shared;
    const SymExpr* monomial = denominator == 1 ? sum.monomial : exact_quotient(context, sum.monomial, denominator);
    terms.push_back({sum.numerator / shared, monomial});
  }
}

const SymExpr* multiply_monomials(SymContext::Impl& context, const SymExpr* a, const SymExpr* b) {
  const std::vector<const SymExpr*> x = atoms_of(a), y = atoms_of(b);
  std::vector<const SymExpr*> atoms(x.size() + y.size());
  std::merge(x.begin(), x.end(), y.begin(), y.end(), atoms.begin(),
             [](auto* p, auto* q) { return compare_atoms(p, q) < 0; });
  return context.product(std::move(atoms));
}

SymInt add_symbolic(SymContext::Impl& context, const SymInt& a, const SymInt& b) {
  Linear sum = linear_of(a);
  const Linear other = linear_of(b);
  sum.terms.insert(sum.terms.end(), other.terms.begin(), other.terms.end());
  sum.constant = checked_add(sum.constant, other.constant);
  return context.sum(std::move(sum));
}

SymInt multiply_symbolic(SymContext::Impl& context, const SymInt& a, const SymInt& b) {
  // (c1*m1 + k1)*(c2*m2 + k2) = c1*c2*m1*m2 + c1*k2*m1 + c2*k1*m2 + k1*k2
  constexpr size_t kMaxTerms = 20000;
  const Linear x = linear_of(a), y = linear_of(b);
  if ((x.terms.size() + 1) * (y.terms.size() + 1) > kMaxTerms) {
    fail("a product of size expressions has more than {} terms", kMaxTerms);
  }
  Linear result;
  for (const SumTerm& p : x.terms) {
    for (const SumTerm& q : y.terms) {
      result.terms.push_back(
          {checked_multiply(p.coefficient, q.coefficient), multiply_monomials(context, p.monomial, q.monomial)});
    }
    if (y.constant != 0) result.terms.push_back({checked_multiply(p.coefficient, y.constant), p.monomial});
  }
  if (x.constant != 0) {
    for (const SumTerm& q : y.terms) result.terms.push_back({checked_multiply(q.coefficient, x.constant), q.monomial});
  }
  result.constant = checked_multiply(x.constant, y.constant);
  return context.sum(std::move(result));
}

SymInt extremum(SymContext::Impl& context, ExprKind kind, const SymInt& a, const SymInt& b) {
  // max(max(a, b), c) = max(a, b, c)
  std::vector<SymInt> operands;
  for (const SymInt& side : {a, b}) {
    if (side.expr() && side.expr()->kind == kind) {
      operands.insert(operands.end(), side.expr()->operands.begin(), side.expr()->operands.end());
    } else {
      operands.push_back(side);
    }
  }
  std::sort(operands.begin(), operands.end(),
            [](const SymInt& x, const SymInt& y) { return compare_values(x, y) < 0; });
  operands.erase(std::unique(operands.begin(), operands.end()), operands.end());
  // max(a, b) = b when a <= b for all values; min the other way round
  const auto loses = [&](const SymInt& x, const SymInt& y) {
    return (kind == ExprKind::Max ? less_equal(x, y) : less_equal(y, x)) == Truth::Yes;
  };
  for (size_t i = 0; i < operands.size();) {
    bool dominated = false;
    for (size_t j = 0; j < operands.size() && !dominated; ++j) dominated = i != j && loses(operands[i], operands[j]);
    if (dominated) {
      operands.erase(operands.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
  if (operands.size() == 1) return operands[0];
  return context.atom(kind, std::move(operands));
}

SymInt remembered(SymContext::Impl& context, Operation operation, const SymInt& a, const SymInt& b) {
  const SymContext::Impl::OperationKey key{operation, a, b};
  if (const auto found = context.results.find(key); found != context.results.end()) return found->second;
  SymInt result;
  switch (operation) {
    case Operation::Add: result = add_symbolic(context, a, b); break;
    case Operation::Multiply: result = multiply_symbolic(context, a, b); break;
    case Operation::Min: result = extremum(context, ExprKind::Min, a, b); break;
    default: result = extremum(context, ExprKind::Max, a, b); break;
  }
  context.results.emplace(key, result);
  return result;
}

}  // namespace

const SymExpr* exact_quotient(SymContext::Impl& context, const SymExpr* monomial, int64_t divisor) {
  std::vector<const SymExpr*> atoms = atoms_of(monomial);
  for (const SymExpr*& atom : atoms) {
    const int64_t shared = common_divisor(divisor, atom->divisor);
    if (shared == 1) continue;
    divisor /= shared;
    if (atom->exact_quotient) {  // floordiv(floordiv(x, a), g) = floordiv(x, a*g)
      const int64_t both = checked_multiply(atom->operands[1].value(), shared);
      atom = context.atom(ExprKind::FloorDiv, {atom->operands[0], both}).expr();
    } else {
      atom = context.atom(ExprKind::FloorDiv, {SymInt(atom), shared}).expr();
    }
  }
  EXFORMER_ASSERT(divisor == 1);
  return sorted_product(context, std::move(atoms));
}

SymInt SymContext::Impl::sum(Linear linear) {
  sort_and_merge(linear.terms);
  if (std::any_of(linear.terms.begin(), linear.terms.end(), [](auto& term) { return term.monomial->exact_quotient; })) {
    merge_exact_quotients(*this, linear.terms);
    sort_and_merge(linear.terms);
  }
  return sorted_sum(std::move(linear.terms), linear.constant);
}

SymInt operator+(const SymInt& a, const SymInt& b) {
  SymContext::Impl* context = common_context(a, b);
  if (!context) return checked_add(a.value(), b.value());
  if (a == SymInt(0)) return b;
  if (b == SymInt(0)) return a;
  return remembered(*context, Operation::Add, a, b);
}

SymInt operator-(const SymInt& a) { return a * SymInt(-1); }

SymInt operator-(const SymInt& a, const SymInt& b) {
  if (a == b) return 0;
  if (a.is_constant() && b.is_constant()) return checked_subtract(a.value(), b.value());
  return a + -b;
}

SymInt operator*(const SymInt& a, const SymInt& b) {
  SymContext::Impl* context = common_context(a, b);
  if (!context) return checked_multiply(a.value(), b.value());
  if (a == SymInt(0) || b == SymInt(0)) return 0;
  if (a == SymInt(1)) return b;
  if (b == SymInt(1)) return a;
  return remembered(*context, Operation::Multiply, a, b);
}

SymInt sym_min(const SymInt& a, const SymInt& b) {
  SymContext::Impl* context = common_context(a, b);
  if (!context) return std::min(a.value(), b.value());
  if (a == b) return a;
  return remembered(*context, Operation::Min, a, b);
}

SymInt sym_max(const SymInt& a, const SymInt& b) {
  SymContext::Impl* context = common_context(a, b);
  if (!context) return std::max(a.value(), b.value());
  if (a == b) return a;
  return remembered(*context, Operation::Max, a, b);
}

}  // namespace exformer
