#include "exformer/passes/conditions.h"

#include <gmock/gmock.h>

#include "exformer/ir/text.h"
#include "exformer/ops/text_parser.h"

namespace exformer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A program whose graph inputs are all the user's.
ExportedProgram program_of(std::unique_ptr<Graph> graph) {
  ExportedProgram program;
  program.graph = std::move(graph);
  for (Value* input : program.graph->inputs()) program.inputs.push_back({.value = input, .target = input->name});
  return program;
}

std::vector<std::string> texts(const ExportedProgram& program, const DimReason& reason_of = {}) {
  std::vector<std::string> result;
  const auto none = [](const std::string&, int64_t) { return std::string(); };
  for (const Condition& condition : input_conditions(program, reason_of ? reason_of : none))
    result.push_back(condition.text());
  return result;
}

TEST(InputConditions, AreNoneWhereEverySizeIsFree) {
  const ExportedProgram program = program_of(parse_graph(R"(graph(%x: f32[batch, length]):
    return (%x))"));
  EXPECT_THAT(texts(program), IsEmpty());
}

TEST(InputConditions, NameFixedAndSharedSizesAndMultiples) {
  const ExportedProgram program =
      program_of(parse_graph(R"(graph(%ids: i64[s0, s1], %mask: i64[s0, s1], %x: f32[s0, 3, 32*s2]):
    return (%x))"));
  const auto reason = [](const std::string& path, int64_t axis) {
    return path == "x" && axis == 2 ? std::string("model.py:7") : std::string();
  };
  EXPECT_THAT(texts(program, reason),
              ElementsAre("mask.shape[0] must be ids.shape[0]", "mask.shape[1] must be ids.shape[1]",
                          "x.shape[0] must be ids.shape[0]", "x.shape[1] must be 3",
                          "x.shape[2] must be a multiple of 32 (model.py:7)"));
}

TEST(InputConditions, NameBoundsInTermsOfTheDim) {
  auto graph = std::make_unique<Graph>();
  const SymInt height = graph->symbols().symbol({.name = "s0", .min = 2, .max = 5});
  graph->add_input("pixels", contiguous_meta(DType::Float32, {4 * height}));
  const ExportedProgram program = program_of(std::move(graph));
  EXPECT_THAT(texts(program), ElementsAre("pixels.shape[0] must be a multiple of 4",
                                          "pixels.shape[0] must be at least 8", "pixels.shape[0] must be at most 20"));
}

TEST(InputConditions, TakeAssertionsOnSizesAlone) {
  const ExportedProgram program = program_of(parse_graph(R"(graph(%x: f32[s0, s1], %n: i64[1]):
    %u = aten.item.default(%n)
    aten._assert_scalar.default(max(0, s1 - s0), 's0 must be below s1 (model.py:3)')
    aten._assert_scalar.default(max(0, u0 - s0), 'u0 must be above s0')
    return (%u))"));
  EXPECT_THAT(texts(program), ElementsAre("n.shape[0] must be 1", "x.shape[0] must be below x.shape[1] (model.py:3)"));
}

TEST(InputConditions, CountAnAssertionOfSeveralLayersOnce) {
  const ExportedProgram program = program_of(parse_graph(R"(graph(%x: f32[s0, s1]):
    aten._assert_scalar.default(max(0, s1 - s0), 's0 must be below s1 (model.py:3)')
    aten._assert_scalar.default(max(0, s1 - s0), 's0 must be below s1 (model.py:3)')
    return (%x))"));
  EXPECT_EQ(texts(program).size(), 1U);
}

TEST(NameInputsInAssertions, LeavesPlainWordsAlone) {
  ExportedProgram program = program_of(parse_graph(R"(graph(%x: f32[batch, s1], %n: i64[1]):
    %u = aten.item.default(%n)
    aten._assert_scalar.default(max(0, u0 - s1), 'the batch is u0 but s1')
    return (%u))"));
  name_inputs_in_assertions(program);
  EXPECT_THAT(to_text(*program.graph), HasSubstr("'the batch is u0 but x.shape[1]'"));
}

TEST(EraseAssertions, LeavesNone) {
  const auto graph = parse_graph(R"(graph(%x: f32[s0]):
    aten._assert_scalar.default(max(0, s0 - 1), 'm')
    return (%x))");
  erase_assertions(*graph);
  EXPECT_EQ(graph->node_count(), 0U);
}

TEST(AssertBoundsOfTwo, StatesWhatTorchDoesNotCheck) {
  auto graph = std::make_unique<Graph>();
  std::vector<SymInt> sizes = {graph->symbols().symbol({.name = "s0", .min = 2}),
                               graph->symbols().symbol({.name = "s1", .min = 3})};
  graph->set_outputs({graph->add_input("x", contiguous_meta(DType::Float32, sizes))});
  ExportedProgram program = program_of(std::move(graph));
  program.conditions = input_conditions(program, [](const std::string&, int64_t) { return std::string(); });
  assert_bounds_of_two(program);
  EXPECT_EQ(program.graph->node_count(), 1U);
  EXPECT_THAT(to_text(*program.graph), HasSubstr("x.shape[0] must be at least 2"));
}

}  // namespace
}  // namespace exformer
