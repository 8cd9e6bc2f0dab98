#include "exformer/backends/executorch/symbolic_sizes.h"

#include <gmock/gmock.h>

#include "exformer/base/error.h"

namespace exformer::executorch {
namespace {

using testing::ElementsAre;

class SymbolicSizesTest : public testing::Test {
 protected:
  std::vector<std::string> calls() const {
    std::vector<std::string> names;
    for (const Instruction& instruction : program_.instructions)
      names.push_back(program_.operators()[instruction.target]);
    return names;
  }

  SymContext symbols_;
  SymInt batch_ = symbols_.symbol({.name = "batch"}), length_ = symbols_.symbol({.name = "length"});
  ExecutorchProgram program_;
  SymbolicSizes sizes_{program_};
};

TEST_F(SymbolicSizesTest, ComputesEachExpressionOnce) {
  sizes_.add_source(program_.add_tensor(DType::Int64, {batch_, length_}), {batch_, length_});
  const ValueId product = sizes_.integer(batch_ * length_);
  EXPECT_EQ(sizes_.integer(length_ * batch_), product);
  EXPECT_EQ(sizes_.list({batch_, 4, length_}), sizes_.list({batch_, 4, length_}));
  EXPECT_THAT(calls(), ElementsAre("aten::sym_size.int", "aten::sym_size.int", "executorch_prim::mul.Scalar"));
}

TEST_F(SymbolicSizesTest, SolvesForASymbolThatIsPartOfASize) {
  const SymInt past = symbols_.symbol({.name = "past"});
  sizes_.add_source(program_.add_tensor(DType::Int64, {batch_, length_}), {batch_, length_});
  sizes_.add_source(program_.add_tensor(DType::Int64, {past + length_}), {past + length_});
  sizes_.integer(past);
  EXPECT_THAT(calls(), ElementsAre("aten::sym_size.int", "aten::sym_size.int", "executorch_prim::sub.Scalar"));
}

TEST_F(SymbolicSizesTest, RefusesSymbolsThatNoInputHas) {
  try {
    sizes_.integer(batch_);
    FAIL();
  } catch (const ExportError& error) {
    EXPECT_EQ(error.kind(), ErrorKind::Unsupported);
  }
}

TEST_F(SymbolicSizesTest, RemaindersHavePythonsSign) {
  sizes_.add_source(program_.add_tensor(DType::Int64, {batch_}), {batch_});
  sizes_.integer(mod(batch_, 3));
  EXPECT_THAT(calls(), ElementsAre("aten::sym_size.int", "executorch_prim::mod.Scalar"));
  program_.instructions.clear();
  const SymInt shift = symbols_.symbol({.name = "shift", .min = -20});
  sizes_.add_scalar_source(program_.add(int64_t{0}), shift);
  sizes_.integer(mod(shift, 5));  // the runtime's remainder would be negative
  EXPECT_THAT(calls(), testing::Not(testing::Contains("executorch_prim::mod.Scalar")));
}

}  // namespace
}  // namespace exformer::executorch
