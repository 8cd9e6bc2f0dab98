#include "exformer/backends/executorch/fixes.h"

#include <algorithm>
#include <cmath>

#include "exformer/backends/executorch/kernels.h"
#include "exformer/backends/executorch/lowering.h"
#include "exformer/backends/executorch/spelled_out_ops.h"
#include "exformer/base/error.h"
#include "exformer/ops/builder.h"
#include "exformer/ops/shape_rules.h"
#include "exformer/passes/dead_code.h"
#include "exformer/passes/identities.h"

namespace exformer::executorch {

void replace(Node* node, Value* result) {
  node->graph().replace_all_uses(node->output(), result);
  node->graph().erase_node(node);
}

namespace {

bool is_one_of(const Node& node, std::initializer_list<std::string_view> ops) {
  return std::any_of(ops.begin(), ops.end(), [&](std::string_view op) { return node.is(op); });
}

void remove_dead_nodes(ExportedProgram& program) { eliminate_dead_nodes(*program.graph); }
void remove_identity_calls(ExportedProgram& program) { remove_identities(*program.graph); }

/// Kernels of pointwise ops broadcast by themselves: they read what an expand would have copied.
void keep_broadcasts_implicit(ExportedProgram& program) {
  for (const auto& node : program.graph->nodes()) {
    const Op* op = OpRegistry::standard().find(node->op());
    if (!op || !has_tag(op->tags, Tag::Pointwise) || node->outputs().size() != 1) continue;
    for (size_t i = 0; i < node->arguments().size(); ++i) {
      Value* const* expanded = node->arguments()[i].get_if<Value*>();
      if (!expanded || !*expanded || !(*expanded)->producer()) continue;
      Node* producer = (*expanded)->producer();
      if (!producer->is("aten::expand") && !producer->is("aten::expand_as")) continue;
      Value* source = producer->arguments()[0].as<Value*>();
      std::vector<SymInt> sizes = source->meta.sizes;
      for (size_t j = 0; j < node->arguments().size(); ++j) {
        Value* const* other = node->arguments()[j].get_if<Value*>();
        if (j != i && other && *other) sizes = broadcast_sizes(sizes, (*other)->meta.sizes, node->op());
      }
      if (sizes == node->output()->meta.sizes) node->set_argument(i, source);
    }
  }
  eliminate_dead_nodes(*program.graph);
}

/// Kernels of binary ops skip leading sizes of 1 when they look for the operand that has the result's sizes, and then
/// give the result its rank: one of a lower rank gets the other's, where sizes in front may be 1.
bool fix_operand_ranks(Node* node) {
  const Op* op = OpRegistry::standard().find(node->op());
  if (!op || !has_tag(op->tags, Tag::Pointwise) || node->arguments().size() < 2) return false;
  Value* const* operands[] = {node->arguments()[0].get_if<Value*>(), node->arguments()[1].get_if<Value*>()};
  if (!operands[0] || !operands[1]) return false;
  const size_t lower = (*operands[0])->meta.rank() < (*operands[1])->meta.rank() ? 0 : 1;
  const std::vector<SymInt>& sizes = (*operands[lower])->meta.sizes;
  const std::vector<SymInt>& others = (*operands[1 - lower])->meta.sizes;
  const size_t missing = others.size() - sizes.size();
  if (missing == 0 || sizes.empty() || others == node->output()->meta.sizes) return false;
  const auto may_be_one = [](const SymInt& size) { return equal(size, 1) != Truth::No; };
  if (!std::all_of(others.begin(), others.begin() + static_cast<ptrdiff_t>(missing), may_be_one)) return false;
  std::vector<SymInt> whole(missing, SymInt(1));
  whole.insert(whole.end(), sizes.begin(), sizes.end());
  GraphBuilder builder(node->graph(), node);
  builder.set_module_path(node->module_path);
  node->set_argument(lower, builder.call("aten::view", {*operands[lower], whole}));
  return true;
}

/// Negative padding cuts off: the kernel only adds.
bool fix_negative_padding(Node* node) {
  if (!node->is("aten::constant_pad_nd")) return false;
  const ValueArgs args(node->schema(), node->arguments());
  std::vector<SymInt> pad = args.syms("pad");
  const auto is_negative = [](const SymInt& amount) { return less(amount, 0) == Truth::Yes; };
  if (std::none_of(pad.begin(), pad.end(), is_negative)) return false;
  GraphBuilder builder(node->graph(), node);
  builder.set_module_path(node->module_path);
  Value* value = args.tensor("self");
  const int64_t rank = value->meta.rank();
  for (size_t i = 0; i < pad.size(); i += 2) {
    const int64_t dim = rank - 1 - static_cast<int64_t>(i / 2);
    const SymInt size = value->meta.sizes[static_cast<size_t>(dim)];
    const SymInt start = is_negative(pad[i]) ? -pad[i] : SymInt(0);
    const SymInt end = is_negative(pad[i + 1]) ? size + pad[i + 1] : size;
    value = builder.call("aten::slice.Tensor", {value, dim, start, end});
    for (const size_t side : {i, i + 1}) {
      if (is_negative(pad[side])) pad[side] = 0;
    }
  }
  value = builder.call("aten::constant_pad_nd", {value, pad, args["value"]});
  replace(node, value);
  return true;
}

/// Joining tensors without elements gives one: the kernel leaves them out, and their sizes too.
bool fix_empty_cat(Node* node) {
  if (!node->is("aten::cat")) return false;
  const TensorMeta& meta = node->output()->meta;
  if (std::none_of(meta.sizes.begin(), meta.sizes.end(), [](const SymInt& size) { return size == SymInt(0); }))
    return false;
  GraphBuilder builder(node->graph(), node);
  builder.set_module_path(node->module_path);
  replace(node, builder.call("aten::full", {meta.sizes, 0}, {{"dtype", meta.dtype}}));
  return true;
}

/// What is scaled by 0 does not count, not even NaN: the kernel multiplies it.
bool fix_absent_addend(Node* node) {
  if (!node->is("aten::addmm")) return false;
  const ValueArgs args(node->schema(), node->arguments());
  if (args["beta"] != Argument(0) && args["beta"] != Argument(0.0)) return false;
  GraphBuilder builder(node->graph(), node);
  builder.set_module_path(node->module_path);
  Value* product = builder.call("aten::mm", {args.tensor("mat1"), args.tensor("mat2")});
  replace(node, builder.call("aten::mul.Scalar", {product, args["alpha"]}));
  return true;
}

/// Where dtypes are mixed, these kernels refuse, or compute in one that does not hold both: operands come in the
/// result's.
bool fix_mixed_dtypes(Node* node) {
  if (!is_one_of(*node, {"aten::maximum", "aten::minimum", "aten::where.self", "aten::add.Scalar", "aten::sub.Scalar"}))
    return false;
  const DType dtype = node->output()->meta.dtype;
  GraphBuilder builder(node->graph(), node);
  builder.set_module_path(node->module_path);
  bool changed = false;
  for (size_t i = node->is("aten::where.self") ? 1 : 0; i < node->arguments().size(); ++i) {
    Value* const* given = node->arguments()[i].get_if<Value*>();
    if (!given || (*given)->meta.dtype == dtype) continue;
    Value* operand = *given;
    node->set_argument(i, builder.call("aten::_to_copy", {operand}, {{"dtype", dtype}}));
    changed = true;
  }
  return changed;
}

/// torch takes indices of 32 bits, too.
bool fix_narrow_index(Node* node) {
  if (!is_one_of(*node, {"aten::gather", "aten::scatter.src", "aten::scatter.value", "aten::scatter_add"}))
    return false;
  constexpr size_t kIndex = 2;
  Value* index = node->arguments()[kIndex].as<Value*>();
  if (index->meta.dtype == DType::Int64) return false;
  GraphBuilder builder(node->graph(), node);
  builder.set_module_path(node->module_path);
  node->set_argument(kIndex, builder.call("aten::_to_copy", {index}, {{"dtype", DType::Int64}}));
  return true;
}

/// torch compares 16-bit floats with a number of their dtype, the kernels with the number as it is.
bool fix_compared_number(Node* node) {
  if (!is_one_of(*node, {"aten::eq.Scalar", "aten::ne.Scalar", "aten::lt.Scalar", "aten::le.Scalar", "aten::gt.Scalar",
                         "aten::ge.Scalar"}))
    return false;
  const DType dtype = node->arguments()[0].as<Value*>()->meta.dtype;
  const auto* number = node->arguments()[1].get_if<double>();
  if (!number || (dtype != DType::Float16 && dtype != DType::BFloat16)) return false;
  const double rounded = HostTensor::scalar(dtype, *number).item_double();
  if (rounded == *number || std::isnan(rounded)) return false;
  node->set_argument(1, rounded);
  return true;
}

/// Without dims a roll runs over the elements in a row: the kernel wants a dim.
bool fix_flat_roll(Node* node) {
  if (!node->is("aten::roll")) return false;
  const ValueArgs args(node->schema(), node->arguments());
  if (!args.syms("dims").empty()) return false;
  GraphBuilder builder(node->graph(), node);
  builder.set_module_path(node->module_path);
  Value* self = args.tensor("self");
  Value* flat = builder.call("aten::reshape", {self, {element_count(self->meta.sizes)}});
  flat = builder.call("aten::roll", {flat, args["shifts"], {SymInt(0)}});
  replace(node, builder.call("aten::reshape", {flat, self->meta.sizes}));
  return true;
}

/// The sum so far of one element is that element: the kernel wants a dim.
bool fix_scalar_cumsum(Node* node) {
  if (!node->is("aten::cumsum") || node->output()->meta.rank() != 0) return false;
  GraphBuilder builder(node->graph(), node);
  builder.set_module_path(node->module_path);
  Value* self = node->arguments()[0].as<Value*>();
  replace(node, builder.call("aten::_to_copy", {self}, {{"dtype", node->output()->meta.dtype}}));
  return true;
}

/// The runtime has the forms of upsample that take a list of factors or none.
bool fix_upsample(Node* node) {
  const bool is_nearest = node->is("aten::upsample_nearest2d");
  if (!is_nearest && !node->is("aten::upsample_bilinear2d")) return false;
  const ValueArgs args(node->schema(), node->arguments());
  GraphBuilder builder(node->graph(), node);
  builder.set_module_path(node->module_path);
  Argument sizes = args["output_size"], factors;
  if (args.has("scales_h") && args.has("scales_w")) {
    factors = std::vector<double>{args.real("scales_h"), args.real("scales_w")};
    sizes = None{};
  }
  Value* result = is_nearest ? builder.call("aten::upsample_nearest2d.vec", {args.tensor("self"), sizes, factors})
                             : builder.call("aten::upsample_bilinear2d.vec",
                                            {args.tensor("self"), sizes, args["align_corners"], factors});
  if (result->meta.sizes != node->output()->meta.sizes) {
    node->graph().erase_node(result->producer());
    return false;
  }
  replace(node, result);
  return true;
}

}  // namespace

const std::vector<ProgramFix>& program_fixes() {
  static const std::vector<ProgramFix> kFixes = {
      {"remove_dead_nodes", remove_dead_nodes},
      {"remove_identities", remove_identity_calls},
  };
  return kFixes;
}

const std::vector<ProgramFix>& kernel_fixes() {
  static const std::vector<ProgramFix> kFixes = {
      {"decompose_attention", decompose_attention},
      {"keep_broadcasts_implicit", keep_broadcasts_implicit},
  };
  return kFixes;
}

const std::vector<NodeFix>& node_fixes() {
  static const std::vector<NodeFix> kFixes = {
      {"patch_convolution", fix_patch_convolution},
      {"volume_convolution", fix_volume_convolution},
      {"negative_padding", fix_negative_padding},
      {"absent_addend", fix_absent_addend},
      {"empty_cat", fix_empty_cat},
      {"sixteen_bits", fix_sixteen_bits},
      {"mixed_dtypes", fix_mixed_dtypes},
      {"operand_ranks", fix_operand_ranks},
      {"narrow_index", fix_narrow_index},
      {"compared_number", fix_compared_number},
      {"flat_roll", fix_flat_roll},
      {"scalar_cumsum", fix_scalar_cumsum},
      {"upsample", fix_upsample},
      {"spelled_out_op", spell_out},
  };
  return kFixes;
}

void decompose(Graph& graph) {
  for (bool changed = true; changed;) {
    changed = false;
    for (auto at = graph.nodes().begin(); at != graph.nodes().end();) {
      Node* node = (at++)->get();
      const auto& fixes = node_fixes();
      if (std::any_of(fixes.begin(), fixes.end(), [&](const NodeFix& fix) { return fix.apply(node); })) {
        changed = true;
      } else if (!can_lower(*node) && OpRegistry::standard().find(node->op())) {
        changed = decompose_node(node, OpRegistry::standard()) || changed;
      }
    }
  }
  eliminate_dead_nodes(graph);
}

}  // namespace exformer::executorch
