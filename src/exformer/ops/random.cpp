// Dropout, which does nothing in inference, and ops that draw random numbers: they are recorded but have no reference
// kernel.
#include <algorithm>

#include "exformer/ops/builder.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/pointwise_rules.h"
#include "exformer/ops/shape_rules.h"
#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

/// Whether a dropout call drops nothing.
template <class T>
void require_inference(const Args<T>& args) {
  const double p = args.real("p");
  if (p < 0.0 || p > 1.0) fail("{}: p must be in [0, 1], got {}", args.schema().name, p);
  const bool trains = args["train"].is_none() || args.boolean("train");
  if (trains && p > 0.0)
    unsupported("{}: dropout in training is not supported; export in eval mode", args.schema().name);
}

void declare_dropout(OpRegistry& ops) {
  for (const std::string_view name : {"dropout", "feature_dropout"}) {
    const std::string schema = "aten::" + std::string(name) + "(Tensor input, float p, bool train) -> Tensor";
    const InferFunction infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
      require_inference(args);
      return {*args.tensor("input")};
    };
    ops.declare({.schema = schema,
                 .infer = infer,
                 .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                   require_inference(args);
                   return {args.tensor("input").contiguous()};
                 },
                 .tags = Tag::Pointwise,
                 .decompose = [](GraphBuilder&, const ValueArgs& args) -> std::vector<Value*> {
                   return {args.tensor("input")};
                 }});
    const std::string in_place = "aten::" + std::string(name) + "_(Tensor(a!) self, float p, bool train) -> Tensor(a!)";
    ops.declare({.schema = in_place,
                 .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                   require_inference(args);
                   return {*args.tensor("self")};
                 },
                 .tags = Tag::Inplace});
  }
  ops.declare({.schema = "aten::native_dropout(Tensor input, float p, bool? train) -> (Tensor, Tensor)",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 require_inference(args);
                 const TensorMeta& input = *args.tensor("input");
                 return {input, TensorMeta{DType::Bool, input.sizes, like_strides(input)}};
               },
               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                 require_inference(args);
                 const HostTensor& input = args.tensor("input");
                 HostTensor mask = HostTensor::empty(DType::Bool, input.sizes());
                 std::fill_n(mask.data<uint8_t>(), mask.element_count(), uint8_t{1});
                 return {input.contiguous(), mask};
               },
               .out_variant = "aten::native_dropout.out",
               .tags = Tag::Core});
}

constexpr std::string_view kOptions =
    ", *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None";

void declare_draws(OpRegistry& ops) {
  for (const std::string_view name : {"rand", "randn"}) {
    ops.declare({.schema = "aten::" + std::string(name) + "(SymInt[] size" + std::string(kOptions) + ") -> Tensor",
                 .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                   return {contiguous_meta(args.dtype("dtype").value_or(DType::Float32), args.syms("size"))};
                 },
                 .out_variant = name == "rand" ? "aten::rand.out" : "aten::randn.out",
                 .tags = Tag::Core | Tag::Random});
    ops.declare({.schema = "aten::" + std::string(name) + "_like(Tensor self" + std::string(kOptions) +
                           ", MemoryFormat? memory_format=None) -> Tensor",
                 .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                   const TensorMeta& self = *args.tensor("self");
                   const bool is_contiguous_format = args.memory_format("memory_format") == MemoryFormat::Contiguous;
                   return {TensorMeta{args.dtype("dtype").value_or(self.dtype), self.sizes,
                                      is_contiguous_format ? contiguous_strides(self.sizes) : like_strides(self)}};
                 },
                 .tags = Tag::Random});
  }
  const InferFunction like = [](const MetaArgs& args) -> std::vector<OutputMeta> {
    const TensorMeta& self = *args.tensor("self");
    return {TensorMeta{self.dtype, self.sizes, like_strides(self)}};
  };
  for (const std::string_view schema :
       {"aten::bernoulli(Tensor self, *, Generator? generator=None) -> Tensor",
        "aten::bernoulli.p(Tensor self, float p, *, Generator? generator=None) -> Tensor"}) {
    ops.declare({.schema = schema, .infer = like, .tags = Tag::Random});
  }
  declare_with_inplace(
      ops, {.schema = "aten::uniform(Tensor self, float from=0., float to=1., *, Generator? generator=None) -> Tensor",
            .infer = like,
            .tags = Tag::Random});
}

}  // namespace

void declare_random_ops(OpRegistry& ops) {
  declare_dropout(ops);
  declare_draws(ops);
}

}  // namespace exformer
