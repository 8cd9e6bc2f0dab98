// Masks as tables of ones and zeros: rows are queries, columns keys.
#include "exformer/nn/mask.h"

#include <gmock/gmock.h>

#include "exformer/interpreter/interpreter.h"

namespace exformer {
namespace {

using testing::ElementsAreArray;

struct Fixture {
  Tensor input(std::string_view name, std::vector<SymInt> sizes) {
    Value* value = program.graph->add_input(name, contiguous_meta(DType::Int64, std::move(sizes)));
    program.inputs.push_back({.kind = InputSpec::Kind::UserInput, .value = value, .target = std::string(name)});
    return tracer.wrap(value);
  }
  SymInt size(const char* name) { return program.graph->symbols().symbol({.name = name, .min = 0}); }

  HostTensor run(const Tensor& mask, const std::vector<HostTensor>& inputs) {
    program.graph->set_outputs({mask.value()});
    program.outputs = {{.kind = OutputSpec::Kind::UserOutput}};
    return Interpreter(program).run(inputs)[0];
  }
  std::vector<int> table(const Tensor& mask, const std::vector<HostTensor>& inputs) {
    const HostTensor values = run(mask, inputs);
    std::vector<int> result;
    const HostTensor flat = values.reshaped({values.element_count()});
    for (int64_t i = 0; i < flat.element_count(); ++i) result.push_back(flat.item_int(i) != 0 ? 1 : 0);
    return result;
  }

  ExportedProgram program;
  Tracer tracer{*program.graph};
};

HostTensor integers(std::vector<int64_t> sizes, const std::vector<int64_t>& values) {
  return HostTensor::from(DType::Int64, std::move(sizes), values);
}

TEST(AttentionMask, IsNothingWhereAllIsAllowed) {
  Fixture f;
  EXPECT_FALSE(make_attention_mask(f.tracer, AttentionImplementation::Sdpa,
                                   {.causal = false, .query_length = 3, .key_length = 3})
                   .defined());
}

TEST(AttentionMask, CausalQueriesSeeWhatStandsBeforeThem) {
  Fixture f;
  const Tensor ids = f.input("ids", {1, f.size("sequence")});
  const Tensor mask = make_attention_mask(f.tracer, AttentionImplementation::Sdpa,
                                          {.query_length = ids.size(1), .key_length = ids.size(1)});
  EXPECT_THAT(f.table(mask, {integers({1, 3}, {1, 1, 1})}), ElementsAreArray({1, 0, 0, 1, 1, 0, 1, 1, 1}));
  EXPECT_THAT(f.table(mask, {integers({1, 1}, {1})}), ElementsAreArray({1}));
}

TEST(AttentionMask, QueriesStandBehindThePast) {
  Fixture f;
  const Tensor ids = f.input("ids", {1, f.size("sequence")});
  const Tensor past = f.input("past", {f.size("past")});
  const Tensor mask = make_attention_mask(
      f.tracer, AttentionImplementation::Sdpa,
      {.query_length = ids.size(1), .key_length = past.size(0) + ids.size(1), .query_offset = past.size(0)});
  EXPECT_THAT(f.table(mask, {integers({1, 2}, {1, 1}), integers({2}, {0, 0})}),
              ElementsAreArray({1, 1, 1, 0, 1, 1, 1, 1}));
  EXPECT_THAT(f.table(mask, {integers({1, 2}, {1, 1}), integers({0}, {})}), ElementsAreArray({1, 0, 1, 1}));
}

TEST(AttentionMask, SlidingWindowCountsTheQueryItself) {
  Fixture f;
  const Tensor ids = f.input("ids", {1, f.size("sequence")});
  const Tensor mask =
      make_attention_mask(f.tracer, AttentionImplementation::Sdpa,
                          {.sliding_window = 2, .query_length = ids.size(1), .key_length = ids.size(1)});
  EXPECT_THAT(f.table(mask, {integers({1, 4}, {1, 1, 1, 1})}),
              ElementsAreArray({1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1}));
}

TEST(AttentionMask, BidirectionalWindowReachesBothWays) {
  Fixture f;
  const Tensor ids = f.input("ids", {1, f.size("sequence")});
  const Tensor mask = make_attention_mask(
      f.tracer, AttentionImplementation::Sdpa,
      {.causal = false, .sliding_window = 1, .query_length = ids.size(1), .key_length = ids.size(1)});
  EXPECT_THAT(f.table(mask, {integers({1, 3}, {1, 1, 1})}), ElementsAreArray({1, 1, 0, 1, 1, 1, 0, 1, 1}));
}

TEST(AttentionMask, PaddingIsHiddenFromEveryQuery) {
  Fixture f;
  const SymInt batch = f.size("batch"), length = f.size("sequence");
  const Tensor padding = f.input("padding", {batch, length});
  const Tensor mask = make_attention_mask(f.tracer, AttentionImplementation::Sdpa,
                                          {.query_length = length, .key_length = length, .padding_mask = padding});
  EXPECT_THAT(f.table(mask, {integers({2, 2}, {1, 1, 0, 1})}), ElementsAreArray({1, 0, 1, 1, 0, 0, 0, 1}));
}

TEST(AttentionMask, PackedSequencesDoNotSeeEachOther) {
  Fixture f;
  const SymInt length = f.size("sequence");
  const Tensor positions = f.input("positions", {1, length});
  const Tensor mask = make_attention_mask(f.tracer, AttentionImplementation::Sdpa,
                                          {.query_length = length, .key_length = length, .position_ids = positions});
  EXPECT_THAT(f.table(mask, {integers({1, 4}, {0, 1, 0, 1})}),
              ElementsAreArray({1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1}));
}

TEST(AttentionMask, EagerAttentionAddsTheLowestNumber) {
  Fixture f;
  const Tensor ids = f.input("ids", {1, f.size("sequence")});
  const Tensor mask =
      make_attention_mask(f.tracer, AttentionImplementation::Eager,
                          {.query_length = ids.size(1), .key_length = ids.size(1), .dtype = DType::Float16});
  const HostTensor values = f.run(mask, {integers({1, 2}, {1, 1})});
  EXPECT_EQ(values.dtype(), DType::Float16);
  const HostTensor wide = values.to(DType::Float32).contiguous();
  EXPECT_THAT(std::vector<float>(wide.data<float>(), wide.data<float>() + 4),
              ElementsAreArray({0.F, -65504.F, 0.F, 0.F}));
}

TEST(AttentionMask, AFullMaskIsTakenAsItIs) {
  Fixture f;
  const Tensor full = f.input("full", {1, 1, 2, 2});
  EXPECT_EQ(make_attention_mask(f.tracer, AttentionImplementation::Sdpa, {.padding_mask = full}), full);
}

}  // namespace
}  // namespace exformer
