// What a trace takes for granted about its symbols: equalities that a shape rule needed and the bounds left open.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exformer/symbolic/sym_int.h"

namespace exformer {

/// Two expressions that equal() could not compare.
struct OpenEquality {
  SymInt left, right;
};

/// The last one that equal() met in this context, forgotten by the call.
std::optional<OpenEquality> take_open_equality(SymContext& context);

/// From now on `symbol` counts as `value` wherever equal, less and less_equal would otherwise not know. Expressions
/// that exist keep their form.
void assume(SymContext& context, const std::string& symbol, const SymInt& value);

/// From now on the two sides, and what has the same difference up to common factors, count as equal. For equalities of
/// which no symbol can be isolated.
void assume_equality(SymContext& context, const OpenEquality& equality);

/// Nothing is assumed any more.
void forget_assumptions(SymContext& context);

/// One symbol and the value that makes both sides equal, if one side's symbol can be isolated: the symbol declared last
/// is given up first.
struct Solution {
  std::string symbol;
  SymInt value;
};
std::optional<Solution> solve_equality(SymContext& context, const OpenEquality& equality);

/// The same for a symbol that data define, whose value then is what the sizes say.
std::optional<Solution> solve_for_data(SymContext& context, const OpenEquality& equality);

/// `smaller <= larger`.
struct Ordering {
  SymInt smaller, larger;
};
/// What must hold so that every min and max in the equality is the operand that it is at the hints, if the sides are
/// equal then: min(128, s) == s says s <= 128.
std::vector<Ordering> orderings_of_equality(const SymContext& context, const OpenEquality& equality);

/// What must hold so that no divisor in the equality can be zero or less, where the hints say that it is not: those of
/// b*(n // 2 - 1), one for each factor that the bounds leave open. Sizes cancel once that is known.
std::vector<Ordering> orderings_of_divisors(SymContext& context, const OpenEquality& equality);

/// The remainders in the equality that are 0 at the hints: sizes that are whole multiples there.
std::vector<SymInt> zero_remainders(const SymContext& context, const OpenEquality& equality);

/// The remainders of the quotients by numbers in the equality, of those that are 0 at the hints: sizes that are divided
/// without a rest there.
std::vector<SymInt> zero_remainders_of_quotients(const SymContext& context, const OpenEquality& equality);

/// A remainder that is 0 at the hints and makes the sides equal once it is known to be 0: x // 2 == 4 * (x // 8) holds
/// for multiples of 8.
std::vector<SymInt> remainders_that_solve(SymContext& context, const OpenEquality& equality);

/// The value at the symbols' hints (the sample inputs); nothing when a symbol has none.
std::optional<int64_t> value_at_hints(const SymContext& context, const SymInt& a);

}  // namespace exformer
