// Equalities that a trace takes for granted: found, solved, and seen by the comparisons that follow.
#include "exformer/symbolic/assumptions.h"

#include <gmock/gmock.h>

#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

struct Fixture : testing::Test {
  SymContext context;
  SymInt batch = context.symbol({.name = "batch", .hint = 2});
  SymInt seq = context.symbol({.name = "seq", .hint = 9});
  SymInt mask_batch = context.symbol({.name = "mask_batch", .hint = 2});
  SymInt total = context.symbol({.name = "total", .hint = 12});
};
using Assumptions = Fixture;

TEST_F(Assumptions, TheLastOpenEqualityIsKeptOnce) {
  EXPECT_EQ(equal(batch, mask_batch), Truth::Unknown);
  const auto open = take_open_equality(context);
  ASSERT_TRUE(open);
  EXPECT_EQ(open->left, batch);
  EXPECT_EQ(open->right, mask_batch);
  EXPECT_FALSE(take_open_equality(context));
}

TEST_F(Assumptions, AKnownAnswerLeavesNothingOpen) {
  EXPECT_EQ(equal(seq, seq), Truth::Yes);
  EXPECT_EQ(equal(seq, seq + 1), Truth::No);
  EXPECT_FALSE(take_open_equality(context));
}

TEST_F(Assumptions, ComparisonsFollowThem) {
  assume(context, "mask_batch", batch);
  EXPECT_EQ(equal(batch * seq, mask_batch * seq), Truth::Yes);
  EXPECT_EQ(less(batch, mask_batch + 1), Truth::Yes);
  EXPECT_EQ(less_equal(mask_batch + 1, batch), Truth::No);
}

TEST_F(Assumptions, OneMayRestOnAnother) {
  assume(context, "total", mask_batch + seq);
  assume(context, "mask_batch", batch);
  EXPECT_EQ(equal(total, batch + seq), Truth::Yes);
}

struct Row {
  const char* left;
  const char* right;
  const char* symbol;  // null: none can be isolated
  const char* value;
};
std::ostream& operator<<(std::ostream& out, const Row& row) { return out << row.left << " == " << row.right; }

class Solving : public testing::TestWithParam<Row> {};

TEST_P(Solving, GivesUpTheSymbolDeclaredLast) {
  SymContext context;
  for (const auto& [name, hint] : {std::pair{"a", 2}, std::pair{"b", 2}, std::pair{"c", 5}})
    context.symbol({.name = name, .hint = hint});
  const auto solution = solve_equality(context, {context.parse(GetParam().left), context.parse(GetParam().right)});
  if (!GetParam().symbol) {
    EXPECT_FALSE(solution);
    return;
  }
  ASSERT_TRUE(solution);
  EXPECT_EQ(solution->symbol, GetParam().symbol);
  EXPECT_EQ(to_string(solution->value), GetParam().value);
}

INSTANTIATE_TEST_SUITE_P(Rows, Solving,
                         testing::Values(Row{"a", "b", "b", "a"}, Row{"a", "7", "a", "7"},
                                         Row{"c", "a + 3", "c", "a + 3"}, Row{"4*a*b", "4*a*c", "c", "b"},
                                         Row{"2*a", "6", "a", "3"}, Row{"2*c", "a", "a", "2*c"},
                                         Row{"a*floordiv(5*b, a)", "5*b", "b", "a"},
                                         Row{"4*floordiv(c, 4)", "c + 1", nullptr, nullptr}));

TEST_F(Assumptions, ASymbolIsAnotherOneWhereAnOrderingDoesTheRest) {
  const SymInt mask = context.symbol({.name = "mask", .hint = 9});
  const auto solution = solve_equality(context, {sym_max(0, floordiv(seq, 4) - 1) + 1, floordiv(mask, 4)});
  ASSERT_TRUE(solution);
  EXPECT_EQ(solution->symbol, "mask");
  EXPECT_EQ(solution->value, seq);
}

TEST_F(Assumptions, SumsAreEqualPartByPartWhereTheSampleTellsPartsApart) {
  const SymInt boxes = context.symbol({.name = "boxes", .hint = 4});
  const SymInt mask = context.symbol({.name = "mask", .hint = 9});
  const SymInt box_mask = context.symbol({.name = "box_mask", .hint = 4});
  const auto solution = solve_equality(context, {seq + boxes, mask + box_mask});
  ASSERT_TRUE(solution);
  EXPECT_EQ(solution->symbol, "mask");
  EXPECT_EQ(solution->value, seq);
  const SymInt twin = context.symbol({.name = "twin", .hint = 4});
  const SymInt third = context.symbol({.name = "third", .hint = 4});
  const auto ambiguous = solve_equality(context, {boxes + twin, third + box_mask});
  ASSERT_TRUE(ambiguous);
  EXPECT_EQ(ambiguous->symbol, "third");
  EXPECT_EQ(ambiguous->value, boxes + twin - box_mask);
}

TEST_F(Assumptions, AMinimumThatEqualsItsOperandIsAnOrdering) {
  const auto orderings = orderings_of_equality(context, {sym_min(128, seq), seq});
  ASSERT_EQ(orderings.size(), 1U);
  EXPECT_EQ(to_string(orderings[0].smaller), "seq");
  EXPECT_EQ(to_string(orderings[0].larger), "128");
}

TEST_F(Assumptions, NoOrderingExplainsWhatIsNotEqual) {
  EXPECT_TRUE(orderings_of_equality(context, {sym_min(128, seq), batch}).empty());
}

TEST_F(Assumptions, ADivisorThatMayBeZeroMustNotBe) {
  const SymInt frames = floordiv(seq, 2) - 1;
  const SymInt count = batch * frames * 64;
  const auto orderings = orderings_of_divisors(context, {floordiv(count, batch * frames) * batch * frames, count});
  ASSERT_EQ(orderings.size(), 1U);
  EXPECT_EQ(to_string(orderings[0].larger), to_string(frames));
}

TEST_F(Assumptions, ASymbolThatDataDefineIsWhatTheSizesSay) {
  const SymInt found = context.symbol({.name = "found", .min = 0, .unbacked = true});
  const auto solution = solve_for_data(context, {found * 64, 64 * batch * seq});
  ASSERT_TRUE(solution);
  EXPECT_EQ(solution->symbol, "found");
  EXPECT_EQ(to_string(solution->value), "batch*seq");
  EXPECT_FALSE(solve_for_data(context, {batch, seq}));
}

TEST_F(Assumptions, AnEqualityIsAssumedUpToCommonFactors) {
  const SymInt blocks = 8 * floordiv(seq + 7, 8), padded = seq - mod(seq, 8) + 8;
  EXPECT_EQ(equal(blocks, padded), Truth::Unknown);
  assume_equality(context, {batch * blocks, batch * padded});
  EXPECT_EQ(equal(blocks, padded), Truth::Yes);
  EXPECT_EQ(equal(2 * padded, 2 * blocks), Truth::Yes);
  EXPECT_EQ(equal(blocks, seq), Truth::Unknown);
  forget_assumptions(context);
  EXPECT_EQ(equal(blocks, padded), Truth::Unknown);
}

TEST_F(Assumptions, WholeMultiplesMakeQuotientsEqual) {
  EXPECT_THAT(remainders_that_solve(context, {floordiv(total, 2), 2 * floordiv(total, 4)}),
              testing::ElementsAre(mod(total, 4)));
  EXPECT_TRUE(remainders_that_solve(context, {floordiv(seq, 2), 2 * floordiv(seq, 4)}).empty());
}

TEST_F(Assumptions, QuotientsWithoutRestAreNamed) {
  EXPECT_THAT(zero_remainders_of_quotients(context, {floordiv(total, 4) * floordiv(seq, 4), seq}),
              testing::ElementsAre(mod(total, 4)));
}

TEST_F(Assumptions, HintsGiveTheSamplesValue) {
  EXPECT_EQ(value_at_hints(context, batch * seq + 1), 19);
  const SymInt unknown = context.symbol({.name = "unknown"});
  EXPECT_FALSE(value_at_hints(context, batch + unknown));
}

}  // namespace
}  // namespace exformer
