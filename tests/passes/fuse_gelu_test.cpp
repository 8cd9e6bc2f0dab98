#include "exformer/passes/fuse_gelu.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "exformer/ir/text.h"
#include "exformer/ir/verifier.h"
#include "exformer/ops/text_parser.h"

namespace exformer {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

/// What the text reads as when it is printed again.
std::string normalised(std::string_view text) { return to_text(*parse_graph(text)); }

struct Outcome {
  std::string text;
  std::vector<std::string> refusals;
};

/// The graph after every rewrite of fuse_gelu.
Outcome apply(std::string_view text) {
  const auto graph = parse_graph(text);
  Outcome outcome;
  for (const Rewrite& rewrite : fuse_gelu()) apply_rewrite(*graph, rewrite, OpRegistry::standard(), &outcome.refusals);
  EXPECT_THAT(verify(*graph), IsEmpty());
  outcome.text = to_text(*graph);
  return outcome;
}

std::string erf_form(std::string_view dtype, std::string_view divisor) {
  return fmt::format(R"(graph(%x: {}[batch, 8]):
    %half = aten.mul.Scalar(%x, 0.5)
    %inner = aten.div.Scalar(%x, {})
    %erf = aten.erf.default(%inner)
    %outer = aten.add.Scalar(%erf, 1)
    %y = aten.mul.Tensor(%half, %outer)
    return (%y))",
                     dtype, divisor);
}

TEST(FuseGelu, TurnsTheErfFormIntoGelu) {
  EXPECT_EQ(apply(erf_form("f32", "1.4142135623730951")).text, normalised(R"(graph(%x: f32[batch, 8]):
    %gelu = aten.gelu.default(%x)
    return (%gelu))"));
}

TEST(FuseGelu, TurnsTheTanhFormsIntoGeluWithTanh) {
  const std::string fused = normalised(R"(graph(%x: f32[batch, 8]):
    %gelu = aten.gelu.default(%x, approximate='tanh')
    return (%gelu))");
  EXPECT_EQ(apply(R"(graph(%x: f32[batch, 8]):
    %half = aten.mul.Scalar(%x, 0.5)
    %cube = aten.pow.Tensor_Scalar(%x, 3)
    %small = aten.mul.Scalar(%cube, 0.044715)
    %sum = aten.add.Tensor(%x, %small)
    %inner = aten.mul.Scalar(%sum, 0.7978845608028654)
    %tanh = aten.tanh.default(%inner)
    %outer = aten.add.Scalar(%tanh, 1)
    %y = aten.mul.Tensor(%half, %outer)
    return (%y))")
                .text,
            fused);
  EXPECT_EQ(apply(R"(graph(%x: f32[batch, 8]):
    %half = aten.mul.Scalar(%x, 0.5)
    %scaled = aten.mul.Scalar(%x, 0.7978845608)
    %small = aten.mul.Scalar(%x, 0.044715)
    %square = aten.mul.Tensor(%small, %x)
    %sum = aten.add.Scalar(%square, 1)
    %inner = aten.mul.Tensor(%scaled, %sum)
    %tanh = aten.tanh.default(%inner)
    %outer = aten.add.Scalar(%tanh, 1)
    %y = aten.mul.Tensor(%half, %outer)
    return (%y))")
                .text,
            fused);
}

TEST(FuseGelu, RefusesAnotherFactor) {
  const Outcome outcome = apply(erf_form("f32", "1.5"));
  EXPECT_EQ(outcome.text, normalised(erf_form("f32", "1.5")));
  EXPECT_THAT(outcome.refusals, Contains(HasSubstr("the factor is another one")));
}

TEST(FuseGelu, KeepsAFormWhoseInnerValueIsReadElsewhere) {
  constexpr std::string_view kText = R"(graph(%x: f32[batch, 8]):
    %half = aten.mul.Scalar(%x, 0.5)
    %inner = aten.div.Scalar(%x, 1.4142135623730951)
    %erf = aten.erf.default(%inner)
    %outer = aten.add.Scalar(%erf, 1)
    %y = aten.mul.Tensor(%half, %outer)
    return (%y, %erf))";
  EXPECT_EQ(apply(kText).text, normalised(kText));
}

TEST(FuseGelu, RefusesIntegers) {
  const Outcome outcome = apply(erf_form("i64", "1.4142135623730951"));
  EXPECT_EQ(outcome.text, normalised(erf_form("i64", "1.4142135623730951")));
  EXPECT_THAT(outcome.refusals, Contains(HasSubstr("x is not floating point")));
}

}  // namespace
}  // namespace exformer
