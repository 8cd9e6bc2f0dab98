// Symbols and symbolic sizes of a `.pt2`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "exformer/base/json.h"
#include "exformer/ir/graph.h"

namespace exformer::pt2 {

/// Declares every symbol that the file's values speak of, with its range and sample value, and reads expressions over
/// them.
class SymbolReader {
 public:
  /// `model` is the whole models/model.json. Throws ExportError.
  SymbolReader(const Json& model, SymContext& context);

  /// A schema.SymInt: {"as_int": 4} or {"as_expr": {...}}.
  SymInt read(const Json& value);
  /// A schema.SymBool as 1 or 0 (symbolic/conditions.h); nothing when it is about other numbers than sizes.
  std::optional<SymInt> read_condition(const Json& value);
  /// {"dtype", "sizes", "strides", ...}; only strided tensors.
  TensorMeta read_meta(const Json& meta);

 private:
  struct Found {
    bool positive = false;
    std::optional<int64_t> hint;
  };
  void scan_graph(const Json& graph);
  void scan(const Json& value);
  void declare(const Json& model);
  std::string renamed(const std::string& expression) const;

  SymContext* context_;
  std::vector<std::string> order_;
  std::unordered_map<std::string, Found> found_;
  std::unordered_map<std::string, std::string> names_;  // torch's name to ours, where they differ
  std::unordered_map<std::string, SymInt> cache_;
};

}  // namespace exformer::pt2
