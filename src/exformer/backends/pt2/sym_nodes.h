// Turns symbolic integers used as arguments into the nodes that torch computes them with.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "exformer/backends/pt2/json_text.h"
#include "exformer/backends/pt2/names.h"
#include "exformer/backends/pt2/sym_text.h"
#include "exformer/ir/program.h"

namespace exformer::pt2 {

/// A symbol is read off a dim of a user input (aten.sym_size.int), solved for where it only occurs inside a dim ("2*s +
/// 1"), or taken from the node that defines it; other expressions become _operator.add, mul, floordiv, mod and
/// torch.sym_min, sym_max. Each expression gets one node, placed where it is first asked for.
class SymNodes {
 public:
  /// Nodes are appended to `nodes`, their values to `values` ("name": SymInt) and `conditions` ("name": SymBool).
  SymNodes(const ExportedProgram& program, Names& names, SymText& text, JsonText& nodes, JsonText& values,
           JsonText& conditions);

  /// Name of a value that equals the symbolic `expression`. Throws ExportError naming a symbol that nothing defines.
  const std::string& name(const SymInt& expression);
  enum class Comparison { AtLeast, AtMost };
  /// Name of a value that says how `expression` compares with a constant.
  std::string compare(const SymInt& expression, Comparison comparison, int64_t bound);
  /// The value is a symbolic integer itself: a graph input or the result of a node just written.
  void provide(const Value* value);

 private:
  /// How to get a symbol: dim `dim` of `value` equals scale * symbol + offset.
  struct Source {
    const Value* value = nullptr;
    int64_t dim = 0;
    SymInt scale = 1;
    SymInt offset = 0;
  };
  void find_sources(const ExportedProgram& program);
  bool offer(const Value* value);
  std::string emit(std::string_view target, std::string_view base, std::string_view inputs, const SymInt& result);
  std::string emit_symbol(const SymInt& symbol);
  std::string emit_operation(const SymInt& expression);
  std::string operand(const SymInt& expression);

  Names* names_;
  SymText* text_;
  JsonText* nodes_;
  JsonText* values_;
  JsonText* conditions_;
  std::unordered_map<std::string, Source> sources_;
  std::unordered_map<SymInt, std::string> made_;
  std::unordered_set<std::string> in_progress_;
};

}  // namespace exformer::pt2
