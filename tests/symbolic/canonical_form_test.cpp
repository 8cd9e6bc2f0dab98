// Table of expression, printed canonical form, interval and divisor; and which expressions are one pointer.
#include <gtest/gtest.h>

#include "exformer/base/error.h"
#include "exformer/symbolic/printers.h"
#include "exformer/symbolic/sym_int.h"

namespace exformer {
namespace {

constexpr int64_t kNone = kUnbounded;  // no upper bound
constexpr int64_t kLow = -kUnbounded - 1;

void declare(SymContext& context) {
  context.symbol({.name = "batch"});
  context.symbol({.name = "seq", .min = 2, .max = 4096});
  context.symbol({.name = "past", .min = 0});
  context.symbol({.name = "width", .min = 8, .max = 512, .divisor = 8});
  context.symbol({.name = "count", .min = 0, .unbacked = true});
  context.symbol({.name = "any", .min = kLow});
}

struct Row {
  const char* text;
  const char* printed;
  int64_t min, max;
  int64_t divisor = 1;
};

std::ostream& operator<<(std::ostream& out, const Row& row) { return out << row.text; }

class CanonicalForm : public testing::TestWithParam<Row> {};

TEST_P(CanonicalForm, PrintsAndBounds) {
  SymContext context;
  declare(context);
  const SymInt value = context.parse(GetParam().text);
  EXPECT_EQ(to_string(value), GetParam().printed);
  EXPECT_EQ(context.parse(GetParam().printed), value);
  EXPECT_EQ(bounds(value).min, GetParam().min);
  EXPECT_EQ(bounds(value).max, GetParam().max);
  EXPECT_EQ(known_divisor(value), GetParam().divisor);
}

INSTANTIATE_TEST_SUITE_P(
    Sums, CanonicalForm,
    testing::Values(Row{"0", "0", 0, 0, 0}, Row{"-12", "-12", -12, -12, 12}, Row{"batch", "batch", 1, kNone},
                    Row{"+batch", "batch", 1, kNone}, Row{"-batch", "-batch", kLow, -1},
                    Row{"0*batch + 5", "5", 5, 5, 5}, Row{"seq + batch", "batch + seq", 3, kNone},
                    Row{"3 + seq*2 - seq", "seq + 3", 5, 4099}, Row{"(seq + past) - past", "seq", 2, 4096},
                    Row{"8*batch*seq - 4", "8*batch*seq - 4", 12, kNone, 4},
                    Row{"4*any + 2", "4*any + 2", kLow, kNone, 2},
                    Row{"-9223372036854775808 + batch", "batch + -9223372036854775808", kLow, kNone},
                    Row{"9223372036854775807*batch", "9223372036854775807*batch", kUnbounded - 1, kNone, kUnbounded}));

INSTANTIATE_TEST_SUITE_P(Products, CanonicalForm,
                         testing::Values(Row{"seq*batch", "batch*seq", 2, kNone},
                                         Row{"(batch + 1)*(batch - 1)", "batch**2 - 1", 0, kNone},
                                         Row{"(batch + seq)**2", "batch**2 + 2*batch*seq + seq**2", 9, kNone},
                                         Row{"width*width", "width**2", 64, 262144, 64},
                                         Row{"any**2", "any**2", 0, kNone}, Row{"any*any*any", "any**3", kLow, kNone},
                                         Row{"-2*(seq - 5)", "-2*seq + 10", -8182, 6, 2}, Row{"-2**2", "-4", -4, -4, 4},
                                         Row{"seq**0", "1", 1, 1},
                                         Row{"batch*seq - batch", "batch*seq - batch", 1, kNone},
                                         Row{"past*past*batch", "batch*past**2", 0, kNone}));

INSTANTIATE_TEST_SUITE_P(
    Quotients, CanonicalForm,
    testing::Values(
        Row{"64*seq*8//8", "64*seq", 128, 262144, 64}, Row{"floordiv(batch*seq, seq)", "batch", 1, kNone},
        // count may be 0, so nothing cancels
        Row{"floordiv(past*count, count)", "floordiv(past*count, count)", 0, kNone},
        Row{"floordiv(past + 3*seq, seq)", "floordiv(past, seq) + 3", 3, kNone},
        Row{"floordiv(floordiv(seq, 4), 6)", "floordiv(seq, 24)", 0, 170},
        Row{"floordiv(floordiv(batch, seq), past + 1)", "floordiv(batch, seq*past + seq)", 0, kNone},
        Row{"(((seq - 3)//2 + 1) - 3)//2 + 1", "floordiv(seq + 1, 4) - 1", -1, 1023},  // two convolutions of stride 2
        Row{"-(-seq//4)", "floordiv(seq + 3, 4)", 1, 1024}, Row{"(seq - 1)//4 + 1", "floordiv(seq + 3, 4)", 1, 1024},
        Row{"(7 - seq)//4", "-floordiv(seq, 4) + 1", -1023, 1}, Row{"3*seq//4", "floordiv(3*seq, 4)", 1, 3072},
        Row{"9*seq//4", "2*seq + floordiv(seq, 4)", 4, 9216},
        Row{"(6*seq + 5)//4", "seq + floordiv(seq, 2) + 1", 4, 6145},
        Row{"batch//-3", "-floordiv(batch + 2, 3)", kLow, -1}, Row{"any//7", "floordiv(any, 7)", kLow, kNone},
        Row{"seq//5000", "0", 0, 0, 0}, Row{"(seq - 5000)//10000", "-1", -1, -1}, Row{"7//(batch + 7)", "0", 0, 0, 0},
        Row{"(past + batch - 1)//(past + batch)", "0", 0, 0, 0}, Row{"-1//(past + batch)", "-1", -1, -1},
        Row{"(batch*seq + batch)//(seq + 1)", "batch", 1, kNone},
        Row{"(64*batch*seq + 3)//(64*seq)", "batch", 1, kNone},
        Row{"(6*batch + 5)//(4*seq)", "floordiv(3*batch + 2, 2*seq)", 0, kNone},
        Row{"batch*seq//(batch*past + batch)", "floordiv(seq, past + 1)", 0, 4096},
        Row{"-batch//seq", "-floordiv(batch - 1, seq) - 1", kLow, -1},
        Row{"batch//-seq", "-floordiv(batch - 1, seq) - 1", kLow, -1},
        Row{"seq//any", "floordiv(seq, any)", -4096, 4096}));

INSTANTIATE_TEST_SUITE_P(QuotientsWithoutRemainder, CanonicalForm,
                         testing::Values(Row{"width//8", "floordiv(width, 8)", 1, 64},
                                         Row{"width//4", "floordiv(width, 4)", 2, 128, 2},
                                         Row{"8*(width//8)", "width", 8, 512, 8},
                                         Row{"width//8 + width//8", "floordiv(width, 4)", 2, 128, 2},
                                         Row{"(width + 5)//8", "floordiv(width, 8)", 1, 64},
                                         Row{"width//2//4", "floordiv(width, 8)", 1, 64},
                                         Row{"batch*width//8", "batch*floordiv(width, 8)", 1, kNone},
                                         Row{"width + width//8", "9*floordiv(width, 8)", 9, 576, 9},
                                         Row{"width + width//8 - width//8", "width", 8, 512, 8},
                                         Row{"(width//2)*(width//4)", "width*floordiv(width, 8)", 8, 32768, 8},
                                         Row{"(3*width + seq)//8", "floordiv(seq, 8) + 3*floordiv(width, 8)", 3, 704},
                                         Row{"(width + seq)//16", "floordiv(seq + width, 16)", 0, 288}));

INSTANTIATE_TEST_SUITE_P(
    Remainders, CanonicalForm,
    testing::Values(Row{"batch*seq*64 % 64", "0", 0, 0, 0}, Row{"(5*seq + 12*batch + 7) % 4", "mod(seq + 3, 4)", 0, 3},
                    Row{"(4*seq + 6*batch + 3) % 8", "2*mod(3*batch + 2*seq + 1, 4) + 1", 1, 7},
                    Row{"-batch % 7", "mod(6*batch, 7)", 0, 6}, Row{"batch % -3", "-mod(2*batch, 3)", -2, 0},
                    Row{"any % 7", "mod(any, 7)", 0, 6}, Row{"seq % 5000", "seq", 2, 4096},
                    Row{"(seq - 5000) % 10000", "seq + 5000", 5002, 9096}, Row{"width % 16", "mod(width, 16)", 0, 8, 8},
                    Row{"(width + batch) % 8", "mod(batch, 8)", 0, 7}, Row{"seq % 12 % 4", "mod(seq, 4)", 0, 3},
                    Row{"(batch + 2*(seq % 6)) % 12", "mod(batch + 2*seq, 12)", 0, 11},
                    Row{"batch % seq % seq", "mod(batch, seq)", 0, 4095},
                    Row{"(batch + 3*seq) % seq", "mod(batch, seq)", 0, 4095},
                    Row{"6*batch % (4*seq)", "2*mod(3*batch, 2*seq)", 0, 16382, 2},
                    Row{"batch*seq % (batch*past + batch)", "batch*mod(seq, past + 1)", 0, kNone},
                    Row{"(past - 1) % (past + batch)", "mod(past - 1, batch + past)", 0, kNone},
                    Row{"past % (past + batch)", "past", 0, kNone},
                    Row{"-1 % (past + batch)", "batch + past - 1", 0, kNone},
                    Row{"batch % any", "mod(batch, any)", kLow, kNone}));

INSTANTIATE_TEST_SUITE_P(
    Extrema, CanonicalForm,
    testing::Values(Row{"max(1, batch)", "batch", 1, kNone}, Row{"max(1, past)", "max(1, past)", 1, kNone},
                    Row{"max(max(seq, batch), 5)", "max(5, batch, seq)", 5, kNone},
                    Row{"max(5, max(batch, max(seq, 3)))", "max(5, batch, seq)", 5, kNone},
                    Row{"min(seq, 4096)", "seq", 2, 4096}, Row{"min(seq, 1)", "1", 1, 1},
                    Row{"min(seq, past)", "min(seq, past)", 0, 4096}, Row{"min(seq + 1, seq + 3)", "seq + 1", 3, 4097},
                    Row{"max(min(batch, seq), batch)", "batch", 1, kNone},
                    Row{"min(seq//8, seq)", "floordiv(seq, 8)", 0, 512}, Row{"max((seq + 7)//8, seq)", "seq", 2, 4096},
                    Row{"min(batch*seq, batch)", "batch", 1, kNone},
                    Row{"min(4*batch, 6*width)", "min(4*batch, 6*width)", 4, 3072, 4},
                    Row{"max(batch, past) - past", "-past + max(batch, past)", 0, kNone},
                    Row{"min(batch, batch)", "batch", 1, kNone}));

TEST(SymIntIdentity, EqualPolynomialsAreOnePointerWhateverTheOrder) {
  SymContext context;
  declare(context);
  const SymInt b = *context.find("batch"), s = *context.find("seq"), p = *context.find("past");
  EXPECT_EQ((b + s) * p, p * s + b * p);
  EXPECT_EQ((b + s) + p - s, p + b);
  EXPECT_EQ(b * s * 64, 64 * (s * b));
  EXPECT_EQ(ceildiv(s, 4), floordiv(s + 3, 4));
  EXPECT_EQ(ceildiv(s, 4), -floordiv(-s, 4));
  EXPECT_EQ(ceildiv(s, b), floordiv(s + b - 1, b));
  EXPECT_EQ(ceildiv(s, b), -floordiv(-s, b));
  EXPECT_EQ(ceildiv(s, -4), -floordiv(s, 4));
  EXPECT_EQ(sym_max(sym_max(b, s), p), sym_max(p, sym_max(s, b)));
  EXPECT_EQ(std::hash<SymInt>{}((b + s) * p), std::hash<SymInt>{}(p * s + b * p));
}

TEST(SymIntIdentity, TextDoesNotDependOnTheOrderOfOperations) {
  SymContext first, second;
  declare(first);
  declare(second);
  second.parse("mod(seq, 7) + past*seq");  // other nodes exist before
  EXPECT_EQ(to_string(first.parse("past*seq + mod(seq, 7) + seq//3")),
            to_string(second.parse("seq//3 + seq*past + mod(seq, 7)")));
}

TEST(SymIntConstants, FollowPythonsRounding) {
  EXPECT_EQ(floordiv(7, -2), SymInt(-4));
  EXPECT_EQ(floordiv(-7, 2), SymInt(-4));
  EXPECT_EQ(floordiv(-8, 2), SymInt(-4));
  EXPECT_EQ(mod(7, -2), SymInt(-1));
  EXPECT_EQ(mod(-7, 2), SymInt(1));
  EXPECT_EQ(mod(-kUnbounded - 1, -1), SymInt(0));
  EXPECT_EQ(ceildiv(7, 2), SymInt(4));
  EXPECT_EQ(ceildiv(-7, 2), SymInt(-3));
  EXPECT_EQ(ceildiv(7, -2), SymInt(-3));
  EXPECT_EQ(sym_min(3, -4), SymInt(-4));
  EXPECT_EQ(sym_max(3, -4), SymInt(3));
  EXPECT_EQ(SymInt(3) - 5, SymInt(-2));
}

TEST(SymIntConstants, OverflowIsAnExportError) {
  const SymInt largest = kUnbounded, smallest = -kUnbounded - 1;
  EXPECT_THROW(largest + 1, ExportError);
  EXPECT_THROW(smallest - 1, ExportError);
  EXPECT_THROW(-smallest, ExportError);
  EXPECT_THROW(largest * 2, ExportError);
  EXPECT_THROW(floordiv(smallest, -1), ExportError);
  EXPECT_THROW(ceildiv(smallest, -1), ExportError);
  SymContext context;
  declare(context);
  const SymInt b = *context.find("batch");
  EXPECT_THROW(b * largest * 2, ExportError);
  EXPECT_THROW(b * largest + b, ExportError);
  EXPECT_THROW((b + largest) + 1, ExportError);
  EXPECT_THROW(b * smallest * -1, ExportError);
}

TEST(SymIntConstants, DivisionByZeroIsAnExportError) {
  SymContext context;
  declare(context);
  const SymInt b = *context.find("batch");
  for (const SymInt& numerator : {SymInt(5), SymInt(0), b}) {
    EXPECT_THROW(floordiv(numerator, 0), ExportError);
    EXPECT_THROW(mod(numerator, 0), ExportError);
    EXPECT_THROW(ceildiv(numerator, 0), ExportError);
    EXPECT_THROW(floordiv(numerator, b - b), ExportError);
  }
}

TEST(SymIntConstants, ExtremeCoefficientsNeverOverflowInsideTheRules) {
  SymContext context;
  declare(context);
  const SymInt any = *context.find("any"), b = *context.find("batch");
  const SymInt largest = kUnbounded, smallest = -kUnbounded - 1;
  for (const SymInt& a : {any * largest, any * smallest, any + largest, any + smallest, b * smallest + smallest}) {
    for (const SymInt& d : {largest, smallest, SymInt(-2), b, -b, b * largest, any, any * smallest}) {
      for (auto* operation : {&floordiv, &mod, &ceildiv, &sym_min, &sym_max}) {
        try {
          bounds(operation(a, d));
        } catch (const ExportError&) {
        }
      }
      EXPECT_NO_THROW(equal(a, d));
      EXPECT_NO_THROW(less(a, d));
      EXPECT_NO_THROW(less_equal(a, d));
    }
  }
}

TEST(SymIntConstants, ValueOfASymbolicIsAnInternalError) {
  SymContext context;
  declare(context);
  EXPECT_DEATH(context.find("batch")->value(), "internal error");
}

TEST(SymIntIdentity, MixingContextsIsAnInternalError) {
  SymContext first, second;
  declare(first);
  declare(second);
  EXPECT_DEATH(*first.find("batch") + *second.find("batch"), "internal error");
}

TEST(SymIntIdentity, ExpressionsThatGrowWithoutEndAreAnExportError) {
  SymContext context;
  declare(context);
  SymInt deep = *context.find("batch"), wide = *context.find("seq");
  EXPECT_THROW(
      for (int i = 0; i < 100000; ++i) deep = floordiv(deep * deep + *context.find("past"), *context.find("seq")),
      ExportError);
  EXPECT_THROW(for (int i = 0; i < 40; ++i) wide = (wide + *context.find("past") + 1) * (wide + *context.find("batch")),
               ExportError);
}

}  // namespace
}  // namespace exformer
