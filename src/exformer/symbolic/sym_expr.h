// The interned node behind SymInt and the context that owns the nodes. Internal to symbolic/.
// A context and all its expressions are used by one thread at a time.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "exformer/symbolic/checked_math.h"
#include "exformer/symbolic/sym_int.h"

namespace exformer {

/// Atoms first, in the order in which they are printed within a product.
enum class ExprKind : uint8_t { Symbol, FloorDiv, Mod, Min, Max, Product, Sum };

/// coefficient * monomial; a monomial is an atom or a Product.
struct SumTerm {
  int64_t coefficient;
  const SymExpr* monomial;
  friend bool operator==(const SumTerm&, const SumTerm&) = default;
};

/// Immutable but for the interval, which bounds() tightens when it is first asked.
struct SymExpr {
  ExprKind kind;
  SymContext::Impl* context = nullptr;
  size_t hash = 0;
  int64_t tree_size = 1;  // nodes when written out as a tree
  int depth = 1;
  size_t symbol_index = 0;                   // Symbol
  std::string name = {};                     // Symbol
  std::vector<SymInt> operands = {};         // FloorDiv, Mod: two; Min, Max: two or more, sorted
  std::vector<const SymExpr*> factors = {};  // Product: two or more atoms, sorted, repeated for powers
  std::vector<SumTerm> terms = {};           // Sum: sorted by compare_monomials, no zero coefficient
  int64_t constant = 0;                      // Sum
  int64_t divisor = 1;                       // at least 1, divides every value
  bool exact_quotient = false;               // FloorDiv without remainder, or a Product that has one
  mutable Interval interval = {};
  mutable int refined_budget = 0;

  bool is_atom() const { return kind < ExprKind::Product; }
};

/// A SymInt taken apart: sum of terms, plus constant.
struct Linear {
  std::vector<SumTerm> terms;
  int64_t constant = 0;
};

class SymContext::Impl {
 public:
  explicit Impl(SymContext& owner) : owner(owner) {}

  /// The interned monomial of sorted atoms (at least one).
  const SymExpr* product(std::vector<const SymExpr*> atoms);
  /// The interned sum; `linear` is in any order and may hold equal monomials and zeros.
  SymInt sum(Linear linear);
  /// The interned sum of terms that are already sorted, merged and free of zeros.
  SymInt sorted_sum(std::vector<SumTerm> terms, int64_t constant);
  /// The interned atom as it stands; no rule is applied.
  SymInt atom(ExprKind kind, std::vector<SymInt> operands);

  enum class Operation : uint8_t { Add, Multiply, FloorDiv, Mod, Min, Max };
  struct OperationKey {
    Operation operation;
    SymInt a, b;
    friend bool operator==(const OperationKey&, const OperationKey&) = default;
  };
  struct OperationHash {
    size_t operator()(const OperationKey& key) const;
  };
  /// Result of an operation seen before: models repeat the same arithmetic in every layer.
  std::unordered_map<OperationKey, SymInt, OperationHash> results;

  SymContext& owner;
  std::vector<Symbol> symbols;
  std::vector<const SymExpr*> symbol_exprs;
  std::unordered_map<std::string, size_t> symbol_index;

  const SymExpr* intern(SymExpr&& candidate);

  // What symbolic/assumptions.h gives out.
  std::optional<std::pair<SymInt, SymInt>> open_equality;
  std::map<std::string, SymInt> assumptions;
  std::vector<SymInt> assumed_zero;  // reduced differences (symbolic/assumptions.cpp)

 private:
  struct NodeHash {
    size_t operator()(const SymExpr* node) const { return node->hash; }
  };
  struct NodeEqual {
    bool operator()(const SymExpr* a, const SymExpr* b) const;
  };
  std::deque<SymExpr> nodes_;
  std::unordered_set<const SymExpr*, NodeHash, NodeEqual> interned_;
};

/// Structural orders: negative, zero (the same) or positive. Independent of the order in which expressions were made.
int compare_atoms(const SymExpr* a, const SymExpr* b);
/// Higher degree first, then by atoms: a monomial order, as polynomial division needs.
int compare_monomials(const SymExpr* a, const SymExpr* b);
int compare_values(const SymInt& a, const SymInt& b);

/// The atoms of a monomial.
std::vector<const SymExpr*> atoms_of(const SymExpr* monomial);
/// The monomial over `divisor`, which must divide monomial->divisor: it moves into the atoms that carry it, first come
/// first served.
const SymExpr* exact_quotient(SymContext::Impl& context, const SymExpr* monomial, int64_t divisor);
/// The symbolic parts of any SymInt.
Linear linear_of(const SymInt& a);
/// The context of the operands (null when both are constants); two different ones are an internal error.
SymContext::Impl* common_context(const SymInt& a, const SymInt& b);
/// Fills interval, divisor and exact_quotient of a node that is about to be interned.
void compute_facts(SymExpr& node);
/// The expression with every assumed symbol replaced.
SymInt apply_assumptions(const SymInt& a);
/// Whether the difference of the two is one that was assumed to be zero.
bool is_assumed_equal(const SymInt& a, const SymInt& b);
/// True when no value within bounds is zero.
bool excludes_zero(const SymInt& a);

/// The result, or nothing when the arithmetic inside overflows or grows too large: a rule that is then left out.
template <class F>
auto attempt(F&& rule) -> std::optional<decltype(rule())> {
  try {
    return rule();
  } catch (const ExportError&) {
    return std::nullopt;
  }
}

}  // namespace exformer
