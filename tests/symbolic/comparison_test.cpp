// Comparisons answer for all values at once: yes, no or unknown.
#include <gtest/gtest.h>

#include "exformer/symbolic/sym_int.h"

namespace exformer {
namespace {

struct Row {
  const char* left;
  char relation;  // '=' equal, '<' less, 'l' less or equal
  const char* right;
  Truth answer;
};

std::ostream& operator<<(std::ostream& out, const Row& row) {
  return out << row.left << ' ' << row.relation << ' ' << row.right;
}

class Comparison : public testing::TestWithParam<Row> {};

TEST_P(Comparison, AnswersForAllValues) {
  SymContext context;
  context.symbol({.name = "batch"});
  context.symbol({.name = "seq", .min = 2, .max = 4096});
  context.symbol({.name = "past", .min = 0});
  context.symbol({.name = "width", .min = 8, .max = 512, .divisor = 8});
  context.symbol({.name = "any", .min = -kUnbounded - 1});
  context.symbol({.name = "five", .min = 5, .max = 5});
  const SymInt a = context.parse(GetParam().left), b = context.parse(GetParam().right);
  switch (GetParam().relation) {
    case '=':
      EXPECT_EQ(equal(a, b), GetParam().answer);
      EXPECT_EQ(equal(b, a), GetParam().answer);
      EXPECT_EQ(known_equal(a, b), GetParam().answer == Truth::Yes);
      break;
    case '<': EXPECT_EQ(less(a, b), GetParam().answer); break;
    default: EXPECT_EQ(less_equal(a, b), GetParam().answer); break;
  }
}

constexpr Truth kYes = Truth::Yes, kNo = Truth::No, kUnknown = Truth::Unknown;

INSTANTIATE_TEST_SUITE_P(Equal, Comparison,
                         testing::Values(Row{"3", '=', "3", kYes}, Row{"3", '=', "4", kNo},
                                         Row{"seq", '=', "seq", kYes}, Row{"seq", '=', "seq + 1", kNo},
                                         Row{"2*seq", '=', "2*seq + 1", kNo}, Row{"2*seq", '=', "7", kNo},
                                         Row{"2*any", '=', "4*batch + 1", kNo}, Row{"width", '=', "20", kNo},
                                         Row{"width", '=', "24", kUnknown}, Row{"seq", '=', "1", kNo},
                                         Row{"seq", '=', "5000", kNo}, Row{"seq", '=', "batch", kUnknown},
                                         Row{"five", '=', "5", kYes}, Row{"five*batch", '=', "5*batch", kYes},
                                         Row{"8*(seq//8) + seq % 8", '=', "seq", kYes},
                                         Row{"seq*past//seq", '=', "past", kYes},
                                         Row{"batch*(seq % past)", '=', "batch*seq % past", kUnknown},
                                         Row{"width//4 + width//8", '=', "3*(width//8)", kYes},
                                         Row{"(seq + batch)*(seq - batch)", '=', "seq*seq - batch*batch", kYes},
                                         Row{"batch*seq % (seq*past + seq)", '=', "seq*(batch % (past + 1))", kYes}));

INSTANTIATE_TEST_SUITE_P(Less, Comparison,
                         testing::Values(Row{"3", '<', "3", kNo}, Row{"2", '<', "3", kYes},
                                         Row{"seq", '<', "seq + 1", kYes}, Row{"seq", '<', "seq", kNo},
                                         Row{"past", '<', "past + batch", kYes}, Row{"1", '<', "seq", kYes},
                                         Row{"seq", '<', "2", kNo}, Row{"seq", '<', "batch", kUnknown},
                                         Row{"seq % 8", '<', "8", kYes}, Row{"batch % seq", '<', "seq", kYes},
                                         Row{"seq//2", '<', "seq", kYes}, Row{"past//batch", '<', "past + 1", kYes},
                                         Row{"any", '<', "any", kNo}, Row{"width", '<', "9", kUnknown},
                                         Row{"16", '<', "width + 1", kUnknown},
                                         Row{"4*any + 1", '<', "4*any + 2", kYes}));

INSTANTIATE_TEST_SUITE_P(
    LessEqual, Comparison,
    testing::Values(Row{"1", 'l', "batch", kYes}, Row{"0", 'l', "past", kYes}, Row{"1", 'l', "past", kUnknown},
                    Row{"batch", 'l', "0", kNo}, Row{"3", 'l', "3", kYes}, Row{"4", 'l', "3", kNo},
                    Row{"batch", 'l', "batch*seq", kYes}, Row{"batch*past", 'l', "batch*past*seq", kYes},
                    Row{"(seq + 7)//8", 'l', "seq", kYes}, Row{"min(seq, past) + 1", 'l', "seq + 1", kYes},
                    Row{"seq", 'l', "max(batch, seq)", kYes}, Row{"min(batch, past)", 'l', "max(batch, past)", kYes},
                    Row{"seq - seq % 8", 'l', "seq", kYes}, Row{"any", 'l', "any*any", kUnknown},
                    Row{"0", 'l', "any*any", kYes}, Row{"max(0, seq - 512)", 'l', "seq", kYes}));

}  // namespace
}  // namespace exformer
