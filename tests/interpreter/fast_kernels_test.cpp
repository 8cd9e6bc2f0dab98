// The kernels by oneDNN against the plain reference kernels of ops/ (which are tested against torch).
#include <gmock/gmock.h>

#include "exformer/interpreter/interpreter.h"
#include "exformer/ops/builder.h"
#include "exformer/ops/matmul_kernels.h"
#include "exformer/ops/registry.h"
#include "interpreter/test_programs.h"

namespace exformer {
namespace {

struct Case {
  const char* name;
  const char* graph;  // one node; %a, %b, ... are its inputs
  std::vector<std::vector<int64_t>> sizes;
  DType dtype = DType::Float32;
  float tolerance = 2e-5F;
  bool swap_last = false;  // inputs are stored with their last two dims swapped
};

class FastKernel : public testing::TestWithParam<Case> {};

TEST_P(FastKernel, AgreesWithTheReference) {
  const Case& row = GetParam();
  std::vector<HostTensor> inputs;
  for (size_t i = 0; i < row.sizes.size(); ++i) {
    std::vector<int64_t> sizes = row.sizes[i];
    const bool swap = row.swap_last && sizes.size() >= 2;
    if (swap) std::swap(sizes[sizes.size() - 1], sizes[sizes.size() - 2]);
    HostTensor tensor = noise(sizes, static_cast<uint32_t>(i + 1)).to(row.dtype);
    inputs.push_back(swap ? transposed(tensor, -1, -2) : tensor);
  }
  const auto program = make_program(row.graph);
  const HostTensor fast = Interpreter(*program).run(inputs)[0];
  const Node& node = *program->graph->nodes().front();
  std::vector<BasicArgument<HostTensor>> arguments;
  for (const Argument& argument : node.arguments()) {
    arguments.push_back(
        map_tensors<HostTensor>(argument, [&](Value* value) { return value ? inputs[value->index()] : HostTensor(); }));
  }
  const HostTensor expected = run_kernel(OpRegistry::standard().get(node), arguments)[0];
  ASSERT_EQ(fast.sizes(), expected.sizes());
  ASSERT_EQ(fast.dtype(), expected.dtype());
  EXPECT_THAT(values_of(fast), testing::Pointwise(testing::FloatNear(row.tolerance), values_of(expected)));
}

constexpr const char* kLinear =
    "graph(%a: f32[m, 48], %b: f32[40, 48], %c: f32[40]):\n %y = aten.linear.default(%a, %b, %c)\n return (%y)";
constexpr const char* kLinearHalf =
    "graph(%a: f16[m, 48], %b: f16[300, 48], %c: f16[300]):\n %y = aten.linear.default(%a, %b, %c)\n return (%y)";
constexpr const char* kLinearBrain =
    "graph(%a: bf16[m, 48], %b: bf16[300, 48], %c: bf16[300]):\n %y = aten.linear.default(%a, %b, %c)\n return (%y)";
constexpr const char* kMatmul =
    "graph(%a: f32[m, 2, 7, 12], %b: f32[m, 1, 12, 9]):\n %y = aten.matmul.default(%a, %b)\n return (%y)";
constexpr const char* kFold =
    "graph(%a: f32[m, 2, 7, 12], %b: f32[12, 9]):\n %y = aten.matmul.default(%a, %b)\n return (%y)";
constexpr const char* kBmm =
    "graph(%a: f32[m, 7, 12], %b: f32[m, 12, 9]):\n %y = aten.bmm.default(%a, %b)\n return (%y)";
constexpr const char* kAddmm =
    "graph(%a: f32[9], %b: f32[m, 12], %c: f32[12, 9]):\n %y = aten.addmm.default(%a, %b, %c)\n return (%y)";
constexpr const char* kAttention =
    "graph(%a: f32[m, 4, 70, 16], %b: f32[m, 4, 9, 16], %c: f32[m, 4, 9, 16]):\n %y = "
    "aten.scaled_dot_product_attention.default(%a, %b, %c)\n return (%y)";
constexpr const char* kCausal =
    "graph(%a: f32[m, 4, 70, 16], %b: f32[m, 4, 80, 16], %c: f32[m, 4, 80, 8]):\n"
    " %y = aten.scaled_dot_product_attention.default(%a, %b, %c, None, 0.0, True, scale=0.3)\n return (%y)";
constexpr const char* kGrouped =
    "graph(%a: f32[m, 4, 5, 16], %b: f32[m, 2, 9, 16], %c: f32[m, 2, 9, 16], %d: f32[m, 1, 5, 9]):\n"
    " %y = aten.scaled_dot_product_attention.default(%a, %b, %c, %d, enable_gqa=True)\n return (%y)";
constexpr const char* kAttentionHalf =
    "graph(%a: f16[m, 4, 5, 16], %b: f16[m, 4, 9, 16], %c: f16[m, 4, 9, 16]):\n %y = "
    "aten.scaled_dot_product_attention.default(%a, %b, %c)\n return (%y)";
constexpr const char* kConv2d =
    "graph(%a: f32[m, 4, 9, 10], %b: f32[6, 2, 3, 3], %c: f32[6]):\n %y = aten.conv2d.default(%a, %b, %c, [2, 1], [1, "
    "2], [1, 2], 2)\n return (%y)";
constexpr const char* kPatches =
    "graph(%a: f32[m, 3, 32, 32], %b: f32[24, 3, 16, 16], %c: f32[24]):\n %y = aten.conv2d.default(%a, %b, %c, [16, "
    "16])\n return (%y)";
constexpr const char* kConv1d =
    "graph(%a: f32[m, 4, 30], %b: f32[6, 4, 3]):\n %y = aten.conv1d.default(%a, %b, None, [2], [1])\n return (%y)";

INSTANTIATE_TEST_SUITE_P(
    Ops, FastKernel,
    testing::Values(
        Case{"Linear", kLinear, {{5, 48}, {40, 48}, {40}}}, Case{"LinearOneRow", kLinear, {{1, 48}, {40, 48}, {40}}},
        Case{"LinearBrainOneRow", kLinearBrain, {{1, 48}, {300, 48}, {300}}, DType::BFloat16, 1e-1F},
        Case{"LinearSwapped", kLinear, {{5, 48}, {40, 48}, {40}}, DType::Float32, 2e-5F, true},
        Case{"LinearHalf", kLinearHalf, {{5, 48}, {300, 48}, {300}}, DType::Float16, 2e-2F},
        Case{"LinearBrain", kLinearBrain, {{5, 48}, {300, 48}, {300}}, DType::BFloat16, 1e-1F},
        Case{"MatmulBroadcast", kMatmul, {{3, 2, 7, 12}, {3, 1, 12, 9}}},
        Case{"MatmulSwapped", kMatmul, {{3, 2, 7, 12}, {3, 1, 12, 9}}, DType::Float32, 2e-5F, true},
        Case{"MatmulFolded", kFold, {{3, 2, 7, 12}, {12, 9}}}, Case{"Bmm", kBmm, {{3, 7, 12}, {3, 12, 9}}},
        Case{"Addmm", kAddmm, {{9}, {4, 12}, {12, 9}}},
        Case{"Attention", kAttention, {{2, 4, 70, 16}, {2, 4, 9, 16}, {2, 4, 9, 16}}},
        Case{"AttentionSwapped",
             kAttention,
             {{2, 4, 70, 16}, {2, 4, 9, 16}, {2, 4, 9, 16}},
             DType::Float32,
             2e-5F,
             true},
        Case{"CausalAttention", kCausal, {{2, 4, 70, 16}, {2, 4, 80, 16}, {2, 4, 80, 8}}},
        Case{"GroupedAttention", kGrouped, {{2, 4, 5, 16}, {2, 2, 9, 16}, {2, 2, 9, 16}, {2, 1, 5, 9}}},
        Case{"AttentionHalf", kAttentionHalf, {{2, 4, 5, 16}, {2, 4, 9, 16}, {2, 4, 9, 16}}, DType::Float16, 2e-3F},
        Case{"Conv2d", kConv2d, {{2, 4, 9, 10}, {6, 2, 3, 3}, {6}}},
        Case{"Patches", kPatches, {{2, 3, 32, 32}, {24, 3, 16, 16}, {24}}, DType::Float32, 1e-4F},
        Case{"Conv1d", kConv1d, {{2, 4, 30}, {6, 4, 3}}}),
    [](const testing::TestParamInfo<Case>& info) { return std::string(info.param.name); });

TEST(FastAttention, GivesZeroForARowMaskedEverywhere) {
  const auto program = make_program(
      "graph(%q: f32[1, 1, 2, 4], %m: bool[1, 1, 2, 2]):\n %y = aten.scaled_dot_product_attention.default(%q, %q, %q, "
      "%m)\n return (%y)");
  const HostTensor mask = HostTensor::from(DType::Bool, {1, 1, 2, 2}, std::vector<uint8_t>{0, 0, 1, 0});
  const HostTensor query = floats({1, 1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_THAT(values_of(Interpreter(*program).run({query, mask})[0]), testing::ElementsAre(0, 0, 0, 0, 1, 2, 3, 4));
}

}  // namespace
}  // namespace exformer
