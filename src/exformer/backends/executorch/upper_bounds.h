// The largest value that each size can take, from the largest value of each symbol.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "exformer/ir/graph.h"

namespace exformer::executorch {

/// A size that data decide and what it never exceeds: as many elements of a mask are true as it has.
struct DataBound {
  std::string symbol;
  SymInt most;
};
/// Of every data-defined size of the graph whose op says it, in order.
std::vector<DataBound> data_bounds(const Graph& graph);

class UpperBounds {
 public:
  /// Symbols of `symbols`, those that `limits` names held below that limit; those of `data` follow from the others.
  UpperBounds(const SymContext& symbols, const std::map<std::string, int64_t>& limits,
              const std::vector<DataBound>& data = {});

  /// A size without an upper bound is an ExportError (Unsupported) that says how to give one.
  int64_t of(const SymInt& size) const;
  uint64_t element_count(const std::vector<SymInt>& sizes) const;
  /// "batch <= 8, sequence <= 512".
  std::string text() const;
  /// Of every symbol that has one.
  const std::map<std::string, int64_t>& limits() const { return limits_; }

 private:
  void set(const Symbol& symbol, int64_t max);

  mutable SymContext bounded_;
  std::map<std::string, int64_t> limits_;
};

}  // namespace exformer::executorch
