// Which parts of a graph the XNNPACK partitioner takes, what it leaves, and what it says about that. What the payloads
// compute is tested in ExecuTorch's runtime (tests/conformance).
#include <gmock/gmock.h>

#include <algorithm>

#include "backends/executorch/delegated_program.h"
#include "exformer/base/error.h"
#include "exformer/ir/verifier.h"

namespace exformer::executorch {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using xnnpack::fb::AnyNode;

constexpr std::string_view kAttention = R"(graph(%x: f32[batch, sequence, 8], %wq: f32[8, 8], %wk: f32[8, 8],
      %wv: f32[8, 8], %wo: f32[8, 8]):
    %q = aten.linear.default(%x, %wq)
    %k = aten.linear.default(%x, %wk)
    %v = aten.linear.default(%x, %wv)
    %q4 = aten.view.default(%q, [batch, sequence, 2, 4])
    %k4 = aten.view.default(%k, [batch, sequence, 2, 4])
    %v4 = aten.view.default(%v, [batch, sequence, 2, 4])
    %qt = aten.transpose.int(%q4, 1, 2)
    %kt = aten.transpose.int(%k4, 1, 2)
    %vt = aten.transpose.int(%v4, 1, 2)
    %a = aten.scaled_dot_product_attention.default(%qt, %kt, %vt, scale=1.0)
    %at = aten.transpose.int(%a, 1, 2)
    %ar = aten.reshape.default(%at, [batch, sequence, 8])
    %o = aten.linear.default(%ar, %wo)
    %y = aten.add.Tensor(%o, %x)
    return (%y))";

TEST(XnnpackPartition, TakesAttentionOverDynamicSizesWhole) {
  const Delegated result = delegate(kAttention);
  EXPECT_EQ(result.report.delegate_calls, 1);
  EXPECT_THAT(result.report.breaks, IsEmpty());
  EXPECT_DOUBLE_EQ(result.report.delegated_percent(), 100.0);
  EXPECT_THAT(ops(*result.program.graph), ElementsAre("aten::view", "executorch::call_delegate", "aten::view"));
  EXPECT_THAT(verify(*result.program.graph), IsEmpty());
}

TEST(XnnpackPartition, SplitsAndMergesHeadsWithoutCopies) {
  // No slice, concatenation, transpose or reshape: projections are batched products, the last one a convolution.
  EXPECT_THAT(nodes(delegate(kAttention).delegates.at(0)),
              ElementsAre(AnyNode::BatchMatMul, AnyNode::BatchMatMul, AnyNode::BatchMatMul, AnyNode::BatchMatMul,
                          AnyNode::Softmax, AnyNode::BatchMatMul, AnyNode::Conv2d, AnyNode::Add));
}

TEST(XnnpackPartition, NamesWeightsAndTakesThemOutOfTheProgram) {
  const Delegated result = delegate(kAttention);
  EXPECT_THAT(keys(result.delegates.at(0)), testing::UnorderedElementsAre("wq", "wk", "wv", "wo"));
  ASSERT_EQ(result.program.inputs.size(), 1U);
  EXPECT_EQ(result.program.inputs[0].target, "x");
  EXPECT_EQ(result.program.graph->inputs().size(), 1U);
}

TEST(XnnpackPartition, KeepsAWeightThatIsReadOutsideToo) {
  const Delegated result = delegate(R"(graph(%ids: i64[batch, sequence], %w: f32[16, 8]):
    %e = aten.embedding.default(%w, %ids)
    %y = aten.linear.default(%e, %w)
    return (%y))");
  EXPECT_THAT(keys(result.delegates.at(0)), ElementsAre("w"));
  EXPECT_EQ(result.program.inputs.size(), 2U);
  EXPECT_EQ(result.delegates[0].named_data[0].storage_key, result.program.state_dict.at("w").storage_key());
}

TEST(XnnpackPartition, NamesTheBreakBetweenTwoCalls) {
  const Delegated result = delegate(R"(graph(%x: f32[batch, 8], %w1: f32[8, 8], %w2: f32[8, 8]):
    %a = aten.linear.default(%x, %w1)
    %b = aten.cumsum.default(%a, 1)
    %y = aten.linear.default(%b, %w2)
    return (%y))");
  EXPECT_EQ(result.report.delegate_calls, 2);
  ASSERT_EQ(result.report.breaks.size(), 1U);
  EXPECT_EQ(result.report.breaks[0].op, "aten::cumsum");
  EXPECT_THAT(result.report.breaks[0].reason, HasSubstr("no counterpart"));
  EXPECT_DOUBLE_EQ(result.report.delegated_percent(), 100.0);
}

TEST(XnnpackPartition, ReasonsOfALoweringAreKept) {
  const Delegated result = delegate(R"(graph(%x: f32[batch, sequence, 8], %w: f32[8, 8]):
    %a = aten.linear.default(%x, %w)
    %m = aten.mean.dim(%a, [1])
    %y = aten.linear.default(%m, %w)
    return (%y))");
  ASSERT_EQ(result.report.breaks.size(), 1U);
  EXPECT_EQ(result.report.breaks[0].op, "aten::mean.dim");
  EXPECT_THAT(result.report.breaks[0].reason, AllOf(HasSubstr("dynamic"), HasSubstr("sequence")));
}

TEST(XnnpackPartition, LeavesAPartWithoutProductsOutside) {
  constexpr std::string_view kText = R"(graph(%x: f32[batch, 8]):
    %y = aten.tanh.default(%x)
    return (%y))";
  const Delegated left = delegate(kText);
  EXPECT_EQ(left.report.delegate_calls, 0);
  EXPECT_THAT(ops(*left.program.graph), ElementsAre("aten::tanh"));
  EXPECT_EQ(delegate(kText, {.smallest_part = 0}).report.delegate_calls, 1);
}

TEST(XnnpackPartition, LeavesWhatOnlyAnOpOutsideReadsInFrontOfIt) {
  const Delegated result = delegate(R"(graph(%x: f32[batch, 8], %w: f32[8, 8]):
    %t = aten.tanh.default(%x)
    %c = aten.cumsum.default(%t, 1)
    %y = aten.linear.default(%c, %w)
    return (%y))");
  EXPECT_EQ(result.report.delegate_calls, 1);
  EXPECT_THAT(result.report.breaks, IsEmpty());
}

TEST(XnnpackPartition, MakesANumericMaskOnceForAllLayers) {
  const Delegated result = delegate(R"(graph(%q: f32[batch, 2, sequence, 4], %m: bool[batch, 1, 1, sequence]):
    %a = aten.scaled_dot_product_attention.default(%q, %q, %q, %m, scale=1.0)
    %b = aten.scaled_dot_product_attention.default(%a, %q, %q, %m, scale=1.0)
    return (%b))");
  EXPECT_EQ(result.report.delegate_calls, 1);
  const auto left = ops(*result.program.graph);
  EXPECT_EQ(std::count(left.begin(), left.end(), "aten::any.dim"), 1);
  EXPECT_THAT(left, Not(testing::Contains("aten::scaled_dot_product_attention")));
}

TEST(XnnpackPartition, SharesKeysAmongQueryHeadsWithoutRepeatingThem) {
  const Delegated result = delegate(R"(graph(%q: f32[batch, 4, sequence, 8], %k: f32[batch, 2, past, 8]):
    %a = aten.scaled_dot_product_attention.default(%q, %k, %k, scale=1.0, enable_gqa=True)
    return (%a))");
  const auto kinds = nodes(result.delegates.at(0));
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), AnyNode::BatchMatMul), 4);
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), AnyNode::Softmax), 2);
}

TEST(XnnpackPartition, TakesProductsOverFlattenedRows) {
  const Delegated result = delegate(R"(graph(%x: f32[batch, sequence, 8], %w: f32[8, 6], %wb: f32[6]):
    %rows = aten.view.default(%x, [batch*sequence, 8])
    %a = aten.addmm.default(%wb, %rows, %w)
    %y = aten.view.default(%a, [batch, sequence, 6])
    return (%y))");
  EXPECT_EQ(result.report.delegate_calls, 1);
  EXPECT_THAT(nodes(result.delegates.at(0)), ElementsAre(AnyNode::FullyConnected, AnyNode::Add));
}

TEST(XnnpackPartition, LeavesEmptyTensorsOutOfACat) {
  const Delegated result = delegate(R"(graph(%x: f32[batch, 2, sequence, 8], %w: f32[0], %w2: f32[4, 8]):
    %c = aten.cat.default([%w, %x], -2)
    %y = aten.linear.default(%c, %w2)
    return (%y))");
  EXPECT_EQ(result.report.delegate_calls, 1);
  EXPECT_THAT(nodes(result.delegates.at(0)), ElementsAre(AnyNode::FullyConnected));
}

TEST(XnnpackPartition, JoinsRowsThatLieOnAnotherAxis) {
  // The rows of %t lie on the last axis, its channels where those of %r have their rows.
  const Delegated result = delegate(R"(graph(%x: f32[b, 8, 9], %w: f32[1, 4, 8], %w2: f32[16, 8]):
    %t = aten.transpose.int(%x, 1, 2)
    %r = aten.expand.default(%w, [b, 4, 8])
    %c = aten.cat.default([%r, %t], 1)
    %y = aten.linear.default(%c, %w2)
    return (%y))");
  EXPECT_EQ(result.report.delegate_calls, 1);
}

TEST(XnnpackPartition, KeepsReadersOfADataDefinedSizeBehindIt) {
  const Delegated result = delegate(R"(graph(%x: f32[b, 8], %w: f32[8, 8]):
    %y = aten.linear.default(%x, %w)
    %g = aten.gt.Scalar(%y, 0.5)
    %n = aten.nonzero.default(%g)
    %z = aten.zeros.default([u0, 8])
    return (%n, %z))");
  EXPECT_THAT(verify(*result.program.graph), IsEmpty());
  std::vector<std::string> order;
  for (const auto& node : result.program.graph->nodes()) order.push_back(node->op());
  EXPECT_LT(std::find(order.begin(), order.end(), "aten::nonzero"),
            std::find(order.begin(), order.end(), "aten::zeros"));
}

TEST(XnnpackPartition, LeavesTensorsThatDataCanLeaveEmptyOutside) {
  const Delegated result = delegate(R"(graph(%x: f32[b, 8], %mask: bool[b], %w: f32[8, 8]):
    %s = aten.index.Tensor(%x, [%mask])
    %y = aten.linear.default(%s, %w)
    return (%y))");
  EXPECT_EQ(result.report.delegate_calls, 0);
}

TEST(XnnpackPartition, RequiredShareFailsWithTheOpsThatAreOutside) {
  const Delegated result = delegate(R"(graph(%x: f32[batch, 8], %v: f32[8], %w: f32[8, 8]):
    %a = aten.linear.default(%x, %w)
    %y = aten.matmul.default(%a, %v)
    return (%y))");
  EXPECT_LT(result.report.delegated_percent(), 100.0);
  check_delegated(result.report, std::nullopt);
  check_delegated(result.report, 50.0);
  try {
    check_delegated(result.report, 100.0);
    FAIL() << "no error";
  } catch (const ExportError& error) {
    EXPECT_EQ(error.kind(), ErrorKind::Unsupported);
    EXPECT_THAT(error.what(), AllOf(HasSubstr("aten::matmul"), HasSubstr("a product with a vector")));
  }
}

TEST(XnnpackPartition, GivesTheSameBytesEachTime) {
  EXPECT_EQ(delegate(kAttention).delegates.at(0).payload, delegate(kAttention).delegates.at(0).payload);
}

}  // namespace
}  // namespace exformer::executorch
