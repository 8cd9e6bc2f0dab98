// Expressions as text.
#include "exformer/symbolic/printers.h"

#include <algorithm>

#include "exformer/symbolic/sym_expr.h"

namespace exformer {
namespace {

/// Calls visit(atom, power) for each distinct atom of a monomial.
template <class F>
void for_each_power(const SymExpr* monomial, F&& visit) {
  const std::vector<const SymExpr*> atoms = atoms_of(monomial);
  for (size_t i = 0; i < atoms.size();) {
    const SymExpr* atom = atoms[i];
    size_t power = 0;
    for (; i < atoms.size() && atoms[i] == atom; ++i) ++power;
    visit(atom, power);
  }
}

std::string call(std::string_view function, const std::vector<std::string>& arguments) {
  return fmt::format("{}({})", function, fmt::join(arguments, ", "));
}

void print_value(std::string& out, const SymInt& a);

void print_monomial(std::string& out, const SymExpr* monomial) {
  bool first = true;
  for_each_power(monomial, [&](const SymExpr* atom, size_t power) {
    if (!first) out += '*';
    first = false;
    if (atom->kind == ExprKind::Symbol) {
      out += atom->name;
    } else {
      out += atom->kind == ExprKind::FloorDiv ? "floordiv("
             : atom->kind == ExprKind::Mod    ? "mod("
             : atom->kind == ExprKind::Min    ? "min("
                                              : "max(";
      for (size_t i = 0; i < atom->operands.size(); ++i) {
        if (i > 0) out += ", ";
        print_value(out, atom->operands[i]);
      }
      out += ')';
    }
    if (power > 1) out += fmt::format("**{}", power);
  });
}

void print_value(std::string& out, const SymInt& a) {
  const Linear parts = linear_of(a);
  bool first = true;
  const auto sign = [&](int64_t value) {
    if (value == kInt64Min) {  // has no positive counterpart, so the sign stays with the number
      out += first ? "-" : " + -";
    } else if (!first) {
      out += value < 0 ? " - " : " + ";
    } else if (value < 0) {
      out += '-';
    }
    first = false;
  };
  for (const SumTerm& term : parts.terms) {
    sign(term.coefficient);
    if (magnitude(term.coefficient) != 1) out += fmt::format("{}*", magnitude(term.coefficient));
    print_monomial(out, term.monomial);
  }
  if (parts.constant != 0 || parts.terms.empty()) {
    sign(parts.constant);
    out += std::to_string(magnitude(parts.constant));
  }
}

std::string srepr_of(const SymInt& a);

std::string srepr_of_atom(const SymExpr& atom) {
  if (atom.kind == ExprKind::Symbol) {
    // torch's sizes are positive; a dimension that may be 0 must not claim it, or sympy drops Max(1, s).
    const bool positive = !atom.context->symbols[atom.symbol_index].unbacked && atom.interval.min >= 1;
    return fmt::format("Symbol('{}', {}integer=True)", atom.name, positive ? "positive=True, " : "");
  }
  std::vector<std::string> operands;
  for (const SymInt& operand : atom.operands) operands.push_back(srepr_of(operand));
  switch (atom.kind) {
    case ExprKind::FloorDiv: return call("FloorDiv", operands);
    case ExprKind::Min: return call("Min", operands);
    case ExprKind::Max: return call("Max", operands);
    default: break;
  }
  // torch's Mod holds for operands that are not negative; PythonMod for all.
  const bool natural = bounds(atom.operands[0]).min >= 0 && bounds(atom.operands[1]).min >= 1;
  return call(natural ? "Mod" : "PythonMod", operands);
}

std::string srepr_of_term(const SumTerm& term) {
  std::vector<std::string> factors;
  if (term.coefficient != 1) factors.push_back(fmt::format("Integer({})", term.coefficient));
  for_each_power(term.monomial, [&](const SymExpr* atom, size_t power) {
    const std::string base = srepr_of_atom(*atom);
    factors.push_back(power == 1 ? base : fmt::format("Pow({}, Integer({}))", base, power));
  });
  return factors.size() == 1 ? factors[0] : call("Mul", factors);
}

std::string srepr_of(const SymInt& a) {
  const Linear parts = linear_of(a);
  std::vector<std::string> terms;
  for (const SumTerm& term : parts.terms) terms.push_back(srepr_of_term(term));
  if (parts.constant != 0 || terms.empty()) terms.push_back(fmt::format("Integer({})", parts.constant));
  return terms.size() == 1 ? terms[0] : call("Add", terms);
}

}  // namespace

std::string to_string(const SymInt& a) {
  std::string out;
  print_value(out, a);
  return out;
}

std::string to_string(const std::vector<SymInt>& sizes) {
  std::string out = "[";
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (i > 0) out += ", ";
    print_value(out, sizes[i]);
  }
  return out + "]";
}

std::string to_srepr(const SymInt& a) { return srepr_of(a); }

std::string to_dim_param(const SymInt& a) {
  std::string text = to_string(a);
  std::erase(text, ' ');
  return text;
}

}  // namespace exformer
