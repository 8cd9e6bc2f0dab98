// Sums and products in canonical form (integer coefficient times product of atoms), and min and max.
#include <algorithm>

#include "exformer/symbolic/sym_expr.h"

namespace exformer {
namespace {

using Operation = SymContext::Impl::Operation;

// floordiv(x, g) divides without remainder: h*floordiv(x, g) = floordiv(x, g/h), so that 8*(s/8) = s.
bool reduce_exact_quotient(SymContext::Impl& context, SumTerm& term) {
  std::vector<const SymExpr*> atoms = atoms_of(term.monomial);
  bool changed = false;
  for (const SymExpr*& atom : atoms) {
    if (!atom->exact_quotient) continue;
    const int64_t divisor = atom->operands[1].value();
    const int64_t shared = common_divisor(term.coefficient, divisor);
    if (shared == 1) continue;
    term.coefficient /= shared;
    const SymInt& whole = atom->operands[0];
    atom = shared == divisor ? whole.expr() : context.atom(ExprKind::FloorDiv, {whole, divisor / shared}).expr();
    changed = true;
  }
  if (!changed) return false;
  std::sort(atoms.begin(), atoms.end(), [](auto* a, auto* b) { return compare_atoms(a, b) < 0; });
  term.monomial = context.product(std::move(atoms));
  return true;
}

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

SymInt SymContext::Impl::sum(Linear linear) {
  for (bool again = true; again;) {
    sort_and_merge(linear.terms);
    again = false;
    for (SumTerm& term : linear.terms) {
      if (term.monomial->exact_quotient) again |= reduce_exact_quotient(*this, term);
    }
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
