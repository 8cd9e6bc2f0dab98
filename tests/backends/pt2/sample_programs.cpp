#include "sample_programs.h"

#include <limits>
#include <utility>

namespace exformer::testing {
namespace {

std::vector<OutputMeta> no_rule(const MetaArgs&) { fail("the samples state their types"); }

class Sample {
 public:
  explicit Sample(ExportedProgram& program) : program_(program) {}

  SymInt size(const std::string& name, int64_t hint, int64_t max = kUnbounded) {
    return program_.graph->symbols().symbol({.name = name, .max = max, .hint = hint});
  }

  Value* weight(InputSpec::Kind kind, const std::string& target, const HostTensor& data, bool persistent = true) {
    std::vector<SymInt> sizes(data.sizes().begin(), data.sizes().end());
    std::string name = kind == InputSpec::Kind::Parameter ? "p_" : kind == InputSpec::Kind::Buffer ? "b_" : "c_";
    for (const char c : target) name.push_back(c == '.' ? '_' : c);
    Value* value = program_.graph->add_input(name, contiguous_meta(data.dtype(), sizes));
    program_.inputs.push_back({kind, value, target, persistent});
    const bool in_state = kind == InputSpec::Kind::Parameter || (kind == InputSpec::Kind::Buffer && persistent);
    (in_state ? program_.state_dict : program_.constants).emplace(target, LazyTensor(data));
    return value;
  }

  Value* input(const std::string& name, OutputMeta meta) {
    Value* value = program_.graph->add_input(name, std::move(meta));
    program_.inputs.push_back({InputSpec::Kind::UserInput, value, name});
    return value;
  }

  /// Arguments one per schema argument; None stands for a default.
  std::vector<Value*> calls(const std::string& op, std::vector<Argument> arguments, std::vector<OutputMeta> metas) {
    const Op& found = sample_ops().get(op);
    for (size_t i = arguments.size(); i < found.schema.arguments.size(); ++i) arguments.emplace_back();
    for (size_t i = 0; i < arguments.size(); ++i) {
      const SchemaArgument& formal = found.schema.arguments[i];
      if (arguments[i].is_none() && formal.has_default) {
        arguments[i] = map_tensors<Value*>(formal.default_value, [](std::nullptr_t) -> Value* { return nullptr; });
      }
    }
    return program_.graph->create_node(found.schema, std::move(arguments), std::move(metas))->outputs();
  }
  Value* call(const std::string& op, std::vector<Argument> arguments, TensorMeta meta) {
    return calls(op, std::move(arguments), {OutputMeta(std::move(meta))})[0];
  }

 private:
  ExportedProgram& program_;
};

TensorMeta f32(std::vector<SymInt> sizes) { return contiguous_meta(DType::Float32, std::move(sizes)); }
TensorMeta i64(std::vector<SymInt> sizes) { return contiguous_meta(DType::Int64, std::move(sizes)); }

}  // namespace

const OpRegistry& sample_ops() {
  static const OpRegistry kOps = [] {
    OpRegistry ops;
    for (const char* schema : {
             "aten::linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor",
             "aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor",
             "aten::mul.Tensor(Tensor self, Tensor other) -> Tensor",
             "aten::mul.Scalar(Tensor self, Scalar other) -> Tensor",
             "aten::arange(Scalar end, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? "
             "pin_memory=None) -> Tensor",
             "aten::sum(Tensor self, *, ScalarType? dtype=None) -> Tensor",
             "aten::masked_fill.Scalar(Tensor self, Tensor mask, Scalar value) -> Tensor",
             "aten::lt.Scalar(Tensor self, Scalar other) -> Tensor",
         }) {
      ops.declare({.schema = schema, .infer = no_rule});
    }
    for (const char* schema : {
             "aten::view(Tensor(a) self, SymInt[] size) -> Tensor(a)",
             "aten::transpose.int(Tensor(a) self, int dim0, int dim1) -> Tensor(a)",
             "aten::slice.Tensor(Tensor(a) self, int dim=0, SymInt? start=None, SymInt? end=None, SymInt step=1) -> "
             "Tensor(a)",
             "aten::unsqueeze(Tensor(a) self, int dim) -> Tensor(a)",
             "aten::expand(Tensor(a) self, SymInt[] size, *, bool implicit=False) -> Tensor(a)",
             "aten::split.Tensor(Tensor(a -> *) self, SymInt split_size, int dim=0) -> Tensor(a)[]",
         }) {
      ops.declare({.schema = schema, .infer = no_rule, .tags = Tag::View});
    }
    ops.declare({.schema = "aten::max.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
                 .infer = no_rule});
    ops.declare({.schema = "aten::index.Tensor(Tensor self, Tensor?[] indices) -> Tensor", .infer = no_rule});
    ops.declare({.schema = "aten::cat(Tensor[] tensors, int dim=0) -> Tensor", .infer = no_rule});
    ops.declare({.schema = "aten::full(SymInt[] size, Scalar fill_value, *, ScalarType? dtype=None, Layout? "
                           "layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
                 .infer = [](const MetaArgs& args) {
                   return std::vector<OutputMeta>{
                       contiguous_meta(args.dtype("dtype").value_or(DType::Float32), args.syms("size"))};
                 }});
    ops.declare({.schema = "aten::add_.Tensor(Tensor(a!) self, Tensor other, *, Scalar alpha=1) -> Tensor(a!)",
                 .infer = no_rule,
                 .tags = Tag::Inplace});
    return ops;
  }();
  return kOps;
}

std::vector<float> sample_values(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = 0.25F * static_cast<float>(static_cast<int>(i % 7) - 3);
  return values;
}

ExportedProgram kitchen_sink() {
  ExportedProgram program;
  Sample make(program);
  const SymInt batch = make.size("batch", 6, 32);
  const SymInt seq = make.size("seq", 7);
  const HostTensor tied = HostTensor::from(DType::Float32, {8, 4}, sample_values(32));
  using Kind = InputSpec::Kind;
  Value* weight = make.weight(Kind::Parameter, "l.weight", tied);
  Value* bias = make.weight(Kind::Parameter, "l.bias", HostTensor::from(DType::Float32, {8}, sample_values(8)));
  Value* same_weight = make.weight(Kind::Parameter, "t.weight", tied);
  Value* buffer = make.weight(Kind::Buffer, "b", HostTensor::from(DType::Float32, {3}, std::vector<float>{1, 2, 3}));
  Value* scratch =
      make.weight(Kind::Buffer, "nb", HostTensor::from(DType::Float32, {3}, std::vector<float>{5, 6, 7}), false);
  Value* constant = make.weight(Kind::ConstantTensor, "lifted_tensor_0",
                                HostTensor::from(DType::Int64, {2}, std::vector<int64_t>{0, 0}));
  Value* x = make.input("x", f32({batch, seq, 4}));
  Value* z = make.input("z", f32({seq, 3}));

  Value* first = make.call("aten::linear", {x, weight, bias}, f32({batch, seq, 8}));
  Value* second = make.call("aten::linear", {x, same_weight}, f32({batch, seq, 8}));
  Value* sum = make.call("aten::add.Tensor", {first, second, SymInt(2)}, f32({batch, seq, 8}));
  Value* view = make.call("aten::view", {sum, std::vector<SymInt>{batch * seq, 2, 4}}, f32({batch * seq, 2, 4}));
  Value* arange = make.call("aten::arange", {seq + 3, DType::Float32}, f32({seq + 3}));
  const auto pieces = make.calls("aten::split.Tensor", {view, SymInt(1), SymInt(1)},
                                 {TensorMeta{DType::Float32, {batch * seq, 1, 4}, {8, 4, 1}},
                                  TensorMeta{DType::Float32, {batch * seq, 1, 4}, {8, 4, 1}}});
  const auto top = make.calls("aten::max.dim", {view, SymInt(1)}, {f32({batch * seq, 4}), i64({batch * seq, 4})});
  Value* column = make.call("aten::unsqueeze", {arange, SymInt(1)}, f32({seq + 3, 1}));
  Value* scaled = make.call("aten::mul.Scalar", {pieces[0], 2.5}, f32({batch * seq, 1, 4}));
  Value* negative = make.call("aten::lt.Scalar", {scaled, 0.0}, contiguous_meta(DType::Bool, {batch * seq, 1, 4}));
  Value* masked = make.call("aten::masked_fill.Scalar", {scaled, negative, -std::numeric_limits<double>::infinity()},
                            f32({batch * seq, 1, 4}));
  const SymInt rows = floordiv(batch, 2) + 1;
  Value* one = make.call("aten::unsqueeze", {z, SymInt(0)}, f32({1, seq, 3}));
  Value* expanded = make.call("aten::expand", {one, std::vector<SymInt>{rows, -1, -1}},
                              TensorMeta{DType::Float32, {rows, seq, 3}, {0, 3, 1}});
  Value* shifted = make.call("aten::add.Tensor", {expanded, buffer}, f32({rows, seq, 3}));
  Value* added = make.call("aten::add.Tensor", {shifted, scratch}, f32({rows, seq, 3}));
  Value* picked = make.call("aten::index.Tensor", {x, std::vector<Value*>{nullptr, constant}}, f32({batch, 2, 4}));
  const SymInt last = sym_max(seq - 2, 0);
  Value* tail = make.call("aten::slice.Tensor", {x, SymInt(1), last, std::numeric_limits<int64_t>::max()},
                          TensorMeta{DType::Float32, {batch, sym_min(seq, 2), 4}, {4 * seq, 4, 1}});
  Value* joined =
      make.call("aten::cat", {std::vector<Value*>{picked, tail}, SymInt(1)}, f32({batch, sym_min(seq, 2) + 2, 4}));
  Value* turned =
      make.call("aten::transpose.int", {joined, SymInt(0), SymInt(1)},
                TensorMeta{DType::Float32, {sym_min(seq, 2) + 2, batch, 4}, {4, (sym_min(seq, 2) + 2) * 4, 1}});
  program.graph->set_outputs(
      {view, column, masked, None{}, SymInt(3), floordiv(batch, 2), top[0], top[1], added, turned, mod(seq, 3)});
  const TreeSpec leaf;
  program.in_spec = TreeSpec::tuple({TreeSpec::tuple({}), TreeSpec::dict({"x", "z"}, {leaf, leaf})});
  program.out_spec = TreeSpec::dict(
      {"v", "m", "t", "q", "e", "i", "r"},
      {leaf, leaf, TreeSpec::tuple({leaf, leaf, leaf, leaf}), TreeSpec::list({leaf, leaf}), leaf, leaf, leaf});
  for (const std::string& path : leaf_paths(program.out_spec))
    program.outputs.push_back({OutputSpec::Kind::UserOutput, path});
  return program;
}

ExportedProgram derived_dims() {
  ExportedProgram program;
  Sample make(program);
  const SymInt n = make.size("n", 5);
  const SymInt count = make.size("count", 3);
  Value* x = make.input("x", f32({2 * n + 1, 3}));
  make.input("count", OutputMeta(ValueKind::SymInt, count));
  Value* wide = make.call("aten::full", {std::vector<SymInt>{n, count}, 1.5}, f32({n, count}));
  Value* total = make.call("aten::sum", {x}, f32({}));
  Value* result = make.call("aten::add.Tensor", {wide, total}, f32({n, count}));
  program.graph->set_outputs({result, n});
  const TreeSpec leaf;
  program.in_spec = TreeSpec::tuple({TreeSpec::tuple({leaf}), TreeSpec::dict({"count"}, {leaf})});
  program.out_spec = TreeSpec::tuple({leaf, leaf});
  for (const std::string& path : leaf_paths(program.out_spec))
    program.outputs.push_back({OutputSpec::Kind::UserOutput, path});
  return program;
}

ExportedProgram with_cache() {
  ExportedProgram program;
  Sample make(program);
  const SymInt batch = make.size("batch", 2);
  const SymInt seq = make.size("seq", 9);
  Value* x = make.input("input_ids", f32({batch, seq, 4}));
  Value* keys = make.call("aten::mul.Scalar", {x, 2.0}, f32({batch, seq, 4}));
  Value* values = make.call("aten::mul.Scalar", {x, 3.0}, f32({batch, seq, 4}));
  Value* logits = make.call("aten::add.Tensor", {keys, values, SymInt(1)}, f32({batch, seq, 4}));
  program.graph->set_outputs({logits, keys, values});
  const TreeSpec leaf;
  program.in_spec = TreeSpec::tuple({TreeSpec::tuple({}), TreeSpec::dict({"input_ids"}, {leaf})});
  const char context[] =
      R"({"_t": "obj", "p": "transformers.cache_utils:DynamicCache", "s": {"layers": [{"_t": "obj", "p": )"
      R"("transformers.cache_utils:DynamicLayer", "s": {"keys": {"_t": "tensor", "i": 0}, "values": {"_t": "tensor", "i": 1}, )"
      R"("is_initialized": true, "dtype": {"_t": "dtype", "n": "float32"}, "device": {"_t": "device", "s": "cpu"}}}], )"
      R"("layer_class_to_replicate": null, "offloading": false}})";
  program.out_spec =
      TreeSpec::model_output("transformers.modeling_outputs.CausalLMOutputWithPast", {"logits", "past_key_values"},
                             {leaf, TreeSpec::custom("transformers.cache_utils:DynamicCache", context, {leaf, leaf})});
  for (const std::string& path : leaf_paths(program.out_spec))
    program.outputs.push_back({OutputSpec::Kind::UserOutput, path});
  return program;
}

}  // namespace exformer::testing
