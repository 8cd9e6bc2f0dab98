// Integers that may depend on named dimensions: interned, immutable, in one canonical form.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace exformer {

class SymContext;
struct SymExpr;  // an interned canonical expression, owned by its SymContext

/// Closed interval; kUnbounded on either side means "not known".
struct Interval {
  int64_t min = std::numeric_limits<int64_t>::min();
  int64_t max = std::numeric_limits<int64_t>::max();
};
inline constexpr int64_t kUnbounded = std::numeric_limits<int64_t>::max();

enum class Truth { No, Yes, Unknown };

/// An integer constant or an expression over symbols of one SymContext (which must outlive it).
/// Canonical form: a sum of integer coefficient times product of atoms; an atom is a symbol, floordiv, mod, min or max.
/// Equal canonical forms are the same pointer, so == is exact on form; use `equal()` to ask about values.
class SymInt {
 public:
  SymInt(int64_t value = 0) : value_(value) {}  // NOLINT: integers are symbolic integers
  SymInt(int value) : value_(value) {}          // NOLINT
  explicit SymInt(const SymExpr* expr) : expr_(expr) {}

  bool is_constant() const { return expr_ == nullptr; }
  std::optional<int64_t> constant() const { return expr_ ? std::nullopt : std::optional<int64_t>(value_); }
  /// The constant's value; an internal error when symbolic.
  int64_t value() const;
  const SymExpr* expr() const { return expr_; }
  /// The symbol's name when this is exactly one symbol.
  std::optional<std::string_view> symbol_name() const;

  friend bool operator==(const SymInt& a, const SymInt& b) { return a.expr_ == b.expr_ && a.value_ == b.value_; }
  size_t hash() const { return std::hash<const void*>{}(expr_) * 31 + std::hash<int64_t>{}(value_); }

 private:
  int64_t value_ = 0;  // zero when expr_ is set
  const SymExpr* expr_ = nullptr;
};

SymInt operator+(const SymInt& a, const SymInt& b);
SymInt operator-(const SymInt& a, const SymInt& b);
SymInt operator-(const SymInt& a);
SymInt operator*(const SymInt& a, const SymInt& b);
/// Rounds towards minus infinity, as Python's //. A constant zero divisor throws ExportError.
SymInt floordiv(const SymInt& a, const SymInt& b);
/// The sign follows the divisor, as Python's %.
SymInt mod(const SymInt& a, const SymInt& b);
/// Rounds towards plus infinity.
SymInt ceildiv(const SymInt& a, const SymInt& b);
SymInt sym_min(const SymInt& a, const SymInt& b);
SymInt sym_max(const SymInt& a, const SymInt& b);

/// What holds for every value of the symbols within their bounds and divisors.
Truth equal(const SymInt& a, const SymInt& b);
Truth less(const SymInt& a, const SymInt& b);
Truth less_equal(const SymInt& a, const SymInt& b);
/// True only when the answer is Yes.
inline bool known_equal(const SymInt& a, const SymInt& b) { return equal(a, b) == Truth::Yes; }

/// Bounds that hold for every value; sound, not always tight.
Interval bounds(const SymInt& a);
/// The largest integer known to divide every value (0 for the constant 0).
int64_t known_divisor(const SymInt& a);

/// A named dimension.
struct Symbol {
  std::string name = {};
  int64_t min = 1;
  int64_t max = kUnbounded;
  int64_t divisor = 1;
  std::optional<int64_t> hint = {};  // the size in the sample inputs
  bool unbacked = false;             // defined by data (item, nonzero), not by an input's shape
};

/// Owns symbols and every expression made of them. A context and its expressions are used by one thread at a time.
/// Constants belong to no context; expressions of two contexts in one operation are an internal error.
class SymContext {
 public:
  SymContext();
  ~SymContext();
  SymContext(const SymContext&) = delete;
  SymContext& operator=(const SymContext&) = delete;

  /// Declares a symbol. The same name again must agree in bounds and gives the same SymInt; otherwise ExportError.
  SymInt symbol(const Symbol& symbol);
  /// A declared symbol by name.
  std::optional<SymInt> find(std::string_view name) const;
  /// In order of declaration.
  const std::vector<Symbol>& symbols() const;
  /// Reads what to_string prints; unknown names throw ExportError.
  SymInt parse(std::string_view text);

  class Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

/// The value under given symbol values; `lookup` gets a symbol's name.
int64_t evaluate(const SymInt& a, const std::function<int64_t(std::string_view)>& lookup);
/// The expression with symbols replaced; `lookup` returns nothing for a symbol that stays. The result may live in
/// another context, if every symbol is replaced by one of that context or by a constant.
SymInt substitute(const SymInt& a, const std::function<std::optional<SymInt>(std::string_view)>& lookup);
/// Names of the symbols in `a`, each once, in order of first use.
std::vector<std::string> free_symbols(const SymInt& a);

/// How a symbol follows from a size that is linear in it: (size - rest) / coefficient, without a remainder.
struct SymbolSolution {
  SymInt size, rest;
  int64_t coefficient = 1;
};
/// The first of `sizes` that gives the symbol by way of symbols that are known already.
std::optional<SymbolSolution> solve_for(const SymInt& symbol, const std::vector<SymInt>& sizes,
                                        const std::function<bool(std::string_view)>& is_known);

/// One operation of an expression, for code that emits arithmetic (sym nodes, ONNX, executorch_prim).
/// visit() calls bottom-up; Add and Mul are binary here.
template <class T>
struct SymVisitor {
  std::function<T(int64_t)> constant;
  std::function<T(std::string_view)> symbol;
  std::function<T(T, T)> add, mul, floordiv, mod, min, max;
};
enum class SymKind { Constant, Symbol, Add, Mul, FloorDiv, Mod, Min, Max };
/// The topmost operation of `a` and its operands (two for binary kinds, none for Constant and Symbol).
struct SymOperation {
  SymKind kind;
  std::vector<SymInt> operands;
};
SymOperation top_operation(const SymInt& a);

template <class T>
T visit(const SymInt& a, const SymVisitor<T>& visitor) {
  const SymOperation operation = top_operation(a);
  if (operation.kind == SymKind::Constant) return visitor.constant(a.value());
  if (operation.kind == SymKind::Symbol) return visitor.symbol(*a.symbol_name());
  T left = visit(operation.operands[0], visitor);
  T right = visit(operation.operands[1], visitor);
  switch (operation.kind) {
    case SymKind::Add: return visitor.add(left, right);
    case SymKind::Mul: return visitor.mul(left, right);
    case SymKind::FloorDiv: return visitor.floordiv(left, right);
    case SymKind::Mod: return visitor.mod(left, right);
    case SymKind::Min: return visitor.min(left, right);
    default: return visitor.max(left, right);
  }
}

}  // namespace exformer

template <>
struct std::hash<exformer::SymInt> {
  size_t operator()(const exformer::SymInt& a) const { return a.hash(); }
};
