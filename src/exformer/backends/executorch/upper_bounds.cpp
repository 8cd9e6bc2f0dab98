#include "exformer/backends/executorch/upper_bounds.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "exformer/base/error.h"
#include "exformer/base/strings.h"
#include "exformer/symbolic/printers.h"

namespace exformer::executorch {

UpperBounds::UpperBounds(const SymContext& symbols, const std::map<std::string, int64_t>& limits) {
  for (const Symbol& symbol : symbols.symbols()) {
    const auto limit = limits.find(symbol.name);
    int64_t max = symbol.max;
    if (limit != limits.end()) max = std::min(max, limit->second);
    if (max == kUnbounded) {
      unsupported(
          "the dim '{}' has no upper bound, and ExecuTorch plans memory for one: give it a max in dynamic_shapes",
          symbol.name);
    }
    if (max < symbol.min) fail("the dim '{}' is at least {}, its upper bound is {}", symbol.name, symbol.min, max);
    limits_[symbol.name] = max;
    bounded_.symbol({.name = symbol.name, .min = symbol.min, .max = max, .divisor = symbol.divisor});
  }
}

int64_t UpperBounds::of(const SymInt& size) const {
  if (size.is_constant()) return size.value();
  const SymInt bounded = substitute(size, [&](std::string_view name) { return bounded_.find(name); });
  const int64_t max = bounded.is_constant() ? bounded.value() : bounds(bounded).max;
  if (max == kUnbounded) unsupported("the size {} has no upper bound", to_string(size));
  return std::max<int64_t>(max, 0);
}

uint64_t UpperBounds::element_count(const std::vector<SymInt>& sizes) const {
  uint64_t count = 1;
  for (const SymInt& size : sizes) {
    if (__builtin_mul_overflow(count, static_cast<uint64_t>(of(size)), &count))
      unsupported("a tensor of sizes {} is too large at the upper bounds {}", to_string(sizes), text());
  }
  return count;
}

std::string UpperBounds::text() const {
  std::vector<std::string> parts;
  for (const auto& [name, max] : limits_) parts.push_back(fmt::format("{} <= {}", name, max));
  return join(parts, ", ");
}

}  // namespace exformer::executorch
