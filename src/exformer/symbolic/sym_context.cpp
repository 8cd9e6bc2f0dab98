// Owns symbols and interned nodes; structural order of expressions.
#include <algorithm>

#include "exformer/symbolic/sym_expr.h"

namespace exformer {
namespace {

// Larger trees come from hostile or broken files; below this every recursion is safe and fast.
constexpr int64_t kMaxTreeSize = 100000;
constexpr int kMaxDepth = 400;

size_t mix(size_t seed, size_t value) { return seed ^ (value + 0x9e3779b97f4a7c15ull + (seed << 6) + (seed >> 2)); }

size_t value_hash(const SymInt& a) {
  return mix(std::hash<int64_t>{}(a.constant().value_or(0)), a.expr() ? a.expr()->hash : 1);
}

bool is_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto inner = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '.'; };
  return !name.empty() && letter(name[0]) && std::all_of(name.begin(), name.end(), inner);
}

bool same_facts(const Symbol& a, const Symbol& b) {
  return a.min == b.min && a.max == b.max && a.divisor == b.divisor && a.unbacked == b.unbacked;
}

std::string describe(const Symbol& s) {
  return fmt::format("[{}, {}], multiple of {}{}", s.min, s.max == kUnbounded ? "unbounded" : std::to_string(s.max),
                     s.divisor, s.unbacked ? ", unbacked" : "");
}

}  // namespace

size_t SymContext::Impl::OperationHash::operator()(const OperationKey& key) const {
  return mix(mix(static_cast<size_t>(key.operation), value_hash(key.a)), value_hash(key.b));
}

bool SymContext::Impl::NodeEqual::operator()(const SymExpr* a, const SymExpr* b) const {
  return a->hash == b->hash && a->kind == b->kind && a->symbol_index == b->symbol_index && a->constant == b->constant &&
         a->operands == b->operands && a->factors == b->factors && a->terms == b->terms;
}

const SymExpr* SymContext::Impl::intern(SymExpr&& candidate) {
  size_t hash = mix(static_cast<size_t>(candidate.kind), candidate.symbol_index);
  hash = mix(hash, std::hash<int64_t>{}(candidate.constant));
  for (const SymInt& operand : candidate.operands) hash = mix(hash, value_hash(operand));
  for (const SymExpr* factor : candidate.factors) hash = mix(hash, factor->hash);
  for (const SumTerm& term : candidate.terms) {
    hash = mix(mix(hash, term.monomial->hash), std::hash<int64_t>{}(term.coefficient));
  }
  candidate.hash = hash;
  if (const auto found = interned_.find(&candidate); found != interned_.end()) return *found;

  int64_t size = 1;
  int depth = 0;
  const auto account = [&](const SymExpr* part) {
    size += part ? part->tree_size : 1;
    depth = std::max(depth, part ? part->depth : 0);
  };
  for (const SymInt& operand : candidate.operands) account(operand.expr());
  for (const SymExpr* factor : candidate.factors) account(factor);
  for (const SumTerm& term : candidate.terms) account(term.monomial);
  if (size > kMaxTreeSize || depth >= kMaxDepth) {
    fail("a size expression grows too large: {} parts, {} levels; at most {} and {}", size, depth + 1, kMaxTreeSize,
         kMaxDepth);
  }
  candidate.tree_size = size;
  candidate.depth = depth + 1;
  candidate.context = this;
  compute_facts(candidate);
  const SymExpr* node = &nodes_.emplace_back(std::move(candidate));
  interned_.insert(node);
  return node;
}

const SymExpr* SymContext::Impl::product(std::vector<const SymExpr*> atoms) {
  if (atoms.size() == 1) return atoms[0];
  SymExpr node{.kind = ExprKind::Product};
  node.factors = std::move(atoms);
  return intern(std::move(node));
}

SymInt SymContext::Impl::sorted_sum(std::vector<SumTerm> terms, int64_t constant) {
  if (terms.empty()) return constant;
  if (terms.size() == 1 && terms[0].coefficient == 1 && constant == 0) return SymInt(terms[0].monomial);
  SymExpr node{.kind = ExprKind::Sum};
  node.terms = std::move(terms);
  node.constant = constant;
  return SymInt(intern(std::move(node)));
}

SymInt SymContext::Impl::atom(ExprKind kind, std::vector<SymInt> operands) {
  SymExpr node{.kind = kind};
  node.operands = std::move(operands);
  return SymInt(intern(std::move(node)));
}

int compare_atoms(const SymExpr* a, const SymExpr* b) {
  if (a == b) return 0;
  if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
  if (a->kind == ExprKind::Symbol) return a->symbol_index < b->symbol_index ? -1 : 1;
  const size_t shared = std::min(a->operands.size(), b->operands.size());
  for (size_t i = 0; i < shared; ++i) {
    if (const int order = compare_values(a->operands[i], b->operands[i])) return order;
  }
  return a->operands.size() < b->operands.size() ? -1 : 1;
}

int compare_monomials(const SymExpr* a, const SymExpr* b) {
  if (a == b) return 0;
  const bool product_a = a->kind == ExprKind::Product, product_b = b->kind == ExprKind::Product;
  if (!product_a && !product_b) return compare_atoms(a, b);
  const size_t degree_a = product_a ? a->factors.size() : 1, degree_b = product_b ? b->factors.size() : 1;
  if (degree_a != degree_b) return degree_a > degree_b ? -1 : 1;
  for (size_t i = 0; i < degree_a; ++i) {
    if (const int order = compare_atoms(a->factors[i], b->factors[i])) return order;
  }
  return 0;
}

int compare_values(const SymInt& a, const SymInt& b) {
  if (a == b) return 0;
  if (a.is_constant() != b.is_constant()) return a.is_constant() ? -1 : 1;
  if (a.is_constant()) return a.value() < b.value() ? -1 : 1;
  const Linear x = linear_of(a), y = linear_of(b);
  const size_t shared = std::min(x.terms.size(), y.terms.size());
  for (size_t i = 0; i < shared; ++i) {
    if (const int order = compare_monomials(x.terms[i].monomial, y.terms[i].monomial)) return order;
    if (x.terms[i].coefficient != y.terms[i].coefficient) {
      return x.terms[i].coefficient < y.terms[i].coefficient ? -1 : 1;
    }
  }
  if (x.terms.size() != y.terms.size()) return x.terms.size() < y.terms.size() ? -1 : 1;
  return x.constant < y.constant ? -1 : 1;
}

std::vector<const SymExpr*> atoms_of(const SymExpr* monomial) {
  if (monomial->kind == ExprKind::Product) return monomial->factors;
  return {monomial};
}

Linear linear_of(const SymInt& a) {
  if (a.is_constant()) return {{}, a.value()};
  if (a.expr()->kind == ExprKind::Sum) return {a.expr()->terms, a.expr()->constant};
  return {{{1, a.expr()}}, 0};
}

SymContext::Impl* common_context(const SymInt& a, const SymInt& b) {
  if (!a.expr()) return b.expr() ? b.expr()->context : nullptr;
  EXFORMER_ASSERT(!b.expr() || a.expr()->context == b.expr()->context);
  return a.expr()->context;
}

int64_t SymInt::value() const {
  EXFORMER_ASSERT(expr_ == nullptr);
  return value_;
}

std::optional<std::string_view> SymInt::symbol_name() const {
  if (!expr_ || expr_->kind != ExprKind::Symbol) return std::nullopt;
  return expr_->name;
}

SymContext::SymContext() : impl_(std::make_unique<Impl>(*this)) {}
SymContext::~SymContext() = default;

SymInt SymContext::symbol(const Symbol& symbol) {
  Impl& impl = *impl_;
  if (const auto found = impl.symbol_index.find(symbol.name); found != impl.symbol_index.end()) {
    Symbol& known = impl.symbols[found->second];
    if (!same_facts(known, symbol)) {
      fail("dimension '{}' is declared as {} but was declared as {} before", symbol.name, describe(symbol),
           describe(known));
    }
    if (!known.hint) known.hint = symbol.hint;
    return SymInt(impl.symbol_exprs[found->second]);
  }
  if (!is_name(symbol.name)) {
    fail("'{}' cannot name a dimension: a letter or '_', then letters, digits, '_' and '.'", symbol.name);
  }
  if (symbol.divisor < 1) fail("dimension '{}' has divisor {}; at least 1 is needed", symbol.name, symbol.divisor);

  // The nearest multiples inside the interval; the extremes stand for "not known" and stay.
  Interval interval{symbol.min, symbol.max};
  if (interval.min != kInt64Min) {
    const int64_t rest = checked_mod(interval.min, symbol.divisor);
    if (rest != 0 && __builtin_add_overflow(interval.min, symbol.divisor - rest, &interval.min)) {
      interval.min = kInt64Max;
    }
  }
  if (interval.max != kInt64Max) {
    const int64_t rest = checked_mod(interval.max, symbol.divisor);
    if (__builtin_sub_overflow(interval.max, rest, &interval.max)) interval.max = kInt64Min;
  }
  if (interval.min > interval.max || interval.min == kInt64Max || interval.max == kInt64Min) {
    fail("dimension '{}' can have no value: {}", symbol.name, describe(symbol));
  }
  SymExpr node{.kind = ExprKind::Symbol};
  node.symbol_index = impl.symbols.size();
  node.name = symbol.name;
  node.interval = interval;
  node.divisor = symbol.divisor;
  const SymExpr* expr = impl.intern(std::move(node));
  impl.symbol_index.emplace(symbol.name, impl.symbols.size());
  impl.symbols.push_back(symbol);
  impl.symbol_exprs.push_back(expr);
  return SymInt(expr);
}

std::optional<SymInt> SymContext::find(std::string_view name) const {
  const auto found = impl_->symbol_index.find(std::string(name));
  if (found == impl_->symbol_index.end()) return std::nullopt;
  return SymInt(impl_->symbol_exprs[found->second]);
}

const std::vector<Symbol>& SymContext::symbols() const { return impl_->symbols; }

}  // namespace exformer
