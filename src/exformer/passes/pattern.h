// The graph text of one side of a rewrite, parsed.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "exformer/ops/registry.h"

namespace exformer {

/// One argument: the value "%name", any constant "?name", the sizes of a value "sizes(%name)" (in replacements), or a
/// constant itself.
struct PatternArgument {
  enum class Kind { Value, AnyConstant, Sizes, Constant } kind = Kind::Constant;
  std::string name;
  Argument constant;
};

struct PatternNode {
  const Op* op = nullptr;
  std::vector<std::string> results;
  std::vector<std::pair<size_t, PatternArgument>> arguments;  // by position in the schema
};

struct Pattern {
  std::vector<std::string> inputs;
  std::vector<PatternNode> nodes;
  std::string result;

  /// The node that makes a value; null for an input.
  const PatternNode* producer(std::string_view value) const;
};

/// Throws ExportError naming `source` and what was expected.
Pattern parse_pattern(std::string_view text, const OpRegistry& ops, std::string_view source);

}  // namespace exformer
