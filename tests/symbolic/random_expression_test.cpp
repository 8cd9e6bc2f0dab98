// Random trees: the canonical form has the value of the raw operations, and comparisons never contradict a value.
// The raw side is a tree of its own, evaluated with Python's integer rules; it shares no code with the library.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <random>

#include "exformer/base/error.h"
#include "exformer/symbolic/printers.h"
#include "exformer/symbolic/sym_int.h"

namespace exformer {
namespace {

struct Raw {
  char op = 'c';  // c constant, s symbol, + - * / % < (min) > (max) ^ (ceildiv)
  int64_t value = 0;
  size_t symbol = 0;
  std::unique_ptr<Raw> left, right;
};

struct Undefined {};  // division by zero, or values too large to matter

int64_t small(int64_t value) {
  if (std::llabs(value) > (int64_t{1} << 30)) throw Undefined{};
  return value;
}

// Euclid's definition: b*q + r = a with r between 0 and b, on b's side.
std::pair<int64_t, int64_t> python_divmod(int64_t a, int64_t b) {
  if (b == 0) throw Undefined{};
  int64_t quotient = a / b, rest = a - b * quotient;
  while (rest != 0 && (rest > 0) != (b > 0)) {
    quotient -= 1;
    rest += b;
  }
  return {quotient, rest};
}

int64_t raw_value(const Raw& raw, const std::vector<int64_t>& values) {
  if (raw.op == 'c') return raw.value;
  if (raw.op == 's') return values[raw.symbol];
  const int64_t a = raw_value(*raw.left, values), b = raw_value(*raw.right, values);
  switch (raw.op) {
    case '+': return small(a + b);
    case '-': return small(a - b);
    case '*': return small(a * b);
    case '/': return python_divmod(a, b).first;
    case '%': return python_divmod(a, b).second;
    case '^': return -python_divmod(-a, b).first;
    case '<': return a < b ? a : b;
    default: return a > b ? a : b;
  }
}

std::string raw_text(const Raw& raw, const std::vector<Symbol>& symbols) {
  if (raw.op == 'c') return std::to_string(raw.value);
  if (raw.op == 's') return symbols[raw.symbol].name;
  return "(" + raw_text(*raw.left, symbols) + " " + raw.op + " " + raw_text(*raw.right, symbols) + ")";
}

SymInt canonical(const Raw& raw, const std::vector<SymInt>& symbols) {
  if (raw.op == 'c') return raw.value;
  if (raw.op == 's') return symbols[raw.symbol];
  const SymInt a = canonical(*raw.left, symbols), b = canonical(*raw.right, symbols);
  switch (raw.op) {
    case '+': return a + b;
    case '-': return a - b;
    case '*': return a * b;
    case '/': return floordiv(a, b);
    case '%': return mod(a, b);
    case '^': return ceildiv(a, b);
    case '<': return sym_min(a, b);
    default: return sym_max(a, b);
  }
}

class RandomExpression : public testing::TestWithParam<int> {
 protected:
  // Bounded and unbounded, with and without divisor, negative, possibly zero.
  const std::vector<Symbol> declared_ = {{.name = "batch"},
                                         {.name = "seq", .min = 2, .max = 4096},
                                         {.name = "past", .min = 0},
                                         {.name = "width", .min = 8, .max = 512, .divisor = 8},
                                         {.name = "offset", .min = -20, .max = 20},
                                         {.name = "any", .min = -kUnbounded - 1, .divisor = 6, .unbacked = true},
                                         {.name = "debt", .min = -9, .max = -1}};
  std::mt19937_64 random_{static_cast<uint64_t>(GetParam())};

  int64_t between(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(random_); }

  std::unique_ptr<Raw> tree(int depth) {
    auto raw = std::make_unique<Raw>();
    if (depth == 0 || between(0, 5) == 0) {
      raw->op = between(0, 2) == 0 ? 'c' : 's';
      raw->value = between(0, 3) == 0 ? 8 * between(-8, 8) : between(-9, 9);
      raw->symbol = static_cast<size_t>(between(0, static_cast<int64_t>(declared_.size()) - 1));
      return raw;
    }
    raw->op = "+++--***//%%<>^"[between(0, 14)];
    raw->left = tree(depth - 1);
    raw->right = tree(between(0, 1) ? 0 : depth - 1);
    return raw;
  }

  std::vector<int64_t> sample() {
    std::vector<int64_t> values;
    for (const Symbol& symbol : declared_) {
      const int64_t low = std::max<int64_t>(symbol.min, -300), high = std::min<int64_t>(symbol.max, 300);
      const int64_t spread = between(0, 2) == 0 ? 3 : high - low;  // small sizes matter most
      int64_t value = between(low, std::min(high, low + spread));
      while (value % symbol.divisor != 0) ++value;
      values.push_back(value <= high ? value : value - symbol.divisor);
    }
    return values;
  }
};

void check_interval(const SymInt& a, int64_t value) {
  const Interval range = bounds(a);
  EXPECT_LE(range.min, value);
  EXPECT_GE(range.max, value);
  const int64_t divisor = known_divisor(a);
  EXPECT_EQ(divisor == 0 ? value : value % divisor, 0);
}

void check_truth(Truth truth, bool holds, const char* question) {
  EXPECT_TRUE(truth == Truth::Unknown || (truth == Truth::Yes) == holds) << question;
}

TEST_P(RandomExpression, KeepsTheValueOfTheRawOperations) {
  constexpr int kTrees = 600, kSamples = 25;
  SymContext context;
  std::vector<SymInt> symbols;
  for (const Symbol& symbol : declared_) symbols.push_back(context.symbol(symbol));
  int compared = 0, decided = 0;
  for (int i = 0; i < kTrees && !HasFailure(); ++i) {
    const auto left = tree(4), right = tree(3);
    SymInt a, b;
    try {
      a = canonical(*left, symbols);
      b = canonical(*right, symbols);
    } catch (const ExportError&) {
      continue;  // a constant zero divisor somewhere
    }
    SCOPED_TRACE(raw_text(*left, declared_) + " -> " + to_string(a));
    SCOPED_TRACE(raw_text(*right, declared_) + " -> " + to_string(b));
    EXPECT_EQ(context.parse(to_string(a)), a) << to_string(context.parse(to_string(a)));
    EXPECT_EQ(parse_sympy(context, to_srepr(a)), a) << to_srepr(a);
    EXPECT_EQ(substitute(a, [&](std::string_view name) { return context.find(name); }), a);
    const Truth is_equal = equal(a, b), is_less = less(a, b), is_less_equal = less_equal(a, b);
    decided += (is_equal != Truth::Unknown) + (is_less != Truth::Unknown) + (is_less_equal != Truth::Unknown);
    for (int j = 0; j < kSamples; ++j) {
      const std::vector<int64_t> values = sample();
      const auto lookup = [&](std::string_view name) {
        for (size_t k = 0; k < declared_.size(); ++k) {
          if (declared_[k].name == name) return values[k];
        }
        ADD_FAILURE() << "unknown name " << name;
        return int64_t{0};
      };
      try {
        const int64_t x = raw_value(*left, values), y = raw_value(*right, values);
        EXPECT_EQ(evaluate(a, lookup), x);
        EXPECT_EQ(evaluate(b, lookup), y);
        check_interval(a, x);
        check_interval(b, y);
        check_truth(is_equal, x == y, "equal");
        check_truth(is_less, x < y, "less");
        check_truth(is_less_equal, x <= y, "less_equal");
        const SymVisitor<int64_t> visitor{.constant = [](int64_t value) { return value; },
                                          .symbol = lookup,
                                          .add = std::plus<int64_t>{},
                                          .mul = std::multiplies<int64_t>{},
                                          .floordiv = [](int64_t p, int64_t q) { return python_divmod(p, q).first; },
                                          .mod = [](int64_t p, int64_t q) { return python_divmod(p, q).second; },
                                          .min = [](int64_t p, int64_t q) { return p < q ? p : q; },
                                          .max = [](int64_t p, int64_t q) { return p > q ? p : q; }};
        EXPECT_EQ(visit(a, visitor), x);
        ++compared;
      } catch (const Undefined&) {
      }
    }
  }
  // The test would be hollow if most trees were undefined or no comparison were ever decided.
  EXPECT_GT(compared, kTrees * kSamples / 3);
  EXPECT_GT(decided, kTrees / 5);
}

TEST_P(RandomExpression, EqualPolynomialsAreTheSamePointer) {
  SymContext context;
  std::vector<SymInt> symbols;
  for (const Symbol& symbol : declared_) symbols.push_back(context.symbol(symbol));
  for (int i = 0; i < 300; ++i) {
    // (a + b)*c against c*b + a*c, with subtrees that may themselves be atoms
    SymInt a, b, c;
    try {
      a = canonical(*tree(2), symbols);
      b = canonical(*tree(2), symbols);
      c = canonical(*tree(2), symbols);
    } catch (const ExportError&) {
      continue;
    }
    SCOPED_TRACE(to_string({a, b, c}));
    EXPECT_EQ((a + b) * c, c * b + a * c);
    EXPECT_EQ((a - b) * (a + b), a * a - b * b);
    EXPECT_EQ((a + b) - b, a);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomExpression, testing::Range(1, 13));

}  // namespace
}  // namespace exformer
