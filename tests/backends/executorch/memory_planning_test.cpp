#include "exformer/backends/executorch/memory_planning.h"

#include <gmock/gmock.h>

namespace exformer::executorch {
namespace {

/// A program of opaque calls over float tensors of `size` elements.
class MemoryPlanning : public testing::Test {
 protected:
  ValueId tensor(SymInt size) { return program_.add_tensor(DType::Float32, {size}); }
  ValueId input(SymInt size) {
    program_.inputs.push_back(tensor(size));
    return program_.inputs.back();
  }
  ValueId call(std::vector<ValueId> inputs, SymInt size, bool is_elementwise = false) {
    const ValueId result = tensor(size);
    inputs.push_back(result);
    program_.instructions.push_back({.target = program_.operator_index("op"),
                                     .arguments = std::move(inputs),
                                     .writes = {result},
                                     .is_elementwise = is_elementwise});
    return result;
  }
  ArenaReport plan(PlanningOptions options = {}, std::map<std::string, int64_t> limits = {}) {
    return plan_memory(program_, UpperBounds(symbols_, limits), options);
  }
  uint64_t offset(ValueId id) const { return program_.tensor(id).place->offset; }

  SymContext symbols_;
  ExecutorchProgram program_;
};

TEST_F(MemoryPlanning, GivesMemoryOfDeadTensorsToLaterOnes) {
  const ValueId a = input(100);
  const ValueId b = call({a}, 100), c = call({b}, 100), d = call({c}, 100);
  program_.outputs = {d};
  const ArenaReport report = plan();
  EXPECT_EQ(report.bytes, 800U);
  EXPECT_EQ(report.live, 800U);
  EXPECT_EQ(offset(a), offset(c));
  EXPECT_EQ(offset(b), offset(d));
  EXPECT_EQ(program_.arena, 800U);
}

TEST_F(MemoryPlanning, KeepsWhatALoopReadsUntilItsEnd) {
  const ValueId a = input(100);
  const ValueId state = call({a}, 100), fixed = call({a}, 100);
  const size_t first = program_.instructions.size();
  const ValueId b = call({fixed, state}, 100, true), c = call({b}, 100, true);
  program_.instructions.push_back(
      {.target = program_.operator_index("op"), .arguments = {c, state}, .writes = {state}, .is_elementwise = true});
  const ValueId again = program_.add(false);
  program_.instructions.push_back({.kind = Instruction::Kind::JumpIfFalse, .target = first, .arguments = {again}});
  program_.outputs = {state};
  EXPECT_EQ(plan().bytes, 1200U);
  EXPECT_NE(offset(b), offset(fixed)) << "the next round reads it";
  EXPECT_NE(offset(c), offset(fixed));
  EXPECT_NE(offset(c), offset(state));
}

TEST_F(MemoryPlanning, WritesElementwiseResultsOverOperandsThatAreReadForTheLastTime) {
  const ValueId a = input(100);
  const ValueId b = call({a}, 100, true), c = call({a, b}, 100, true);
  program_.outputs = {c};
  EXPECT_EQ(plan().bytes, 800U);
  EXPECT_NE(offset(a), offset(b)) << "a is still read";
  EXPECT_TRUE(offset(c) == offset(a) || offset(c) == offset(b));
}

TEST_F(MemoryPlanning, DoesNotWriteOverOperandsOfAnotherSize) {
  const ValueId small = input(10), wide = input(100);
  const ValueId sum = call({small, wide}, 100, true);
  program_.outputs = {sum};
  plan();
  EXPECT_EQ(offset(sum), offset(wide));
  EXPECT_NE(offset(sum), offset(small));
}

TEST_F(MemoryPlanning, KeepsTheMemoryOfWhatAViewReads) {
  const ValueId a = input(100);
  const ValueId b = call({a}, 100);
  const ValueId view = tensor(100);
  program_.tensor(view).view_of = b;
  program_.instructions.push_back(
      {.target = program_.operator_index("view"), .arguments = {b, view}, .writes = {view}});
  const ValueId c = call({a}, 100), d = call({view, c}, 100);
  program_.outputs = {d};
  plan();
  EXPECT_FALSE(program_.tensor(view).place.has_value()) << "a view that is made at run time takes its memory then";
  EXPECT_NE(offset(b), offset(c));
  EXPECT_NE(offset(b), offset(d));
}

TEST_F(MemoryPlanning, PlacesStaticViewsWhereTheirMemoryIs) {
  const ValueId a = input(100), b = call({a}, 100), view = tensor(100);
  program_.tensor(view).view_of = b;
  program_.tensor(view).is_static_view = true;
  program_.outputs = {call({view}, 100)};
  plan();
  EXPECT_EQ(offset(view), offset(b));
}

TEST_F(MemoryPlanning, KeepsAllInputsUntilTheProgramBegins) {
  const ValueId unread = input(50), a = input(100);
  program_.outputs = {call({a}, 100)};
  plan();
  EXPECT_NE(offset(unread), offset(a));
}

TEST_F(MemoryPlanning, LeavesOutWhatTheCallerGives) {
  const ValueId a = input(100), b = call({a}, 100);
  program_.outputs = {b};
  EXPECT_EQ(plan({.alloc_graph_input = false}).bytes, 400U);
  EXPECT_EQ(plan({.alloc_graph_input = false, .alloc_graph_output = false}).bytes, 0U);
}

TEST_F(MemoryPlanning, PlansForUpperBoundsAndNamesTheLargest) {
  const SymInt batch = symbols_.symbol({.name = "batch"}), length = symbols_.symbol({.name = "length", .max = 32});
  const ValueId a = input(batch);
  const ValueId scores = call({a}, batch * length * length);
  program_.tensor(scores).name = "bmm";
  program_.outputs = {scores};
  const ArenaReport report = plan({}, {{"batch", 4}});
  EXPECT_EQ(report.bounds, "batch <= 4, length <= 32");
  EXPECT_EQ(report.bytes, 4U * 4 * 32 * 32 + 16);
  EXPECT_THAT(report.driver, testing::HasSubstr("bmm float32"));
}

}  // namespace
}  // namespace exformer::executorch
