// What is known of the exponents of an integer power.
#pragma once

#include <optional>

#include "exformer/ops/args.h"

namespace exformer {

/// How many bits the exponents of an aten::pow call have, at least one: of a number, or of arange from 0 to one.
/// Nothing where it is not known that they are not negative.
std::optional<int> exponent_bits(const ValueArgs& pow);

/// What is enough for others: a power of more exceeds int64, but for odd bases.
inline constexpr int kExponentBits = 32;

}  // namespace exformer
