// Declarations, parsing errors, and the walks over an expression.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exformer/base/error.h"
#include "exformer/symbolic/printers.h"
#include "exformer/symbolic/sym_int.h"

namespace exformer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

template <class F>
std::string message_of(F&& action) {
  try {
    action();
  } catch (const ExportError& error) {
    return error.what();
  }
  return "no error";
}

TEST(SymContext, GivesTheSameSymbolForTheSameDeclaration) {
  SymContext context;
  const SymInt first = context.symbol({.name = "batch", .min = 1, .max = 8});
  EXPECT_EQ(context.symbol({.name = "batch", .min = 1, .max = 8, .hint = 2}), first);
  EXPECT_EQ(context.find("batch"), first);
  EXPECT_EQ(context.find("seq"), std::nullopt);
  ASSERT_EQ(context.symbols().size(), 1u);
  EXPECT_EQ(context.symbols()[0].hint, 2);  // learned later
  EXPECT_EQ(first.symbol_name(), "batch");
  EXPECT_EQ((first + 1).symbol_name(), std::nullopt);
}

TEST(SymContext, RefusesADeclarationThatDisagrees) {
  SymContext context;
  context.symbol({.name = "batch", .min = 1, .max = 8});
  EXPECT_THAT(message_of([&] { context.symbol({.name = "batch"}); }),
              HasSubstr("'batch' is declared as [1, unbounded], multiple of 1 but was declared as [1, 8]"));
  EXPECT_THROW(context.symbol({.name = "batch", .min = 1, .max = 8, .divisor = 2}), ExportError);
  EXPECT_THROW(context.symbol({.name = "batch", .min = 1, .max = 8, .unbacked = true}), ExportError);
}

TEST(SymContext, RefusesNamesThatCannotBeReadBack) {
  SymContext context;
  for (const char* name : {"", "0", "a b", "a+b", "s'", "-x", ".a"}) {
    EXPECT_THAT(message_of([&] { context.symbol({.name = name}); }), HasSubstr("cannot name a dimension")) << name;
  }
  EXPECT_NO_THROW(context.symbol({.name = "past_key_values.0.key"}));
  EXPECT_NO_THROW(context.symbol({.name = "min"}));  // only a call when '(' follows
  EXPECT_EQ(to_string(context.parse("min(min, 3) + past_key_values.0.key")), "past_key_values.0.key + min(3, min)");
}

TEST(SymContext, RefusesSymbolsWithoutAValue) {
  SymContext context;
  EXPECT_THROW(context.symbol({.name = "a", .min = 3, .max = 2}), ExportError);
  EXPECT_THROW(context.symbol({.name = "a", .min = 9, .max = 15, .divisor = 8}), ExportError);
  EXPECT_THROW(context.symbol({.name = "a", .divisor = 0}), ExportError);
  EXPECT_THROW(context.symbol({.name = "a", .min = kUnbounded - 1, .divisor = 1000}), ExportError);
  EXPECT_THROW(context.symbol({.name = "a", .min = kUnbounded}), ExportError);
}

TEST(SymContext, NarrowsBoundsToMultiplesOfTheDivisor) {
  SymContext context;
  const Interval range = bounds(context.symbol({.name = "a", .min = -13, .max = 100, .divisor = 8}));
  EXPECT_EQ(range.min, -8);
  EXPECT_EQ(range.max, 96);
}

TEST(SymParse, NamesWhatItCannotRead) {
  SymContext context;
  context.symbol({.name = "batch"});
  context.symbol({.name = "seq"});
  const auto error = [&](const std::string& text) { return message_of([&] { context.parse(text); }); };
  EXPECT_THAT(error("2*bach"),
              HasSubstr("unknown dimension 'bach' in the size expression '2*bach'; declared: batch, seq"));
  EXPECT_THAT(error("2*"), HasSubstr("expected a number, a dimension or '(' at offset 2, found the end"));
  EXPECT_THAT(error("batch seq"), HasSubstr("expected an operator or the end at offset 6, found 'seq'"));
  EXPECT_THAT(error("(batch"), HasSubstr("expected ')'"));
  EXPECT_THAT(error("round(batch)"), HasSubstr("expected one of floordiv, mod, min, max at offset 0"));
  EXPECT_THAT(error("floordiv(batch)"), HasSubstr("floordiv takes 2 arguments, 1 given"));
  EXPECT_THAT(error("max()"), HasSubstr("max needs arguments"));
  EXPECT_THAT(error(""), HasSubstr("found the end"));
  EXPECT_THAT(error("batch / 2"), HasSubstr("expected an operator or the end"));
  EXPECT_THAT(error("9223372036854775808"), HasSubstr("an integer of 64 bits"));
  EXPECT_THAT(error("99999999999999999999"), HasSubstr("an integer of 64 bits"));
  EXPECT_THAT(error("-9223372036854775809"), HasSubstr("an integer of 64 bits"));
  EXPECT_THAT(error("batch // 0"), HasSubstr("divides by zero"));
  EXPECT_THAT(error("batch ** seq"), HasSubstr("the exponent must be a constant"));
  EXPECT_THAT(error("2 ** -1"), HasSubstr("the exponent must be a constant"));
  EXPECT_THAT(error(std::string(100000, '(')), HasSubstr("levels"));
  EXPECT_THAT(error(std::string(100000, '-') + "1"), HasSubstr("levels"));
  EXPECT_EQ(context.parse("-9223372036854775808"), SymInt(-kUnbounded - 1));
}

TEST(SymEvaluate, ReportsDivisionByZeroAndOverflow) {
  SymContext context;
  context.symbol({.name = "a", .min = 0});
  context.symbol({.name = "b", .min = 0});
  const auto value = [&](const char* text, int64_t a, int64_t b) {
    return evaluate(context.parse(text), [&](std::string_view name) { return name == "a" ? a : b; });
  };
  EXPECT_EQ(value("floordiv(a, b) + mod(a, b) + min(a, b)*2", 17, 5), 3 + 2 + 10);
  EXPECT_THROW(value("floordiv(a, b)", 17, 0), ExportError);
  EXPECT_THROW(value("mod(a, b)", 17, 0), ExportError);
  EXPECT_THROW(value("a*b", kUnbounded, 2), ExportError);
  EXPECT_THROW(value("a + b", kUnbounded, 2), ExportError);
}

TEST(SymSubstitute, ReplacesSymbolsAndFoldsWhatFollows) {
  SymContext context, other;
  context.symbol({.name = "batch"});
  const SymInt s = context.symbol({.name = "seq", .min = 0});
  const SymInt a = context.parse("2*batch*seq + floordiv(seq, 4) + max(1, seq) + mod(batch, 3)");
  const auto with = [&](std::string_view name, const SymInt& value) {
    return substitute(
        a, [&](std::string_view symbol) { return symbol == name ? std::optional<SymInt>(value) : std::nullopt; });
  };
  EXPECT_EQ(to_string(with("seq", 8)), "16*batch + mod(batch, 3) + 10");
  EXPECT_EQ(with("batch", 3), context.parse("6*seq + floordiv(seq, 4) + max(1, seq)"));
  EXPECT_EQ(to_string(with("seq", 4 * s + 4)), "8*batch*seq + 8*batch + 5*seq + mod(batch, 3) + 5");
  // Every symbol into another context.
  const SymInt n = other.symbol({.name = "n"});
  const SymInt moved = substitute(a, [&](std::string_view) { return std::optional<SymInt>(n); });
  EXPECT_EQ(moved, other.parse("2*n*n + floordiv(n, 4) + n + mod(n, 3)"));
}

TEST(SymWalks, ListFreeSymbolsOnceInOrderOfUse) {
  SymContext context;
  for (const char* name : {"a", "b", "c", "d"}) context.symbol({.name = name});
  EXPECT_THAT(free_symbols(context.parse("d + c*a + max(c, 2*a) + floordiv(a, c)")), ElementsAre("a", "c", "d"));
  EXPECT_TRUE(free_symbols(7).empty());
}

TEST(SymInt, IsSolvedForASymbolByALinearSize) {
  SymContext context;
  const SymInt a = context.symbol({.name = "a"}), b = context.symbol({.name = "b"});
  const auto knows_b = [](std::string_view name) { return name == "b"; };
  // Neither a square nor a quotient gives the symbol back; 2*a + b does, but only where b is known.
  const std::vector<SymInt> sizes = {a * a, floordiv(a, 2), 2 * a + b + 3};
  const auto solution = solve_for(a, sizes, knows_b);
  ASSERT_TRUE(solution);
  EXPECT_EQ(solution->size, sizes[2]);
  EXPECT_EQ(solution->rest, b + 3);
  EXPECT_EQ(solution->coefficient, 2);
  EXPECT_FALSE(solve_for(a, sizes, [](std::string_view) { return false; }));
  EXPECT_FALSE(solve_for(context.symbol({.name = "c"}), sizes, knows_b));
}

TEST(SymWalks, TopOperationTakesOneOperationOff) {
  SymContext context;
  for (const char* name : {"a", "b", "c"}) context.symbol({.name = name});
  const auto top = [&](const char* text) {
    const SymOperation operation = top_operation(context.parse(text));
    return std::pair(operation.kind, to_string(operation.operands));
  };
  EXPECT_EQ(top("7"), std::pair(SymKind::Constant, std::string("[]")));
  EXPECT_EQ(top("a"), std::pair(SymKind::Symbol, std::string("[]")));
  EXPECT_EQ(top("a + 2*b - 1"), std::pair(SymKind::Add, std::string("[a + 2*b, -1]")));
  EXPECT_EQ(top("a + 2*b"), std::pair(SymKind::Add, std::string("[a, 2*b]")));
  EXPECT_EQ(top("2*b*a"), std::pair(SymKind::Mul, std::string("[2, a*b]")));
  EXPECT_EQ(top("a*b*b"), std::pair(SymKind::Mul, std::string("[a*b, b]")));
  EXPECT_EQ(top("a//b"), std::pair(SymKind::FloorDiv, std::string("[a, b]")));
  EXPECT_EQ(top("a % 5"), std::pair(SymKind::Mod, std::string("[a, 5]")));
  EXPECT_EQ(top("min(a, b, c)"), std::pair(SymKind::Min, std::string("[min(a, b), c]")));
  EXPECT_EQ(top("max(a, b)"), std::pair(SymKind::Max, std::string("[a, b]")));
}

TEST(SymWalks, VisitRebuildsTheExpression) {
  SymContext context;
  for (const char* name : {"a", "b", "c"}) context.symbol({.name = name});
  const SymVisitor<SymInt> rebuild{.constant = [](int64_t value) { return SymInt(value); },
                                   .symbol = [&](std::string_view name) { return *context.find(name); },
                                   .add = [](SymInt x, SymInt y) { return x + y; },
                                   .mul = [](SymInt x, SymInt y) { return x * y; },
                                   .floordiv = [](SymInt x, SymInt y) { return floordiv(x, y); },
                                   .mod = [](SymInt x, SymInt y) { return mod(x, y); },
                                   .min = [](SymInt x, SymInt y) { return sym_min(x, y); },
                                   .max = [](SymInt x, SymInt y) { return sym_max(x, y); }};
  const SymInt a = context.parse("3*a*b**2 - floordiv(a + 5, c) + min(a, b, c) - max(7, 2*a) + mod(b, 6) - 4");
  EXPECT_EQ(visit(a, rebuild), a);
}

}  // namespace
}  // namespace exformer
