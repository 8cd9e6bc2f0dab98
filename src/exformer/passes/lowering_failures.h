// What a backend could not lower, gathered over the whole program and told at once.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "exformer/ir/graph.h"

namespace exformer {

class LoweringFailures {
 public:
  /// Failures of one kind count as one, at the place of the first.
  void add(const Node& node, const std::string& reason);
  /// Throws ExportError (Unsupported) if there were any: each kind with its op, place and number, then the way out.
  void report(std::string_view format, std::string_view way_out = {}) const;

 private:
  struct Entry {
    size_t count = 0;
    std::string place;
  };
  std::map<std::string, Entry> entries_;
};

}  // namespace exformer
