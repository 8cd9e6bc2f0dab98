// Rewrites as data: a pattern and its replacement as graph texts, and a condition that says why it refuses.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "exformer/ops/registry.h"

namespace exformer {

/// What a pattern's names stand for.
class Match {
 public:
  /// The value behind "%name".
  const Value& operator[](std::string_view name) const;
  /// The constant behind "?name".
  const Argument& constant(std::string_view name) const;

  std::map<std::string, Value*, std::less<>> values;
  std::map<std::string, Argument, std::less<>> constants;
  std::vector<Node*> nodes;  // matched, the last one first
};

struct Verdict {
  bool accepted = true;
  std::string reason;
};
inline Verdict accept() { return {}; }
inline Verdict reject(std::string reason) { return {false, std::move(reason)}; }

/// Both texts read
///
///   graph(%x, %w):
///     %square = aten.pow.Tensor_Scalar(%x, 2)
///     %mean = aten.mean.dim(%square, [-1], True)
///     ...
///     return %y
///
/// "?name" stands for any constant; numbers, lists, None, True, False, dtypes (f32) and 'texts' for themselves.
/// Arguments that are left out must have their default; "sizes(%x)" in a replacement are the sizes of a value. An op's
/// .Scalar overload stands for its .Tensor one too. Operands of commutative ops match either way round. Values inside
/// the pattern may be read by nothing else.
struct Rewrite {
  std::string_view name;
  std::string_view match;
  std::string_view replace;
  std::function<Verdict(const Match&)> when = nullptr;
};

/// Applies a rewrite wherever it fits; true when it did. `refusals` gathers the reasons of `when`.
/// Throws ExportError when a text is not well formed or names an unknown op or argument.
bool apply_rewrite(Graph& graph, const Rewrite& rewrite, const OpRegistry& ops = OpRegistry::standard(),
                   std::vector<std::string>* refusals = nullptr);

}  // namespace exformer
