#include "exformer/passes/dead_code.h"

#include <gmock/gmock.h>

#include "exformer/ir/text.h"
#include "exformer/ir/verifier.h"
#include "exformer/ops/text_parser.h"

namespace exformer {
namespace {

using testing::IsEmpty;

/// What the text reads as when it is printed again.
std::string normalised(std::string_view text) { return to_text(*parse_graph(text)); }

TEST(EliminateDeadNodes, RemovesAChainThatNothingReads) {
  const auto graph = parse_graph(R"(graph(%x: f32[batch, 4]):
    %a = aten.relu.default(%x)
    %b = aten.sigmoid.default(%a)
    %y = aten.tanh.default(%x)
    return (%y))");
  EXPECT_TRUE(eliminate_dead_nodes(*graph));
  EXPECT_EQ(to_text(*graph), normalised(R"(graph(%x: f32[batch, 4]):
    %y = aten.tanh.default(%x)
    return (%y))"));
  EXPECT_THAT(verify(*graph), IsEmpty());
}

TEST(EliminateDeadNodes, LeavesAGraphInWhichAllIsReadAlone) {
  constexpr std::string_view kText = R"(graph(%x: f32[batch, 4]):
    %a = aten.relu.default(%x)
    %y = aten.tanh.default(%a)
    return (%a, %y))";
  const auto graph = parse_graph(kText);
  EXPECT_FALSE(eliminate_dead_nodes(*graph));
  EXPECT_EQ(to_text(*graph), normalised(kText));
}

TEST(EliminateDeadNodes, KeepsANodeOfWhichOneResultIsRead) {
  const auto graph = parse_graph(R"(graph(%x: f32[batch, 4]):
    %values, %indices = aten.topk.default(%x, 2)
    return (%indices))");
  EXPECT_FALSE(eliminate_dead_nodes(*graph));
  EXPECT_EQ(graph->node_count(), 1U);
}

TEST(EliminateDeadNodes, KeepsInputsThatNothingReads) {
  const auto graph = parse_graph(R"(graph(%x: f32[4], %unread: f32[4]):
    %dead = aten.relu.default(%unread)
    return (%x))");
  EXPECT_TRUE(eliminate_dead_nodes(*graph));
  EXPECT_EQ(graph->inputs().size(), 2U);
  EXPECT_EQ(graph->node_count(), 0U);
  EXPECT_FALSE(eliminate_dead_nodes(*graph));
}

TEST(EliminateDeadNodes, KeepsWhatDefinesASizeThatIsUsed) {
  constexpr std::string_view kText = R"(graph(%x: i64[1]):
    %n = aten.item.default(%x)
    %y = aten.full.default([u0], 1.0)
    return (%y))";
  const auto graph = parse_graph(kText);
  EXPECT_FALSE(eliminate_dead_nodes(*graph));
  EXPECT_EQ(to_text(*graph), normalised(kText));
}

TEST(EliminateDeadNodes, KeepsAssertionsAndRemovesSizesThatNothingUses) {
  const auto graph = parse_graph(R"(graph(%x: i64[1], %y: bool[]):
    %n = aten.item.default(%x)
    %unused = aten.nonzero.default(%x)
    aten._assert_scalar.default(max(0, u0), 'positive')
    return (%x))");
  EXPECT_TRUE(eliminate_dead_nodes(*graph));
  EXPECT_EQ(graph->node_count(), 2U);
  EXPECT_THAT(verify(*graph), IsEmpty());
}

}  // namespace
}  // namespace exformer
