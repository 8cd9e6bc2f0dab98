#include "exformer/symbolic/factors.h"

#include <algorithm>

#include "exformer/symbolic/sym_expr.h"

namespace exformer {
namespace {

using Atoms = std::vector<const SymExpr*>;

/// coefficient * atoms; nothing for a sum.
struct Monomial {
  int64_t coefficient = 1;
  Atoms atoms;
};
std::optional<Monomial> monomial_of(const SymInt& a) {
  const Linear linear = linear_of(a);
  if (linear.terms.empty()) return Monomial{linear.constant, {}};
  if (linear.terms.size() > 1 || linear.constant != 0) return std::nullopt;
  return Monomial{linear.terms[0].coefficient, atoms_of(linear.terms[0].monomial)};
}

/// `atoms` without those of `taken`; nothing when one is missing.
std::optional<Atoms> without(Atoms atoms, const Atoms& taken) {
  for (const SymExpr* atom : taken) {
    const auto found = std::find(atoms.begin(), atoms.end(), atom);
    if (found == atoms.end()) return std::nullopt;
    atoms.erase(found);
  }
  return atoms;
}

SymInt product_of(int64_t coefficient, const Atoms& atoms) {
  SymInt result = coefficient;
  for (const SymExpr* atom : atoms) result = result * SymInt(atom);
  return result;
}

/// difference == 0 with every term on the side where it is positive: a*b + 2 == 26 is a*b == 24.
OpenEquality balanced(const SymInt& difference) {
  OpenEquality sides{0, 0};
  const Linear linear = linear_of(difference);
  const auto add = [&](const SymInt& value, bool is_positive) {
    SymInt& side = is_positive ? sides.left : sides.right;
    side = is_positive ? side + value : side - value;
  };
  for (const SumTerm& term : linear.terms) add(SymInt(term.monomial) * SymInt(term.coefficient), term.coefficient > 0);
  add(linear.constant, linear.constant > 0);
  return sides;
}

}  // namespace

std::optional<SymInt> cofactor(const SymInt& a, const SymInt& b) {
  const auto taken = monomial_of(b);
  if (!taken || taken->coefficient == 0) return std::nullopt;
  const Linear linear = linear_of(a);
  if (linear.constant != 0 && (!taken->atoms.empty() || linear.constant % taken->coefficient != 0)) return std::nullopt;
  SymInt result = linear.constant / taken->coefficient;
  for (const SumTerm& term : linear.terms) {
    const auto rest = without(atoms_of(term.monomial), taken->atoms);
    if (!rest || term.coefficient % taken->coefficient != 0) return std::nullopt;
    result = result + product_of(term.coefficient / taken->coefficient, *rest);
  }
  return result;
}

OpenEquality without_common_factors(const OpenEquality& equality) {
  OpenEquality result = equality;
  const Linear linear = linear_of(equality.left);
  if (linear.terms.empty()) return result;
  for (const SymExpr* atom : atoms_of(linear.terms[0].monomial)) {
    const auto left = cofactor(result.left, SymInt(atom)), right = cofactor(result.right, SymInt(atom));
    if (left && right) result = {*left, *right};
  }
  return result;
}

std::vector<OpenEquality> equalities_of_factors(const SymContext& context, const OpenEquality& equality) {
  const OpenEquality reduced =
      without_common_factors(balanced(apply_assumptions(equality.left) - apply_assumptions(equality.right)));
  auto left = monomial_of(reduced.left), right = monomial_of(reduced.right);
  if (!left || !right) return {};
  if (left->atoms.empty()) std::swap(left, right);
  std::vector<OpenEquality> pairs;
  const auto value_of = [&](const SymExpr* atom) { return value_at_hints(context, SymInt(atom)); };
  if (right->atoms.empty()) {  // each factor is what it is in the sample
    int64_t product = left->coefficient;
    for (const SymExpr* atom : left->atoms) {
      const auto value = value_of(atom);
      if (!value) return {};
      product *= *value;
      pairs.push_back({SymInt(atom), *value});
    }
    return product == right->coefficient && pairs.size() > 1 ? pairs : std::vector<OpenEquality>();
  }
  if (left->coefficient != right->coefficient || left->atoms.size() != right->atoms.size()) return {};
  for (const SymExpr* atom : left->atoms) {
    const auto value = value_of(atom);
    const auto partner = std::find_if(right->atoms.begin(), right->atoms.end(),
                                      [&](const SymExpr* other) { return value && value_of(other) == value; });
    if (partner == right->atoms.end()) return {};
    pairs.push_back({SymInt(atom), SymInt(*partner)});
    right->atoms.erase(partner);
  }
  return pairs.size() > 1 ? pairs : std::vector<OpenEquality>();
}

std::vector<OpenEquality> quotients_of_one(const SymContext& context, const OpenEquality& equality) {
  std::vector<OpenEquality> quotients;
  const auto walk = [&](const auto& self, const SymInt& value) -> void {
    const SymOperation operation = top_operation(value);
    for (const SymInt& operand : operation.operands) self(self, operand);
    if (operation.kind != SymKind::FloorDiv || operation.operands[1].is_constant()) return;
    const auto numerator = value_at_hints(context, operation.operands[0]);
    if (numerator && numerator == value_at_hints(context, operation.operands[1]))
      quotients.push_back({operation.operands[0], operation.operands[1]});
  };
  walk(walk, apply_assumptions(equality.left));
  walk(walk, apply_assumptions(equality.right));
  return quotients;
}

}  // namespace exformer
