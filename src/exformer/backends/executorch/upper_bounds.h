// The largest value that each size can take, from the largest value of each symbol.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "exformer/symbolic/sym_int.h"

namespace exformer::executorch {

class UpperBounds {
 public:
  /// Symbols of `symbols`, those that `limits` names held below that limit. A symbol without an upper bound on either
  /// side is an ExportError (Unsupported) that says how to give one.
  UpperBounds(const SymContext& symbols, const std::map<std::string, int64_t>& limits);

  int64_t of(const SymInt& size) const;
  uint64_t element_count(const std::vector<SymInt>& sizes) const;
  /// "batch <= 8, sequence <= 512".
  std::string text() const;
  const std::map<std::string, int64_t>& limits() const { return limits_; }

 private:
  mutable SymContext bounded_;
  std::map<std::string, int64_t> limits_;  // of every symbol
};

}  // namespace exformer::executorch
