// What a delegate computes in float32 though the program is in float16: what torch's kernels do not round on the way.
// XNNPACK makes no node whose operands differ in dtype.
#include <gmock/gmock.h>

#include "backends/executorch/delegated_program.h"

namespace exformer::executorch {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;
using xnnpack::fb::AnyNode;
using xnnpack::fb::DataType;

DataType dtype_of(const xnnpack::fb::Graph* graph, uint32_t id) {
  for (const auto* value : *graph->values()) {
    if (value->value_as_TensorValue()->id() == id) return value->value_as_TensorValue()->data_type();
  }
  return DataType::Invalid;
}

/// The nodes that work on float16, conversions apart. Every node of two operands has them in one dtype.
std::vector<AnyNode> half_nodes(const Delegate& delegate) {
  const xnnpack::fb::Graph* graph = tables(delegate);
  std::vector<AnyNode> result;
  for (const auto* node : *graph->nodes()) {
    uint32_t output = 0;
    if (const auto* binary = static_cast<const xnnpack::fb::Binary*>(node->node());
        node->node_type() == AnyNode::Add || node->node_type() == AnyNode::Multiply ||
        node->node_type() == AnyNode::Subtract || node->node_type() == AnyNode::BatchMatMul) {
      EXPECT_EQ(dtype_of(graph, binary->input1()), dtype_of(graph, binary->input2()));
      output = binary->output();
    } else if (node->node_type() == AnyNode::FullyConnected) {
      output = node->node_as_FullyConnected()->output();
    } else if (node->node_type() != AnyNode::Convert) {
      output = static_cast<const xnnpack::fb::Unary*>(node->node())->output();
    } else {
      continue;
    }
    if (dtype_of(graph, output) == DataType::Float16) result.push_back(node->node_type());
  }
  return result;
}

Delegate only_delegate(std::string_view text) {
  Delegated result = delegate(text);
  EXPECT_EQ(result.report.delegate_calls, 1);
  return std::move(result.delegates.at(0));
}

TEST(XnnpackDtypes, NormsAreInFloat32) {
  const Delegate made = only_delegate(R"(graph(%x: f16[batch, 8], %w1: f16[8, 8], %w2: f16[8], %w3: f16[8]):
    %a = aten.linear.default(%x, %w1)
    %b = aten.layer_norm.default(%a, [8], %w2, %w3)
    %c = aten.rms_norm.default(%b, [8], %w2, 1e-06)
    %y = aten.add.Tensor(%c, %x)
    return (%y))");
  EXPECT_THAT(half_nodes(made), ElementsAre(AnyNode::FullyConnected, AnyNode::Add));
  EXPECT_THAT(keys(made), Contains("w2#float32"));
  EXPECT_THAT(keys(made), Not(Contains("w2")));
}

TEST(XnnpackDtypes, AttentionIsInFloat32) {
  const Delegate made = only_delegate(R"(graph(%q: f16[batch, 2, sequence, 4], %m: bool[batch, 1, 1, sequence]):
    %a = aten.scaled_dot_product_attention.default(%q, %q, %q, %m)
    return (%a))");
  EXPECT_THAT(half_nodes(made), ElementsAre(AnyNode::Multiply));  // rows that see nothing
}

TEST(XnnpackDtypes, MixedOperandsAreJoinedInTheWiderDtype) {
  const Delegate made = only_delegate(R"(graph(%x: f16[batch, 8], %w1: f16[8, 8], %w2: f32[8, 8]):
    %a = aten.linear.default(%x, %w1)
    %b = aten.to.dtype(%a, f32)
    %c = aten.linear.default(%b, %w2)
    %d = aten.add.Tensor(%a, %c)
    %e = aten.cat.default([%d, %a], 1)
    %y = aten.to.dtype(%e, f16)
    return (%y))");
  EXPECT_THAT(half_nodes(made), ElementsAre(AnyNode::FullyConnected));
  const auto kinds = nodes(made);
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), AnyNode::Convert), 2);  // of %a once for three readers, and of %e
}

TEST(XnnpackDtypes, NumbersBeyondFloat16AreCombinedInFloat32) {
  const Delegate made = only_delegate(R"(graph(%x: f16[batch, 8], %w: f16[8, 8]):
    %a = aten.linear.default(%x, %w)
    %b = aten.mul.Scalar(%a, 100000.0)
    %y = aten.mul.Scalar(%b, 0.5)
    return (%y))");
  EXPECT_THAT(half_nodes(made), ElementsAre(AnyNode::FullyConnected, AnyNode::Multiply));
}

TEST(XnnpackDtypes, Float32HasNoConversions) {
  const Delegate made = only_delegate(R"(graph(%x: f32[batch, 8], %w1: f32[8, 8], %w2: f32[8]):
    %a = aten.linear.default(%x, %w1)
    %b = aten.layer_norm.default(%a, [8], %w2, %w2)
    %y = aten.gelu.default(%b)
    return (%y))");
  EXPECT_THAT(nodes(made), Not(Contains(AnyNode::Convert)));
}

}  // namespace
}  // namespace exformer::executorch
