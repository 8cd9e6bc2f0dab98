// Masks that may close a whole row with the lowest float.
#include <gmock/gmock.h>

#include <limits>

#include "exformer/backends/onnx/fusions.h"

namespace exformer::onnx {
namespace {

using testing::ElementsAre;

constexpr double kLowest = std::numeric_limits<float>::lowest();

class ClosedRowsTest : public testing::Test {
 protected:
  ValueId add_input(std::string_view name, DType dtype, const Sizes& sizes) {
    graph_.inputs.push_back(graph_.add_value(name, dtype, sizes));
    return graph_.inputs.back();
  }

  /// where(seen, 0, fill)
  ValueId mask_filled_with(double fill) {
    const ValueId seen = add_input("seen", DType::Bool, {2, 1, 3, 3});
    return graph_.pointwise_as(DType::Float32, "Where",
                               {seen, graph_.scalar(0, DType::Float32), graph_.scalar(fill, DType::Float32)});
  }

  void attend(ValueId mask) {
    const ValueId states = graph_.add_value("states", DType::Float32, {2, 4, 3, 8});
    graph_.outputs.push_back(
        graph_.emit("Attention", {states, states, states, mask}, {}, DType::Float32, {2, 4, 3, 8}));
  }

  std::vector<std::string> operators() const {
    std::vector<std::string> result;
    for (const OnnxNode& node : graph_.nodes()) result.push_back(node.op_type);
    return result;
  }

  OnnxGraph graph_{24};
};

TEST_F(ClosedRowsTest, HalvesTheLowestFloatOnceForAllLayers) {
  const ValueId mask = mask_filled_with(kLowest);
  attend(mask);
  attend(mask);
  EXPECT_TRUE(keep_closed_rows(graph_));
  EXPECT_THAT(operators(), ElementsAre("Where", "Equal", "Where", "Attention", "Attention"));
  const OnnxNode& softened = *std::next(graph_.nodes().begin(), 2);
  EXPECT_EQ(graph_.constant_scalar(softened.inputs[1]), kLowest / 2);
  EXPECT_EQ(graph_.nodes().back().inputs[3], softened.outputs[0]);
}

TEST_F(ClosedRowsTest, ChangesAMaskBeforeItIsExpanded) {
  const ValueId mask = mask_filled_with(kLowest);
  attend(graph_.emit("Expand", {mask, graph_.constant_ints({2, 4, 3, 3})}, {}, DType::Float32, {2, 4, 3, 3}));
  EXPECT_TRUE(keep_closed_rows(graph_));
  EXPECT_THAT(operators(), ElementsAre("Where", "Equal", "Where", "Expand", "Attention"));
}

TEST_F(ClosedRowsTest, LooksThroughSums) {
  const ValueId bias = add_input("bias", DType::Bool, {4, 3, 3});
  attend(graph_.pointwise("Add", {mask_filled_with(kLowest), graph_.cast(bias, DType::Float32)}));
  EXPECT_TRUE(keep_closed_rows(graph_));
}

TEST_F(ClosedRowsTest, HalvesWhatACallMayGive) {
  attend(add_input("mask", DType::Float32, {2, 1, 3, 3}));
  EXPECT_TRUE(keep_closed_rows(graph_));
}

TEST_F(ClosedRowsTest, LeavesOtherMasksAlone) {
  attend(mask_filled_with(-1e9));
  attend(mask_filled_with(-std::numeric_limits<double>::infinity()));
  attend(add_input("mask", DType::Bool, {2, 1, 3, 3}));
  EXPECT_FALSE(keep_closed_rows(graph_));
}

}  // namespace
}  // namespace exformer::onnx
