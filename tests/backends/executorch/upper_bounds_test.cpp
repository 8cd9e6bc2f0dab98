#include "exformer/backends/executorch/upper_bounds.h"

#include <gmock/gmock.h>

#include "exformer/base/error.h"
#include "exformer/ops/text_parser.h"

namespace exformer::executorch {
namespace {

using testing::HasSubstr;

TEST(UpperBounds, HoldForExpressions) {
  SymContext symbols;
  const SymInt batch = symbols.symbol({.name = "batch"}), length = symbols.symbol({.name = "length", .max = 100});
  const UpperBounds bounds(symbols, {{"batch", 3}});
  EXPECT_EQ(bounds.of(batch), 3);
  EXPECT_EQ(bounds.of(length), 100);
  EXPECT_EQ(bounds.of(batch * length + 1), 301);
  EXPECT_EQ(bounds.of(sym_min(length, 7)), 7);
  EXPECT_EQ(bounds.of(floordiv(length, 8)), 12);
  EXPECT_EQ(bounds.element_count({batch, length, 2}), 600U);
  EXPECT_EQ(bounds.text(), "batch <= 3, length <= 100");
}

TEST(UpperBounds, DoNotRaiseASymbolsOwn) {
  SymContext symbols;
  const SymInt length = symbols.symbol({.name = "length", .max = 64});
  EXPECT_EQ(UpperBounds(symbols, {{"length", 512}}).of(length), 64);
}

TEST(UpperBounds, RefuseSizesWithoutOne) {
  SymContext symbols;
  const SymInt frames = symbols.symbol({.name = "frames"});
  const UpperBounds bounds(symbols, {});  // one that no tensor has needs none
  try {
    bounds.of(frames * 2);
    FAIL();
  } catch (const ExportError& error) {
    EXPECT_EQ(error.kind(), ErrorKind::Unsupported);
    EXPECT_THAT(error.what(), HasSubstr("2*frames has no upper bound"));
  }
}

TEST(UpperBounds, OfWhatIsSelectedAreThoseOfTheMask) {
  const auto graph = parse_graph(R"(graph(%mask: bool[b, s], %x: f32[b, s, 4]):
    %0 = aten.nonzero.default(%mask)
    %1 = aten.index.Tensor(%x, [%mask])
    return (%0, %1))");
  const std::vector<DataBound> data = data_bounds(*graph);
  ASSERT_EQ(data.size(), 1U);
  const UpperBounds bounds(graph->symbols(), {{"b", 3}, {"s", 5}}, data);
  EXPECT_EQ(bounds.limits().at("u0"), 15);
}

TEST(UpperBounds, RefuseLimitsBelowTheSmallestSize) {
  SymContext symbols;
  symbols.symbol({.name = "length", .min = 4});
  EXPECT_THROW(UpperBounds(symbols, {{"length", 3}}), ExportError);
}

}  // namespace
}  // namespace exformer::executorch
