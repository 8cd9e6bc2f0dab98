#include "exformer/backends/executorch/xnnpack/attention_masks.h"

#include <unordered_map>
#include <unordered_set>

#include "exformer/ops/builder.h"

namespace exformer::executorch::xnnpack {
namespace {

// Added to what is masked: far below any score, yet a sum with a score stays finite. Scores are in float32.
constexpr double kLowestAddend = -1.0e30;

struct NumericMask {
  Value* addend = nullptr;
  Value* visible = nullptr;  // 1 where a row sees something, else 0; null when every row does
};

/// True for a mask that no input's contents define, such as a causal one: every row sees something there.
bool is_positional(const Value* mask) {
  std::vector<const Value*> open = {mask};
  std::unordered_set<const Value*> seen;
  while (!open.empty()) {
    const Value* value = open.back();
    open.pop_back();
    if (!seen.insert(value).second) continue;
    if (!value->producer()) return false;
    for (const Value* input : value->producer()->inputs()) open.push_back(input);
  }
  return true;
}

NumericMask make_numeric(Value* mask, DType dtype, Node* before, const std::string& module_path) {
  GraphBuilder builder(mask->graph(), before);
  builder.set_module_path(module_path);
  Value* open = builder.call("aten::_to_copy", {mask}, {{"dtype", DType::Float32}});
  NumericMask result;
  result.addend = builder.call("aten::mul.Scalar", {builder.call("aten::rsub.Scalar", {open, 1.0}), kLowestAddend});
  if (!is_positional(mask)) {
    Value* visible = builder.call("aten::any.dim", {mask, -1, true});
    result.visible = builder.call("aten::_to_copy", {visible}, {{"dtype", dtype}});
  }
  return result;
}

Value* causal_mask(Node* attention) {
  GraphBuilder builder(attention->graph(), attention);
  builder.set_module_path(attention->module_path);
  const TensorMeta &query = attention->argument("query").as<Value*>()->meta,
                   &key = attention->argument("key").as<Value*>()->meta;
  const SymInt rows = query.sizes[query.sizes.size() - 2], columns = key.sizes[key.sizes.size() - 2];
  Value* row = builder.call("aten::unsqueeze", {builder.call("aten::arange", {rows}), 1});
  Value* mask = builder.call("aten::le.Tensor", {builder.call("aten::arange", {columns}), row});
  return builder.call("aten::unsqueeze", {builder.call("aten::unsqueeze", {mask, 0}), 0});
}

}  // namespace

void spell_out_attention_masks(Graph& graph) {
  std::unordered_map<const Value*, NumericMask> made;
  std::vector<Node*> attentions;
  for (const auto& node : graph.nodes()) {
    // Attention over other ranks is not delegated.
    if (node->is("aten::scaled_dot_product_attention") && node->output()->meta.rank() == 4)
      attentions.push_back(node.get());
  }
  for (size_t i = 0; i < attentions.size(); ++i) {
    Node* node = attentions[i];
    Value* mask = nullptr;
    if (Value* const* given = node->argument("attn_mask").get_if<Value*>()) mask = *given;
    if (node->argument("is_causal").as<bool>()) {
      mask = causal_mask(node);
      node->set_argument(node->schema().position("is_causal"), false);
    }
    if (!mask || mask->meta.dtype != DType::Bool) continue;
    const DType dtype = node->output()->meta.dtype;
    auto found = made.find(mask);
    if (found == made.end()) {
      found = made.emplace(mask, make_numeric(mask, dtype, node, node->module_path)).first;
    }
    node->set_argument(node->schema().position("attn_mask"), found->second.addend);
    if (!found->second.visible) continue;
    Node* next = nullptr;
    for (auto at = graph.nodes().begin(); at != graph.nodes().end(); ++at) {
      if (at->get() == node) next = std::next(at) == graph.nodes().end() ? nullptr : std::next(at)->get();
    }
    GraphBuilder builder(graph, next);
    builder.set_module_path(node->module_path);
    Value* output = node->output();
    Value* shown = builder.call("aten::mul.Tensor", {output, found->second.visible});
    graph.replace_all_uses(output, shown);
    shown->producer()->set_argument(0, output);
  }
}

}  // namespace exformer::executorch::xnnpack
