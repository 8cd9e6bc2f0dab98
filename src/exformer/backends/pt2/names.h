// Names that torch.fx accepts for the values of a graph.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "exformer/ir/graph.h"

namespace exformer::pt2 {

/// Each value keeps its name where it is a Python identifier that shadows nothing; otherwise it gets the nearest free
/// legal one.
class Names {
 public:
  explicit Names(const Graph& graph);

  const std::string& of(const Value* value) const { return names_.at(value); }
  /// A name that nothing has yet: `base` itself or base_1, base_2, ... as torch.fx counts.
  std::string fresh(std::string_view base);

 private:
  std::unordered_map<const Value*, std::string> names_;
  std::unordered_set<std::string> used_;
  std::unordered_map<std::string, int> counts_;
};

/// Whether Python code can bind the name: an identifier, no keyword.
bool is_python_identifier(std::string_view name);

}  // namespace exformer::pt2
