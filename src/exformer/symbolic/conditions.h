// Conditions on sizes as numbers: 1 where they hold, 0 elsewhere.
#pragma once

#include "exformer/symbolic/sym_int.h"

namespace exformer {

/// a >= b
inline SymInt at_least(const SymInt& a, const SymInt& b) { return sym_max(0, sym_min(1, a - b + 1)); }
/// a == b
inline SymInt is_equal(const SymInt& a, const SymInt& b) { return 1 - sym_min(1, sym_max(a - b, b - a)); }
inline SymInt negated(const SymInt& condition) { return 1 - condition; }
/// Whether every value of the symbols satisfies the condition.
inline bool always_holds(const SymInt& condition) { return equal(condition, 0) == Truth::No; }

}  // namespace exformer
