// Kernels of the runtime that add up 16-bit floats in 16 bits, where torch's work in float32.
#include <algorithm>
#include <array>

#include "exformer/backends/executorch/fixes.h"
#include "exformer/ops/args.h"
#include "exformer/ops/builder.h"

namespace exformer::executorch {
namespace {

/// Sums, means, products, softmaxes and group norms are in float32 in the kernels themselves.
constexpr std::array<std::string_view, 9> kNarrow = {"aten::native_layer_norm",
                                                     "aten::_native_batch_norm_legit_no_training",
                                                     "aten::_native_batch_norm_legit.no_stats",
                                                     "aten::var.dim",
                                                     "aten::var.correction",
                                                     "aten::cumsum",
                                                     "aten::avg_pool2d",
                                                     "aten::_adaptive_avg_pool2d",
                                                     "aten::convolution"};

bool is_narrow(DType dtype) { return dtype == DType::Float16 || dtype == DType::BFloat16; }

/// The product by itself is exact to a rounding, and its operands may be large: nothing is copied.
void spell_out_addmm(Node* node, GraphBuilder& builder) {
  const ValueArgs args(node->schema(), node->arguments());
  const auto scaled = [&](Value* value, std::string_view factor) {
    const bool is_one = args[factor] == Argument(1) || args[factor] == Argument(1.0);
    return is_one ? value : builder.call("aten::mul.Scalar", {value, args[factor]});
  };
  Value* product = builder.call("aten::mm", {args.tensor("mat1"), args.tensor("mat2")});
  replace(node, builder.call("aten::add.Tensor", {scaled(product, "alpha"), scaled(args.tensor("self"), "beta")}));
}

}  // namespace

bool fix_sixteen_bits(Node* node) {
  if (node->outputs().empty() || !is_narrow(node->output(0)->meta.dtype)) return false;
  GraphBuilder builder(node->graph(), node);
  builder.set_module_path(node->module_path);
  if (node->is("aten::addmm")) {
    spell_out_addmm(node, builder);
    return true;
  }
  if (std::find(kNarrow.begin(), kNarrow.end(), node->op()) == kNarrow.end()) return false;
  std::vector<Argument> arguments = node->arguments();
  for (Argument& argument : arguments) {
    Value* const* given = argument.get_if<Value*>();
    if (given && *given && is_narrow((*given)->meta.dtype))
      argument = builder.call("aten::_to_copy", {*given}, {{"dtype", DType::Float32}});
    if (argument.is<DType>()) argument = DType::Float32;
  }
  const Node* wide = builder.append(builder.ops().get(*node), std::move(arguments));
  for (size_t i = 0; i < node->outputs().size(); ++i) {
    Value* result = wide->output(i);
    const DType dtype = node->output(i)->meta.dtype;
    if (result->meta.dtype != dtype) result = builder.call("aten::_to_copy", {result}, {{"dtype", dtype}});
    node->graph().replace_all_uses(node->output(i), result);
  }
  node->graph().erase_node(node);
  return true;
}

}  // namespace exformer::executorch
