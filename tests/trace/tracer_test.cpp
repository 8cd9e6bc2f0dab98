// How calls on traced tensors become graphs; values, sizes and strides are compared with torch in
// tests/conformance/test_traced_programs.py.
#include "exformer/trace/tracer.h"

#include <gmock/gmock.h>

#include "exformer/ir/text.h"
#include "exformer/ir/verifier.h"
#include "exformer/ops/functional_form.h"
#include "exformer/ops/text_parser.h"

namespace exformer {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

/// What the text reads as when it is printed again.
std::string normalised(std::string_view text) { return to_text(*parse_graph(text)); }

/// A tracer over a graph with inputs of the given metas, named a, b, ...
struct Fixture {
  explicit Fixture(const std::vector<TensorMeta>& metas) {
    for (const TensorMeta& meta : metas)
      inputs.push_back(tracer.wrap(graph.add_input(std::string(1, static_cast<char>('a' + inputs.size())), meta)));
  }
  /// The graph that returns these tensors.
  std::string text_of(const std::vector<Tensor>& tensors) {
    std::vector<Argument> outputs;
    for (const Tensor& tensor : tensors) outputs.emplace_back(tensor.value());
    graph.set_outputs(std::move(outputs));
    EXPECT_THAT(verify(graph), IsEmpty());
    return to_text(graph);
  }
  Graph graph;
  Tracer tracer{graph};
  std::vector<Tensor> inputs;
};

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const ExportError& error) {
    return error.what();
  }
  return "";
}

TEST(Tracer, RecordsACallWithItsDefaultsAndModulePath) {
  Fixture f({contiguous_meta(DType::Float32, {2, 3})});
  const Tracer::ModuleScope scope(f.tracer, "model.mlp");
  const Tensor y = call("aten::gelu", {f.inputs[0]}, {{"approximate", "tanh"}});
  EXPECT_EQ(f.text_of({y}), normalised(R"(graph(%a: f32[2, 3]):
    %gelu = aten.gelu.default(%a, approximate='tanh')
    return (%gelu))"));
  EXPECT_EQ(y.value()->producer()->module_path, "model.mlp");
}

TEST(Tracer, AWriteToATensorIsFunctionalInTheGraph) {
  Fixture f({contiguous_meta(DType::Float32, {2, 3})});
  const Tensor x = f.inputs[0];
  call("aten::add_.Scalar", {x, 1.0});
  EXPECT_EQ(f.text_of({x}), normalised(R"(graph(%a: f32[2, 3]):
    %add = aten.add.Scalar(%a, 1.0)
    return (%add))"));
}

TEST(Tracer, AWriteThroughAViewReachesItsBase) {
  Fixture f({contiguous_meta(DType::Float32, {4, 3})});
  const Tensor x = f.inputs[0];
  call("aten::zero_", {x.slice(0, 1, 3).transpose(0, 1)});
  EXPECT_EQ(f.text_of({x}), normalised(R"(graph(%a: f32[4, 3]):
    %slice = aten.slice.Tensor(%a, 0, 1, 3)
    %transpose = aten.transpose.int(%slice, 0, 1)
    %zero = aten.zero.default(%transpose)
    %slice_1 = aten.slice.Tensor(%a, 0, 1, 3)
    %transpose_1 = aten.transpose.int(%zero, 0, 1)
    %slice_scatter = aten.slice_scatter.default(%a, %transpose_1, 0, 1, 3)
    return (%slice_scatter))"));
}

TEST(Tracer, AViewIsReadAgainOnlyAfterAWriteToItsBase) {
  Fixture f({contiguous_meta(DType::Float32, {4, 3})});
  const Tensor x = f.inputs[0], row = x.select(0, 0);
  const Value* before = row.value();
  EXPECT_EQ(row.value(), before);
  call("aten::neg_", {x});
  EXPECT_NE(row.value(), before);
  EXPECT_EQ(f.text_of({row}), normalised(R"(graph(%a: f32[4, 3]):
    %select = aten.select.int(%a, 0, 0)
    %neg = aten.neg.default(%a)
    %select_1 = aten.select.int(%neg, 0, 0)
    return (%select_1))"));
}

TEST(Tracer, AWriteInAWiderDtypeIsCastBack) {
  Fixture f({contiguous_meta(DType::Float32, {2}), contiguous_meta(DType::Float64, {2})});
  call("aten::add_.Tensor", {f.inputs[0], f.inputs[1]});
  EXPECT_EQ(f.inputs[0].dtype(), DType::Float32);
}

TEST(Tracer, ATransposedTensorKeepsItsLayoutWhenItIsWritten) {
  Fixture f({TensorMeta{DType::Float32, {3, 4}, {1, 3}}, contiguous_meta(DType::Float32, {3, 4})});
  call("aten::copy_", {f.inputs[0], f.inputs[1]});
  EXPECT_EQ(f.inputs[0].value()->meta.strides, (std::vector<SymInt>{1, 3}));
  const Tensor flat = f.inputs[0].transpose(0, 1).view({12});
  call("aten::reciprocal_", {flat});
  EXPECT_EQ(f.inputs[0].value()->meta.strides, (std::vector<SymInt>{1, 3}));
}

TEST(Tracer, GeometryOpsChangeTheTensorItself) {
  Fixture f({contiguous_meta(DType::Float32, {2, 1, 3})});
  const Tensor view = f.inputs[0].view({2, 1, 3});
  call("aten::squeeze_.dim", {view, 1});
  call("aten::t_", {view});
  EXPECT_EQ(view.sizes(), (std::vector<SymInt>{3, 2}));
  EXPECT_EQ(f.inputs[0].sizes(), (std::vector<SymInt>{2, 1, 3}));
}

TEST(Tracer, MutatedInputsAreThoseWhoseMemoryWasWritten) {
  Fixture f({contiguous_meta(DType::Float32, {4}), contiguous_meta(DType::Float32, {4})});
  // Written through a view that outlives the input's own handle.
  const Tensor view = f.inputs[1].slice(0, 0, 2);
  f.inputs.clear();
  call("aten::zero_", {view});
  const auto mutated = f.tracer.mutated_inputs();
  ASSERT_EQ(mutated.size(), 1U);
  EXPECT_EQ(mutated[0].first->name, "b");
  EXPECT_EQ(mutated[0].second->producer()->op(), "aten::slice_scatter");
}

TEST(Tracer, RefusesWritesThatTorchRefuses) {
  Fixture f({contiguous_meta(DType::Float32, {3, 1}), contiguous_meta(DType::Int64, {3, 1})});
  const Tensor x = f.inputs[0], n = f.inputs[1];
  const Tracer::ModuleScope scope(f.tracer, "model.norm");
  const Tensor wide = x.expand({3, 4});
  EXPECT_THAT(message_of([&] { call("aten::add_.Scalar", {wide, 1.0}); }),
              HasSubstr("model.norm > aten::add_.Scalar: elements of the tensor that is written share memory"));
  EXPECT_THAT(message_of([&] { call("aten::add_.Tensor", {n, x}); }),
              HasSubstr("model.norm > aten::add_.Tensor: a result of dtype float32 cannot be written to int64"));
  EXPECT_THAT(message_of([&] { call("aten::add_.Tensor", {x, wide}); }),
              HasSubstr("a result of sizes [3, 4] cannot be written to [3, 1]"));
}

TEST(Tracer, KnowsWhatIsMadeOfConstants) {
  Fixture f({contiguous_meta(DType::Int64, {3})});
  const Tensor ends = f.tracer.arange(4).cumsum(0);
  EXPECT_EQ(f.tracer.item(ends.select(0, 3)), SymInt(6));
  EXPECT_TRUE(f.tracer.constant_value(ends).has_value());
  EXPECT_FALSE(f.tracer.constant_value(f.inputs[0]).has_value());
  EXPECT_FALSE(f.tracer.constant_value(ends.slice(0, 0, 3) + f.inputs[0]).has_value());
}

TEST(Tracer, ANumberThatDataDefineIsASymbol) {
  Fixture f({contiguous_meta(DType::Int64, {3})});
  const SymInt length = f.tracer.item(f.inputs[0].select(0, 0));
  f.tracer.check(sym_max(0, length + 1), "length must not be negative");
  EXPECT_EQ(f.text_of({f.tracer.full({length}, 1.0, DType::Float32)}),
            R"(symbols: u0 in [-9223372036854775808, inf] unbacked
graph(%a: i64[3]):
  %select: i64[] = aten.select.int(%a, 0, 0)
  %item: int = u0 = aten.item.default(%select)
  aten._assert_scalar.default(max(0, u0 + 1), 'length must not be negative')
  %full: f32[u0] = aten.full.default([u0], 1.0, dtype=f32)
  return (%full)
)");
}

TEST(Tracer, OneMaskHasOneCount) {
  Fixture f({contiguous_meta(DType::Float32, {3, 4}), contiguous_meta(DType::Float32, {3, 4}),
             contiguous_meta(DType::Bool, {3, 4})});
  const auto picked = [&](size_t i) {
    return call("aten::index.Tensor", {f.inputs[i], std::vector<Tensor>{f.inputs[2]}});
  };
  const Tensor sum = picked(0) + picked(1);
  call("aten::index_put_", {f.inputs[0], std::vector<Tensor>{f.inputs[2]}, sum});
  EXPECT_EQ(sum.size(0), f.tracer.call("aten::nonzero", {f.inputs[2]}).size(0));
  EXPECT_EQ(bounds(sum.size(0)).min, 0);
  EXPECT_EQ(bounds(sum.size(0)).max, 12);
  EXPECT_EQ(f.graph.symbols().symbols().size(), 1U);
}

TEST(Tracer, AConditionThatFailsIsAnErrorAtOnce) {
  Fixture f({contiguous_meta(DType::Float32, {3, 4})});
  const Tracer::ModuleScope scope(f.tracer, "model");
  f.tracer.check(1, "holds");
  EXPECT_EQ(f.graph.node_count(), 0U);
  EXPECT_THAT(message_of([&] { f.tracer.check(0, "sizes differ"); }),
              HasSubstr("model > aten::_assert_scalar: sizes differ"));
}

TEST(FunctionalForm, IsFoundForEveryInPlaceOp) {
  const OpRegistry& ops = OpRegistry::standard();
  for (const auto& op : ops.ops()) {
    if (!has_tag(op->tags, Tag::Inplace)) continue;
    EXPECT_NE(functional_form(ops, *op), nullptr) << op->schema.name;
  }
}

TEST(FunctionalForm, GoesByTheArgumentsWhereNamesOfOverloadsDiffer) {
  const OpRegistry& ops = OpRegistry::standard();
  const auto form_of = [&](std::string_view name) { return functional_form(ops, ops.get(name))->schema.name; };
  EXPECT_EQ(form_of("aten::pow_.Scalar"), "aten::pow.Tensor_Scalar");
  EXPECT_EQ(form_of("aten::pow_.Tensor"), "aten::pow.Tensor_Tensor");
  EXPECT_EQ(form_of("aten::floor_divide_.Tensor"), "aten::floor_divide");
  EXPECT_EQ(form_of("aten::floor_divide_.Scalar"), "aten::floor_divide.Scalar");
  EXPECT_EQ(form_of("aten::dropout_"), "aten::dropout");
  EXPECT_EQ(form_of("aten::transpose_"), "aten::transpose.int");
  EXPECT_EQ(form_of("aten::add_.Tensor"), "aten::add.Tensor");
}

}  // namespace
}  // namespace exformer
