// The order of nodes, which ONNX wants to be topological, after passes that put a node where another one stood.
#include <gmock/gmock.h>

#include "exformer/backends/onnx/cleanup.h"
#include "exformer/backends/onnx/fusions.h"
#include "exformer/base/error.h"

namespace exformer::onnx {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Sizes kRows = {SymInt(2), SymInt(3), SymInt(4)}, kRow = {SymInt(4)};

std::vector<std::string> operators(const OnnxGraph& graph) {
  std::vector<std::string> result;
  for (const OnnxNode& node : graph.nodes()) result.push_back(node.op_type);
  return result;
}

ValueId add_input(OnnxGraph& graph, std::string_view name, const Sizes& sizes) {
  graph.inputs.push_back(graph.add_value(name, DType::Float32, sizes));
  return graph.inputs.back();
}

ValueId add_weight(OnnxGraph& graph) {
  return graph.add_weight("weight", LazyTensor(HostTensor::zeros(DType::Float32, {4})));
}

std::string fault_of(const OnnxGraph& graph) {
  try {
    check_order(graph);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

/// h = x + y; n = norm(h, 1 + weight); gives n and h * h
struct NormOfSum {
  OnnxGraph graph{24};
  ValueId scale = kAbsent;

  explicit NormOfSum(bool scale_is_input = false) {
    const ValueId x = add_input(graph, "x", kRows), y = add_input(graph, "y", kRows);
    const ValueId given = scale_is_input ? add_input(graph, "w", kRow) : add_weight(graph);
    const ValueId sum = graph.pointwise("Add", {x, y});
    const ValueId square = graph.pointwise("Mul", {sum, sum});
    scale = graph.pointwise("Add", {given, graph.scalar(1.0, DType::Float32)});
    graph.outputs = {graph.emit("RMSNormalization", {sum, scale}, {{"axis", int64_t{-1}}}, DType::Float32, kRows),
                     square};
  }
};

TEST(NodeOrder, MovesTheWeightOfAFusedNormBeforeIt) {
  NormOfSum made;
  ASSERT_TRUE(use_microsoft_activations(made.graph));
  EXPECT_THAT(fault_of(made.graph), HasSubstr("before it is made"));
  order_nodes(made.graph);
  eliminate_dead_nodes(made.graph);
  EXPECT_EQ(fault_of(made.graph), "");
  EXPECT_THAT(operators(made.graph), ElementsAre("Add", "SkipSimplifiedLayerNormalization", "Mul"));
  EXPECT_EQ(made.graph.nodes().front().outputs, std::vector<ValueId>{made.scale});
}

TEST(NodeOrder, LeavesNormsWhoseWeightInputsDefine) {
  NormOfSum made(true);
  EXPECT_FALSE(use_microsoft_activations(made.graph));
}

TEST(NodeOrder, KeepsWhatIsInOrder) {
  NormOfSum made;
  const std::vector<std::string> before = operators(made.graph);
  order_nodes(made.graph);
  EXPECT_EQ(operators(made.graph), before);
  EXPECT_EQ(fault_of(made.graph), "");
}

TEST(NodeOrder, PullsAChainForward) {
  OnnxGraph graph(24);
  const ValueId x = add_input(graph, "x", kRow);
  const ValueId a = graph.add_value("a", DType::Float32, kRow), b = graph.add_value("b", DType::Float32, kRow);
  graph.outputs = {graph.emit("Neg", {b}, {}, DType::Float32, kRow)};
  graph.nodes().push_back({"Exp", "", {a}, {b}, {}});
  graph.nodes().push_back({"Abs", "", {x}, {a}, {}});
  order_nodes(graph);
  EXPECT_THAT(operators(graph), ElementsAre("Abs", "Exp", "Neg"));
}

TEST(NodeOrder, RefusesCirclesAndSecondMakers) {
  OnnxGraph graph(24);
  const ValueId a = graph.add_value("a", DType::Float32, kRow), b = graph.add_value("b", DType::Float32, kRow);
  graph.nodes().push_back({"Exp", "", {a}, {b}, {}});
  graph.nodes().push_back({"Abs", "", {b}, {a}, {}});
  graph.outputs = {b};
  EXPECT_THROW(order_nodes(graph), ExportError);

  OnnxGraph twice(24);
  const ValueId x = add_input(twice, "x", kRow);
  twice.nodes().push_back({"Exp", "", {x}, {x}, {}});
  twice.outputs = {x};
  EXPECT_THAT(fault_of(twice), HasSubstr("'x' twice"));
}

}  // namespace
}  // namespace exformer::onnx
