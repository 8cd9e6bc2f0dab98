#include "exformer/ops/exponent_bits.h"

#include <algorithm>
#include <bit>

#include "exformer/ir/graph.h"

namespace exformer {

std::optional<int> exponent_bits(const ValueArgs& pow) {
  std::optional<double> largest;
  if (!pow["exponent"].is_tensor()) {
    const Scalar exponent = pow.scalar("exponent");
    if (exponent.integer.is_constant()) largest = exponent.to_double();
  } else if (const Node* range = pow.tensor("exponent")->producer(); range && range->is("aten::arange")) {
    const Scalar end = ValueArgs(range->schema(), range->arguments()).scalar("end");
    if (end.kind != Scalar::Kind::Float && end.integer.is_constant()) largest = end.to_double() - 1;
  }
  if (!largest || *largest < 0) return std::nullopt;
  return std::max(1, static_cast<int>(std::bit_width(static_cast<uint64_t>(*largest))));
}

}  // namespace exformer
