// Which sizes the symbols of a program have in one run, found from the inputs and checked against what the program
// allows.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "exformer/ir/program.h"

namespace exformer {

class SymbolBinding {
 public:
  explicit SymbolBinding(const SymContext& symbols) : symbols_(&symbols) {}

  /// Binds the symbols of the user inputs' metas to the sizes received. Throws ExportError for a wrong count, rank,
  /// dtype or size.
  void bind_inputs(const ExportedProgram& program, const std::vector<HostTensor>& inputs);
  /// Gives a symbol that data defines its value; out-of-bounds values throw ExportError.
  void bind(std::string_view symbol, int64_t value);

  bool is_bound(const SymInt& expression) const;
  /// The value; every symbol in it must be bound.
  int64_t value(const SymInt& expression) const;

 private:
  /// Binds the one unbound symbol of a linear expression so that it equals `size`. False when it has more than one, or
  /// no solution.
  bool solve(const SymInt& expression, int64_t size);

  const SymContext* symbols_;
  std::unordered_map<std::string, int64_t> values_;
};

}  // namespace exformer
