#include "exformer/backends/executorch/symbolic_sizes.h"

#include <algorithm>

#include "exformer/base/error.h"

namespace exformer::executorch {

void SymbolicSizes::add_source(ValueId tensor, const Sizes& sizes) {
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i].is_constant()) continue;
    const Source source{tensor, static_cast<int64_t>(i)};
    if (sources_.try_emplace(sizes[i], source).second && !sizes[i].symbol_name())
      derived_.emplace_back(sizes[i], source);
  }
}

void SymbolicSizes::add_scalar_source(ValueId scalar, const SymInt& expression) {
  if (!expression.is_constant()) known_.try_emplace(expression, scalar);
}

ValueId SymbolicSizes::read(const Source& source) {
  const ValueId result = program_.add(int64_t{0});
  program_.instructions.push_back({.target = program_.operator_index("aten::sym_size.int"),
                                   .arguments = {source.tensor, program_.integer(source.dim), result}});
  return result;
}

ValueId SymbolicSizes::calculate(std::string_view primitive, ValueId a, ValueId b) {
  const ValueId result = program_.add(int64_t{0});
  program_.instructions.push_back({.target = program_.operator_index(primitive), .arguments = {a, b, result}});
  return result;
}

/// Finds a symbol from a source whose size is coefficient * symbol + rest.
ValueId SymbolicSizes::solve(const SymInt& symbol) {
  const std::string name(*symbol.symbol_name());
  if (std::find(solving_.begin(), solving_.end(), symbol) == solving_.end()) {
    solving_.push_back(symbol);
    for (const auto& [expression, source] : derived_) {
      const auto with = [&, &given = expression](int64_t value) {
        return substitute(
            given, [&](std::string_view other) { return other == name ? std::optional<SymInt>(value) : std::nullopt; });
      };
      const SymInt rest = with(0);
      const SymInt coefficient = with(1) - rest;
      if (!coefficient.is_constant() || coefficient == SymInt(0) || coefficient * symbol + rest != expression) continue;
      bool ready = true;
      for (const std::string& other : free_symbols(rest)) {
        const auto is_known = [&](const auto& entry) { return entry.first.symbol_name() == other; };
        ready = ready && (std::any_of(sources_.begin(), sources_.end(), is_known) ||
                          std::any_of(known_.begin(), known_.end(), is_known));
      }
      if (!ready) continue;
      ValueId value = read(source);
      if (rest != SymInt(0)) value = calculate("executorch_prim::sub.Scalar", value, integer(rest));
      if (coefficient != SymInt(1)) value = calculate("executorch_prim::floordiv.Scalar", value, integer(coefficient));
      solving_.pop_back();
      return value;
    }
    solving_.pop_back();
  }
  unsupported("the size '{}' cannot be read from any input's shape", name);
}

ValueId SymbolicSizes::arithmetic(const SymInt& size) {
  const SymOperation operation = top_operation(size);
  if (operation.kind == SymKind::Symbol) return solve(size);
  const SymInt& left = operation.operands[0];
  const SymInt& right = operation.operands[1];
  const auto primitive = [&](std::string_view name) {
    const ValueId a = integer(left);
    return calculate(name, a, integer(right));
  };
  switch (operation.kind) {
    case SymKind::Add:
      if (!right.is_constant() && top_operation(right).kind == SymKind::Mul &&
          top_operation(right).operands[0] == SymInt(-1)) {
        const ValueId a = integer(left);
        return calculate("executorch_prim::sub.Scalar", a, integer(-right));
      }
      return primitive("executorch_prim::add.Scalar");
    case SymKind::Mul: return primitive("executorch_prim::mul.Scalar");
    case SymKind::Min: return primitive("executorch_prim::sym_min.Scalar");
    case SymKind::Max: return primitive("executorch_prim::sym_max.Scalar");
    case SymKind::FloorDiv: return primitive("executorch_prim::floordiv.Scalar");
    default: break;
  }
  // The runtime's remainder has the sign of the dividend: a - a // b * b has Python's.
  if (bounds(left).min >= 0 && bounds(right).min > 0) return primitive("executorch_prim::mod.Scalar");
  const ValueId whole = calculate("executorch_prim::mul.Scalar", integer(floordiv(left, right)), integer(right));
  return calculate("executorch_prim::sub.Scalar", integer(left), whole);
}

ValueId SymbolicSizes::integer(const SymInt& size) {
  if (size.is_constant()) return program_.integer(size.value());
  if (const auto found = known_.find(size); found != known_.end()) return found->second;
  const auto source = sources_.find(size);
  const ValueId value = source != sources_.end() ? read(source->second) : arithmetic(size);
  known_.emplace(size, value);
  return value;
}

ValueId SymbolicSizes::list(const Sizes& sizes) {
  std::vector<ValueId> items;
  for (const SymInt& size : sizes) items.push_back(integer(size));
  return program_.int_list(std::move(items));
}

}  // namespace exformer::executorch
