// Calls that the runtime's kernels refuse, or would answer in another way than torch. What the kernels make of them is
// tested in ExecuTorch's runtime (tests/conformance).
#include <gmock/gmock.h>

#include "backends/executorch/delegated_program.h"
#include "exformer/backends/executorch/fixes.h"
#include "exformer/ir/verifier.h"

namespace exformer::executorch {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

ExportedProgram fixed(std::string_view text) {
  ExportedProgram program = program_of(text);
  for (const ProgramFix& fix : kernel_fixes()) fix.apply(program);
  decompose(*program.graph);
  EXPECT_THAT(verify(*program.graph), IsEmpty());
  return program;
}

TEST(KernelFixes, MakeTensorsWithoutElementsInPlaceOfJoiningThem) {
  const ExportedProgram program = fixed(R"(graph(%x: f32[batch, 3, 0], %y: f32[batch, 4, 0]):
    %z = aten.cat.default([%x, %y], 1)
    return (%z))");
  EXPECT_THAT(ops(*program.graph), ElementsAre("aten::full"));
}

TEST(KernelFixes, WidenIndices) {
  const ExportedProgram program = fixed(R"(graph(%x: f32[batch, 8], %i: i32[batch, 3]):
    %z = aten.gather.default(%x, 1, %i)
    return (%z))");
  EXPECT_THAT(ops(*program.graph), ElementsAre("aten::_to_copy", "aten::gather"));
}

TEST(KernelFixes, GiveOperandsOneRankWhereABatchMayBeOne) {
  const ExportedProgram program = fixed(R"(graph(%x: f32[batch, 8, 1], %y: f32[8, 6]):
    %z = aten.add.Tensor(%x, %y)
    return (%z))");
  EXPECT_THAT(ops(*program.graph), ElementsAre("aten::view", "aten::add.Tensor"));
}

TEST(KernelFixes, LeaveOperandsThatTheKernelsBroadcast) {
  for (const char* text : {R"(graph(%x: f32[batch, 8, 6], %y: f32[8, 6]):
    %z = aten.add.Tensor(%x, %y)
    return (%z))",
                           R"(graph(%x: f32[2, 8, 1], %y: f32[8, 6]):
    %z = aten.add.Tensor(%x, %y)
    return (%z))"}) {
    EXPECT_THAT(ops(*fixed(text).graph), ElementsAre("aten::add.Tensor"));
  }
}

}  // namespace
}  // namespace exformer::executorch
