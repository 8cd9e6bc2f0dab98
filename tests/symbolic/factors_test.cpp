// Equalities of products: what both sides share goes, what is left is told factor by factor.
#include "exformer/symbolic/factors.h"

#include <gmock/gmock.h>

#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

struct Factors : testing::Test {
  SymContext context;
  SymInt batch = context.symbol({.name = "batch", .hint = 2});
  SymInt other = context.symbol({.name = "other", .hint = 2});
  SymInt seq = context.symbol({.name = "seq", .hint = 9});
  SymInt keys = context.symbol({.name = "keys", .hint = 9});
  SymInt count = context.symbol({.name = "count", .min = 0, .unbacked = true});
};

std::string text(const std::vector<OpenEquality>& equalities) {
  std::string result;
  for (const OpenEquality& each : equalities) result += to_string(each.left) + " = " + to_string(each.right) + "; ";
  return result;
}

TEST_F(Factors, ACofactorIsLeftWithoutAskingForZeros) {
  EXPECT_EQ(cofactor(6 * count * seq + 4 * count, 2 * count), 3 * seq + 2);
  EXPECT_EQ(cofactor(seq * seq, seq), seq);
  EXPECT_EQ(cofactor(12, 4), SymInt(3));
}

TEST_F(Factors, ThereIsNoneWhereATermLacksTheFactor) {
  EXPECT_FALSE(cofactor(count * seq + 1, count));
  EXPECT_FALSE(cofactor(3 * count, 2 * count));
  EXPECT_FALSE(cofactor(count, count + 1));
}

TEST_F(Factors, SharedFactorsGo) {
  const SymInt patches = floordiv(seq, 4);
  const OpenEquality reduced = without_common_factors({16 * batch * patches, 4 * batch * patches * keys});
  EXPECT_EQ(to_string(reduced.left), "16");
  EXPECT_EQ(to_string(reduced.right), "4*keys");
}

TEST_F(Factors, ProductsAreEqualFactorByFactorAsInTheSample) {
  EXPECT_EQ(text(equalities_of_factors(context, {16 * batch * seq, 16 * other * keys})), "batch = other; seq = keys; ");
}

TEST_F(Factors, AProductThatIsANumberFixesItsFactors) {
  EXPECT_EQ(text(equalities_of_factors(context, {batch * floordiv(seq, 4), 4})), "batch = 2; floordiv(seq, 4) = 2; ");
}

TEST_F(Factors, NumbersBesideAProductGoToTheOtherSide) {
  EXPECT_EQ(text(equalities_of_factors(context, {batch * floordiv(seq, 4) + 2, 6})),
            "batch = 2; floordiv(seq, 4) = 2; ");
}

TEST_F(Factors, NothingIsSaidWhereTheSampleDoesNotPair) {
  EXPECT_TRUE(equalities_of_factors(context, {batch * seq, other * other}).empty());
  EXPECT_TRUE(equalities_of_factors(context, {batch + seq, other + keys}).empty());
}

TEST_F(Factors, AQuotientOfOneSaysWhatIsEqual) {
  const SymInt quotient = floordiv(other * keys, batch * seq);
  EXPECT_EQ(text(quotients_of_one(context, {quotient * batch * seq, other * keys})), "other*keys = batch*seq; ");
}

}  // namespace
}  // namespace exformer
