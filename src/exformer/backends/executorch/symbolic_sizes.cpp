#include "exformer/backends/executorch/symbolic_sizes.h"

#include <algorithm>

#include "exformer/base/error.h"

namespace exformer::executorch {

void SymbolicSizes::add_source(ValueId tensor, const Sizes& sizes) {
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i].is_constant()) continue;
    const Source source{tensor, static_cast<int64_t>(i)};
    if (sources_.try_emplace(sizes[i], source).second && !sizes[i].symbol_name()) derived_.push_back(sizes[i]);
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

ValueId SymbolicSizes::solve(const SymInt& symbol) {
  const auto is_known = [&](std::string_view name) {
    const auto has_name = [&](const auto& entry) { return entry.first.symbol_name() == name; };
    return std::any_of(sources_.begin(), sources_.end(), has_name) ||
           std::any_of(known_.begin(), known_.end(), has_name);
  };
  const auto solution = solve_for(symbol, derived_, is_known);
  if (!solution) unsupported("the size '{}' cannot be read from any input's shape", *symbol.symbol_name());
  ValueId value = read(sources_.at(solution->size));
  if (solution->rest != SymInt(0)) value = calculate("executorch_prim::sub.Scalar", value, integer(solution->rest));
  if (solution->coefficient != 1)
    value = calculate("executorch_prim::floordiv.Scalar", value, program_.integer(solution->coefficient));
  return value;
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

ValueId SymbolicSizes::computed(const SymInt& size) {
  return size.is_constant() || size.symbol_name() ? integer(size) : arithmetic(size);
}

ValueId SymbolicSizes::list(const Sizes& sizes) {
  std::vector<ValueId> items;
  for (const SymInt& size : sizes) items.push_back(integer(size));
  return program_.int_list(std::move(items));
}

}  // namespace exformer::executorch
