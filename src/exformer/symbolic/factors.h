// Expressions as products: what two of them share, and what is left without it.
#pragma once

#include <optional>
#include <vector>

#include "exformer/symbolic/assumptions.h"

namespace exformer {

/// `a` without the factors of the product `b`, where every term of `a` has them; nothing elsewhere. Says nothing of
/// what `a` is when `b` is zero.
std::optional<SymInt> cofactor(const SymInt& a, const SymInt& b);

/// The equality without the factors that both sides share: sizes are not zero where they are compared.
OpenEquality without_common_factors(const OpenEquality& equality);

/// Equalities of single factors that together make the two products equal and hold at the hints: a*c == b*d follows
/// from a == b and c == d. None when there is no such pairing.
std::vector<OpenEquality> equalities_of_factors(const SymContext& context, const OpenEquality& equality);

/// Numerator and divisor of the quotients in the equality that are 1 at the hints.
std::vector<OpenEquality> quotients_of_one(const SymContext& context, const OpenEquality& equality);

}  // namespace exformer
