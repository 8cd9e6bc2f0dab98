// Text forms against sympy: what torch writes is read, what is written is what sympy reads back as the same expression.
#include "exformer/symbolic/printers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exformer/base/error.h"

namespace exformer {
namespace {

using testing::HasSubstr;

void declare(SymContext& context) {
  context.symbol({.name = "s77", .min = 1});
  context.symbol({.name = "s27", .min = 6});
  context.symbol({.name = "past", .min = 0});
  context.symbol({.name = "u0", .min = 0, .max = 5, .unbacked = true});
  context.symbol({.name = "k", .min = -kUnbounded - 1});
}

struct Row {
  std::string sympy;  // as sympy prints it
  std::string own;    // as to_string prints it
};

std::ostream& operator<<(std::ostream& out, const Row& row) { return out << row.own; }

const std::string kS77 = "Symbol('s77', positive=True, integer=True)";
const std::string kS27 = "Symbol('s27', positive=True, integer=True)";
const std::string kU0 = "Symbol('u0', integer=True)";
const std::string kPast = "Symbol('past', integer=True)";
const std::string kK = "Symbol('k', integer=True)";

class SympyForm : public testing::TestWithParam<Row> {};

TEST_P(SympyForm, IsReadAsTheOwnForm) {
  SymContext context;
  declare(context);
  EXPECT_EQ(to_string(parse_sympy(context, GetParam().sympy)), GetParam().own);
  EXPECT_EQ(parse_sympy(context, GetParam().sympy), context.parse(GetParam().own));
}

// Made with torch 2.13.0: torch.export of a module whose forward(x[s77, s27], y[5]) makes tensors of sizes s//8, s % 7,
// b*b*s + 2*s + 1, torch.sym_max(1, b), torch.sym_max(y.nonzero().shape[0], s - 1), -(-s//4), (b + s)*(s + 1), ... with
// Dim.DYNAMIC, saved by torch.export.save; every distinct "expr_str" of models/model.json.
INSTANTIATE_TEST_SUITE_P(
    TorchExport, SympyForm,
    testing::Values(
        Row{kS27, "s27"}, Row{kU0, "u0"}, Row{"Mul(Integer(2), " + kS27 + ")", "2*s27"},
        Row{"Add(" + kS27 + ", Integer(-1))", "s27 - 1"}, Row{"Mul(" + kS27 + ", " + kS77 + ")", "s77*s27"},
        Row{"Pow(" + kS77 + ", Integer(2))", "s77**2"},
        Row{"Add(Mul(" + kS27 + ", Pow(" + kS77 + ", Integer(2))), Mul(Integer(2), " + kS27 + "), Integer(1))",
            "s77**2*s27 + 2*s27 + 1"},
        Row{"FloorDiv(" + kS27 + ", Integer(8))", "floordiv(s27, 8)"},
        Row{"FloorDiv(" + kS27 + ", Add(" + kS77 + ", Integer(1)))", "floordiv(s27, s77 + 1)"},
        Row{"Mul(Integer(-1), FloorDiv(Mul(Integer(-1), " + kS27 + "), Integer(4)))", "floordiv(s27 + 3, 4)"},
        Row{"Mod(" + kS27 + ", Integer(7))", "mod(s27, 7)"},
        Row{"Max(Integer(5), " + kS27 + ", " + kS77 + ")", "max(s77, s27)"},  // s27 is at least 6
        Row{"Max(" + kU0 + ", Add(" + kS27 + ", Integer(-1)))", "s27 - 1"},   // at least 5, and u0 at most 5
        Row{"Min(" + kS27 + ", " + kS77 + ")", "min(s77, s27)"},
        Row{"Mul(Add(" + kS27 + ", Integer(1)), Add(" + kS27 + ", " + kS77 + "))", "s77*s27 + s27**2 + s77 + s27"},
        Row{"Mod(Add(" + kS27 + ", " + kS77 + "), Add(" + kS77 + ", Integer(1)))", "mod(s27 - 1, s77 + 1)"}));

// str() of the same expressions under sympy 1.14.
INSTANTIATE_TEST_SUITE_P(
    SympyStr, SympyForm,
    testing::Values(Row{"64*s27", "64*s27"}, Row{"(s27//8)", "floordiv(s27, 8)"}, Row{"s27//8", "floordiv(s27, 8)"},
                    Row{"-(((-s27)//4))", "floordiv(s27 + 3, 4)"},
                    Row{"s27*s77**2 + 2*s27 + 1", "s77**2*s27 + 2*s27 + 1"},
                    Row{"(s27 + 1)*(s27 + s77)", "s77*s27 + s27**2 + s77 + s27"}, Row{"Mod(s27, 7)", "mod(s27, 7)"},
                    Row{"2*(Mod(3*s77 + 2*s27 + 1, 4)) + 1", "2*mod(3*s77 + 2*s27 + 1, 4) + 1"},
                    Row{"PythonMod(k, 7)", "mod(k, 7)"}, Row{"FloorDiv(s27, 8)", "floordiv(s27, 8)"},
                    Row{"Max(1, s77)", "s77"}, Row{"Min(u0, 3)", "min(3, u0)"},
                    Row{"1 - ((s27//4))", "-floordiv(s27, 4) + 1"}, Row{"CleanDiv(64*s27, 8)", "8*s27"},
                    Row{"CeilDiv(s27, 4)", "floordiv(s27 + 3, 4)"},
                    Row{"ModularIndexing(s27, 4, 3)", "mod(floordiv(s27, 4), 3)"}, Row{"Identity(s27)", "s27"},
                    Row{"PowByNatural(s77, 3)", "s77**3"}, Row{"s27 % 7", "mod(s27, 7)"}));

class SreprForm : public testing::TestWithParam<Row> {};

TEST_P(SreprForm, IsWhatSympyReadsBack) {
  SymContext context;
  declare(context);
  const SymInt value = context.parse(GetParam().own);
  EXPECT_EQ(to_srepr(value), GetParam().sympy);
  EXPECT_EQ(parse_sympy(context, GetParam().sympy), value);
}

// Each right side was given to sympy.sympify with the locals of torch._export.serde.serialize.GraphModuleDeserializer
// (torch 2.13.0, sympy 1.14): sympify accepts it, and at 60 random values it gives what Python gives for the own form.
INSTANTIATE_TEST_SUITE_P(
    Golden, SreprForm,
    testing::Values(
        Row{"Integer(0)", "0"}, Row{"Integer(-7)", "-7"}, Row{kS77, "s77"}, Row{kPast, "past"},
        Row{"Mul(Integer(64), " + kS77 + ")", "64*s77"}, Row{"Mul(Integer(-1), " + kS77 + ")", "-s77"},
        Row{"Add(Mul(Integer(2), " + kS77 + "), FloorDiv(" + kS27 + ", Integer(4)), Integer(-1))",
            "2*s77 + floordiv(s27, 4) - 1"},
        Row{"Add(Pow(" + kS77 + ", Integer(3)), Mul(Integer(3), Pow(" + kS77 + ", Integer(2)), " + kS27 + "))",
            "s77**3 + 3*s77**2*s27"},
        Row{"FloorDiv(Add(" + kS27 + ", Integer(3)), Integer(4))", "floordiv(s27 + 3, 4)"},
        Row{"FloorDiv(Add(Mul(Integer(3), " + kS77 + "), Integer(2)), Mul(Integer(2), " + kS27 + "))",
            "floordiv(3*s77 + 2, 2*s27)"},
        Row{"Mod(Add(" + kS27 + ", Integer(3)), Integer(4))", "mod(s27 + 3, 4)"},
        Row{"PythonMod(" + kK + ", Integer(7))", "mod(k, 7)"},
        Row{"PythonMod(" + kS77 + ", " + kK + ")", "mod(s77, k)"},
        Row{"Max(" + kS77 + ", " + kPast + ")", "max(s77, past)"},
        Row{"Max(Integer(1), " + kPast + ")", "max(1, past)"},  // past may be 0, so sympy must not think it positive
        Row{"Min(Integer(5), " + kS77 + ", " + kPast + ")", "min(5, s77, past)"},
        Row{"Mul(" + kS77 + ", Mod(" + kS27 + ", Add(" + kPast + ", Integer(1))))", "s77*mod(s27, past + 1)"}));

TEST(SympyForm, ReadsConditionsAsOneOrZero) {
  SymContext context;
  context.symbol({.name = "a"});
  const auto at = [&](std::string_view text, int64_t value) {
    return evaluate(parse_sympy(context, text), [value](std::string_view) { return value; });
  };
  struct Row {
    std::string_view text;
    int64_t at_2, at_3, at_4;
  };
  for (const Row& row : {Row{"Equality(Symbol('a', integer=True), Integer(3))", 0, 1, 0},
                         Row{"Unequality(Symbol('a', integer=True), Integer(3))", 1, 0, 1},
                         Row{"GreaterThan(Symbol('a', integer=True), Integer(3))", 0, 1, 1},
                         Row{"StrictGreaterThan(Symbol('a', integer=True), Integer(3))", 0, 0, 1},
                         Row{"LessThan(Symbol('a', integer=True), Integer(3))", 1, 1, 0},
                         Row{"StrictLessThan(Symbol('a', integer=True), Integer(3))", 1, 0, 0},
                         Row{"Not(LessThan(Symbol('a', integer=True), Integer(3)))", 0, 0, 1},
                         Row{"And(GreaterThan(a, Integer(3)), LessThan(a, Integer(3)))", 0, 1, 0},
                         Row{"Or(Equality(a, Integer(2)), Equality(Mod(a, Integer(2)), Integer(0)))", 1, 0, 1}}) {
    EXPECT_EQ(at(row.text, 2), row.at_2) << row.text;
    EXPECT_EQ(at(row.text, 3), row.at_3) << row.text;
    EXPECT_EQ(at(row.text, 4), row.at_4) << row.text;
  }
}

TEST(SympyForm, NamesWhatIsNotAnInteger) {
  SymContext context;
  declare(context);
  const auto kind_and_message = [&](const std::string& text) {
    try {
      parse_sympy(context, text);
    } catch (const ExportError& error) {
      return std::to_string(error.exit_code()) + " " + error.what();
    }
    return std::string("no error");
  };
  EXPECT_THAT(kind_and_message("IntTrueDiv(s27, 2)"), HasSubstr("3 the function 'IntTrueDiv' in the size expression"));
  EXPECT_THAT(kind_and_message("ToFloat(" + kS27 + ")"), HasSubstr("3 the function 'ToFloat'"));
  EXPECT_THAT(kind_and_message("GreaterThan(" + kU0 + ", IntTrueDiv(s27, 2))"),
              HasSubstr("3 the function 'IntTrueDiv'"));
  EXPECT_THAT(kind_and_message("Pow(s27, Integer(-1))"), HasSubstr("3 a power"));
  EXPECT_THAT(kind_and_message("Symbol('s1', positive=True, integer=True)"),
              HasSubstr("1 unknown dimension 's1' in the size expression"));
  EXPECT_THAT(kind_and_message("Symbol(s27)"), HasSubstr("expected a quoted name"));
  EXPECT_THAT(kind_and_message("Symbol('s27"), HasSubstr("expected a closing quote"));
  EXPECT_THAT(kind_and_message("Symbol('s27', 3)"), HasSubstr("expected an assumption"));
  EXPECT_THAT(kind_and_message("Symbol('s27', integer=Maybe)"), HasSubstr("expected True or False"));
  EXPECT_THAT(kind_and_message("FloorDiv(s27)"), HasSubstr("FloorDiv takes 2 arguments, 1 given"));
  EXPECT_THAT(kind_and_message("ModularIndexing(s27, 2)"), HasSubstr("ModularIndexing takes 3 arguments, 2 given"));
  EXPECT_THAT(kind_and_message("Integer(1, 2)"), HasSubstr("Integer takes 1 arguments, 2 given"));
  EXPECT_THAT(kind_and_message("Max()"), HasSubstr("Max needs arguments"));
  EXPECT_THAT(kind_and_message("s27/2"), HasSubstr("expected an operator or the end"));
  EXPECT_EQ(parse_sympy(context, "Add()"), SymInt(0));
  EXPECT_EQ(parse_sympy(context, "Mul()"), SymInt(1));
}

TEST(DimParam, IsTheNameOrTheExpressionWithoutSpaces) {
  SymContext context;
  declare(context);
  EXPECT_EQ(to_dim_param(*context.find("past")), "past");
  EXPECT_EQ(to_dim_param(context.parse("s27 + past")), "s27+past");
  EXPECT_EQ(to_dim_param(context.parse("2*s77 + s27//4 - 1")), "2*s77+floordiv(s27,4)-1");
}

TEST(Print, SizesAreListed) {
  SymContext context;
  declare(context);
  EXPECT_EQ(to_string(std::vector<SymInt>{}), "[]");
  EXPECT_EQ(to_string({*context.find("past"), 2 * *context.find("s27"), -3}), "[past, 2*s27, -3]");
}

}  // namespace
}  // namespace exformer
