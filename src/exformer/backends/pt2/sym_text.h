// Symbolic sizes as torch writes them: renamed symbols, sympy's srepr, a sample value.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "exformer/ir/graph.h"
#include "exformer/symbolic/sym_int.h"

namespace exformer::pt2 {

/// torch reads a symbol's kind off its name (s0: a size, u0: defined by data), so other names are replaced, in order of
/// declaration. Sample values ("hints") avoid 0, 1, each other and the constant sizes of the graph, because torch would
/// take a coincidence for a rule.
class SymText {
 public:
  explicit SymText(const Graph& graph);

  /// {"as_int": 4} or {"as_expr": {"expr_str": ..., "hint": ...}}. The reference is good until the next call.
  const std::string& json(const SymInt& value);
  bool is_unbacked(std::string_view symbol) const;
  /// sympy's srepr over the names that torch knows.
  std::string expression(const SymInt& value) { return srepr(value); }
  /// {"s0": {"min_val": 1, "max_val": null}, ...} of the symbols written so far.
  std::string range_constraints() const;
  /// {"s0": "batch", ...} of the renamed symbols written so far; empty text when none was renamed.
  std::string renamed() const;

 private:
  void choose_hints(const Graph& graph);
  std::string srepr(const SymInt& value);

  struct Entry {
    Symbol symbol;
    std::string torch_name;
    std::optional<int64_t> hint;
    bool used = false;
  };
  std::vector<Entry> symbols_;
  std::unordered_map<std::string, size_t> by_name_;
  std::unordered_map<SymInt, std::string> cache_;
};

}  // namespace exformer::pt2
