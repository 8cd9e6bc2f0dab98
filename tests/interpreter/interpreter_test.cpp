#include "exformer/interpreter/interpreter.h"

#include <gmock/gmock.h>

#include <cstring>

#include "interpreter/test_programs.h"

namespace exformer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const ExportError& error) {
    return error.what();
  }
  return "";
}

constexpr std::string_view kLinear = R"(graph(%weight: f32[2, 3], %x: f32[batch, 3]):
  %y = aten.linear.default(%x, %weight)
  return (%y))";

LazyTensor linear_weight() { return LazyTensor(floats({2, 3}, {1, 2, 3, 4, 5, 6})); }

TEST(Interpreter, RunsALinearLayerAtAnyBatch) {
  const auto program = make_program(kLinear, {{"weight", linear_weight()}});
  const Interpreter interpreter(*program);
  EXPECT_THAT(values_of(interpreter.run({floats({1, 3}, {1, 0, -1})})[0]), ElementsAre(-2, -2));
  const auto results = interpreter.run({floats({2, 3}, {1, 1, 1, 0, 2, 0})});
  EXPECT_THAT(results[0].sizes(), ElementsAre(2, 2));
  EXPECT_THAT(values_of(results[0]), ElementsAre(6, 15, 4, 10));
}

TEST(Interpreter, GivesTheSameBytesInEveryRun) {
  const auto program = make_program(R"(graph(%x: f32[batch, 4, seq, 16]):
    %a = aten.scaled_dot_product_attention.default(%x, %x, %x, None, 0.0, True)
    %t = aten.transpose.int(%a, 1, 2)
    %r = aten.reshape.default(%t, [batch, seq, 64])
    %n = aten.layer_norm.default(%r, [64])
    return (%n))");
  const Interpreter interpreter(*program);
  const HostTensor x = noise({3, 4, 70, 16});
  const HostTensor first = interpreter.run({x})[0];
  for (int i = 0; i < 5; ++i) {
    const HostTensor again = interpreter.run({x})[0];
    ASSERT_EQ(std::memcmp(first.raw(), again.raw(), first.byte_size()), 0);
  }
}

TEST(Interpreter, ReadsWeightsWhereTheyLie) {
  const HostTensor weight = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto program = make_program(R"(graph(%weight: f32[2, 3]):
    %v = aten.view.default(%weight, [3, 2])
    return (%v))",
                                    {{"weight", LazyTensor(weight)}});
  EXPECT_EQ(Interpreter(*program).run({})[0].raw(), weight.raw());
}

TEST(Interpreter, ConvertsAWeightWhoseDtypeChanges) {
  const HostTensor stored = floats({2, 3}, {1, 2, 3, 4, 5, 6}).to(DType::BFloat16);
  const auto program = make_program(kLinear, {{"weight", LazyTensor(stored, DType::Float32)}});
  EXPECT_THAT(values_of(Interpreter(*program).run({floats({1, 3}, {1, 0, -1})})[0]), ElementsAre(-2, -2));
}

TEST(Interpreter, GivesConstantsAndMissingOutputs) {
  auto program = make_program("graph(%x: f32[batch]):\n return (%x)");
  program->graph->set_outputs(
      {program->graph->inputs()[0], None{}, program->graph->inputs()[0]->meta.sizes[0] * 2, 1.5, true});
  program->outputs.resize(5);
  const auto results = Interpreter(*program).run({floats({3}, {1, 2, 3})});
  EXPECT_FALSE(results[1].defined());
  EXPECT_EQ(results[2].item_int(), 6);
  EXPECT_EQ(results[3].item_double(), 1.5);
  EXPECT_EQ(results[4].item_int(), 1);
}

TEST(Interpreter, LeavesOutMutatedBuffers) {
  auto program = make_program("graph(%x: f32[batch]):\n return (%x, %x)");
  program->outputs[0].kind = OutputSpec::Kind::BufferMutation;
  EXPECT_EQ(Interpreter(*program).run({floats({3}, {1, 2, 3})}).size(), 1U);
}

TEST(Interpreter, NamesTheInputsWhenTheirNumberIsWrong) {
  const auto program = make_program(kLinear, {{"weight", linear_weight()}});
  const Interpreter interpreter(*program);
  EXPECT_EQ(message_of([&] { interpreter.run({}); }), "0 inputs were given, the program takes 1: x");
}

TEST(Interpreter, RefusesAnInputOfWrongRank) {
  const auto program = make_program(kLinear, {{"weight", linear_weight()}});
  EXPECT_EQ(message_of([&] { Interpreter(*program).run({floats({3}, {1, 2, 3})}); }),
            "input 'x' has 1 dims (sizes [3]), expected 2 (sizes [batch, 3])");
}

TEST(Interpreter, RefusesAnInputOfWrongDtype) {
  const auto program = make_program(kLinear, {{"weight", linear_weight()}});
  EXPECT_EQ(message_of([&] { Interpreter(*program).run({HostTensor::zeros(DType::Int64, {1, 3})}); }),
            "input 'x' is int64, expected float32");
}

TEST(Interpreter, RefusesAnInputOfWrongSize) {
  const auto program = make_program(kLinear, {{"weight", linear_weight()}});
  EXPECT_EQ(message_of([&] { Interpreter(*program).run({HostTensor::zeros(DType::Float32, {1, 4})}); }),
            "input 'x' has size 4 in dimension 1 (sizes [1, 4]), expected 3");
}

TEST(Interpreter, RefusesAMissingInput) {
  const auto program = make_program(kLinear, {{"weight", linear_weight()}});
  EXPECT_EQ(message_of([&] { Interpreter(*program).run({HostTensor()}); }),
            "input 'x' is missing; a float32 tensor of sizes [batch, 3] is expected");
}

TEST(Interpreter, RefusesASizeOutsideItsBounds) {
  const auto program = make_program("symbols: seq in [2, 8] by 2\ngraph(%x: f32[seq]):\n return (%x)");
  const Interpreter interpreter(*program);
  EXPECT_EQ(interpreter.run({HostTensor::zeros(DType::Float32, {8})}).size(), 1U);
  EXPECT_EQ(message_of([&] { interpreter.run({HostTensor::zeros(DType::Float32, {9})}); }),
            "input 'x' has size 9 in dimension 0 (sizes [9]), allowed is seq in [2, 8] and a multiple of 2");
  EXPECT_THAT(message_of([&] { interpreter.run({HostTensor::zeros(DType::Float32, {5})}); }),
              HasSubstr("multiple of 2"));
}

TEST(Interpreter, RefusesSizesThatDisagree) {
  const auto program = make_program("graph(%x: f32[seq], %y: f32[seq]):\n return (%x, %y)");
  EXPECT_EQ(
      message_of([&] {
        Interpreter(*program).run({HostTensor::zeros(DType::Float32, {3}), HostTensor::zeros(DType::Float32, {4})});
      }),
      "input 'y' has size 4 in dimension 0 (sizes [4]), expected seq (3 here)");
}

TEST(Interpreter, FindsASymbolInsideAnExpression) {
  const auto program = make_program(R"(graph(%x: f32[seq], %mask: f32[past + seq]):
    %c = aten.cat.default([%x, %mask])
    %s = aten.slice.Tensor(%c, 0, 0, past)
    return (%s))");
  const Interpreter interpreter(*program);
  EXPECT_THAT(interpreter.run({noise({3}), noise({5})})[0].sizes(), ElementsAre(2));
  EXPECT_THAT(message_of([&] { interpreter.run({noise({3}), noise({2})}); }), HasSubstr("allowed is at least"));
}

TEST(Interpreter, NamesTheNodeAtWhichAKernelFails) {
  const auto program = make_program(R"(graph(%table: f32[4, 2], %ids: i64[n]):
    %e = aten.embedding.default(%table, %ids)
    return (%e))");
  program->graph->nodes().front()->module_path = "model.embed_tokens";
  const Interpreter interpreter(*program);
  EXPECT_THAT(
      message_of([&] { interpreter.run({noise({4, 2}), HostTensor::scalar_int(DType::Int64, 7).reshaped({1})}); }),
      testing::AllOf(HasSubstr("model.embed_tokens > aten::embedding"),
                     HasSubstr("index 7 is outside the table of 4 rows")));
}

TEST(Interpreter, RefusesAProgramWithoutItsWeights) {
  auto program = make_program(kLinear, {{"weight", linear_weight()}});
  program->state_dict.clear();
  EXPECT_EQ(message_of([&] { const Interpreter interpreter(*program); }), "the program has no data for 'weight'");
}

TEST(Interpreter, RefusesAnOpWithoutAKernel) {
  OpRegistry ops;
  ops.declare({.schema = "test::mystery(Tensor self) -> Tensor",
               .infer = [](const MetaArgs& args) { return std::vector<OutputMeta>{*args.tensor("self")}; }});
  auto program = std::make_unique<ExportedProgram>();
  program->graph = parse_graph("graph(%x: f32[n]):\n %y = test.mystery.default(%x)\n return (%y)", ops);
  program->inputs.push_back({InputSpec::Kind::UserInput, program->graph->inputs()[0], "x"});
  EXPECT_EQ(message_of([&] { const Interpreter interpreter(*program, ops); }),
            "the program cannot be run: no kernel for test::mystery");
}

TEST(Interpreter, ChecksAssertionsAboutSizesAndData) {
  const auto program = make_program(R"(graph(%x: f32[rows, 2], %ok: bool[]):
    aten._assert_scalar.default(max(0, rows - 2), 'at least three rows')
    aten._assert_async.msg(%ok, 'not ok')
    aten._assert_tensor_metadata.default(%x, [rows, 2], None, f32)
    return (%x))");
  const Interpreter interpreter(*program);
  const auto flag = [](int64_t value) { return HostTensor::scalar_int(DType::Bool, value); };
  const HostTensor two = floats({2, 2}, {1, 2, 3, 4}), three = floats({3, 2}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(interpreter.run({three, flag(1)})[0].size(0), 3);
  EXPECT_THAT(message_of([&] { interpreter.run({two, flag(1)}); }), HasSubstr("at least three rows"));
  EXPECT_THAT(message_of([&] { interpreter.run({three, flag(0)}); }), HasSubstr("not ok"));
}

TEST(Interpreter, TakesSizesFromData) {
  const auto program = make_program(R"(graph(%x: f32[n], %length: i64[]):
    %found = aten.nonzero.default(%x)
    %count = aten.item.default(%length)
    aten._assert_scalar.default(max(0, u1 + 1), 'a length')
    %ones = aten.full.default([u1], 1.0)
    %rows = aten.new_zeros.default(%x, [u0, 2])
    return (%found, %ones, %rows))");
  const Interpreter interpreter(*program);
  const auto results = interpreter.run({floats({4}, {0, 1, 0, 2}), HostTensor::scalar_int(DType::Int64, 5)});
  EXPECT_THAT(results[0].sizes(), ElementsAre(2, 1));
  EXPECT_THAT(results[1].sizes(), ElementsAre(5));
  EXPECT_THAT(results[2].sizes(), ElementsAre(2, 2));
  EXPECT_THAT(message_of([&] { interpreter.run({floats({1}, {0}), HostTensor::scalar_int(DType::Int64, -1)}); }),
              HasSubstr("a length"));
}

}  // namespace
}  // namespace exformer
