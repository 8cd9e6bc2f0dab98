// Attention's three-dimensional form needs no transposition of heads (0, 2, 1, 3) before and after.
#include <set>

#include "exformer/backends/onnx/emitter.h"
#include "exformer/backends/onnx/fusions.h"
#include "exformer/base/error.h"

namespace exformer::onnx {
namespace {

const std::vector<int64_t> kSwapHeads = {0, 2, 1, 3};

class HeadTransposes {
 public:
  explicit HeadTransposes(OnnxGraph& graph)
      : graph_(graph), uses_(graph), emitter_(graph, ShapeArithmetic::at_front(graph)) {}

  /// One walk. A node that is rewritten keeps its results, so what is known of users stays true for the nodes after it.
  bool run() {
    bool changed = false;
    for (auto at = graph_.nodes().begin(); at != graph_.nodes().end(); ++at) {
      graph_.set_cursor(at);
      try {
        if (at->is("RotaryEmbedding")) changed = sink_below_rotary(at) || changed;
        if (at->is("Attention")) changed = flatten_attention(at) || changed;
      } catch (const ExportError&) {
        continue;  // a size that no input tells
      }
    }
    graph_.reset_cursor();
    return changed;
  }

 private:
  /// x when `id` is Transpose(x, 0 2 1 3): [batch, length, heads, width].
  ValueId untransposed(ValueId id) const {
    const OnnxNode* node = uses_.producer(id, "Transpose");
    return node && node->integers("perm") == kSwapHeads ? node->inputs[0] : kAbsent;
  }

  /// [batch, length, heads, width] -> [batch, length, heads * width]
  ValueId merged(ValueId states) {
    const Sizes& sizes = graph_.sizes(states);
    return emitter_.reshape(states, {sizes[0], sizes[1], sizes[2] * sizes[3]});
  }

  /// Rotary(Transpose(x)) -> Transpose(Reshape(Rotary(Reshape(x))))
  bool sink_below_rotary(NodeList::iterator node) {
    const ValueId states = untransposed(node->inputs[0]);
    if (states == kAbsent || node->attribute("num_heads")) return false;
    const Sizes sizes = graph_.sizes(states);
    if (!sizes[2].is_constant()) return false;
    const ValueId output = node->outputs[0];
    const ValueId rows = merged(states);
    Attributes attributes = node->attributes;
    attributes.emplace_back("num_heads", sizes[2].value());
    const ValueId turned = graph_.emit("RotaryEmbedding", {rows, node->inputs[1], node->inputs[2]},
                                       std::move(attributes), graph_.dtype(output), graph_.sizes(rows));
    const ValueId split = emitter_.reshape(turned, sizes);
    *node = OnnxNode{"Transpose", "", {split}, {output}, {{"perm", kSwapHeads}}};
    return true;
  }

  struct Operand {
    ValueId states = kAbsent;    // [batch, length, heads, width]
    ValueId past = kAbsent;      // [batch, heads, past, width]
    ValueId together = kAbsent;  // both, or the transposed states alone: what the runtime gives as present
  };

  std::optional<Operand> operand(ValueId id, bool may_have_past) const {
    if (presents_.contains(id)) return std::nullopt;
    if (const ValueId states = untransposed(id); states != kAbsent) return Operand{states, kAbsent, id};
    const OnnxNode* concat = may_have_past ? uses_.producer(id, "Concat") : nullptr;
    if (!concat || concat->inputs.size() != 2 || concat->integer("axis", 0) != 2) return std::nullopt;
    const ValueId states = untransposed(concat->inputs[1]);
    if (states == kAbsent) return std::nullopt;
    return Operand{states, concat->inputs[0], id};
  }

  /// Nodes that make `id`, before `node`: only those of a Concat move, so its readers must come after `node`.
  bool is_read_only_after(ValueId id, const OnnxNode* node) const {
    bool found = false;
    for (const OnnxNode& other : graph_.nodes()) {
      if (&other == node) {
        found = true;
        continue;
      }
      if (found) continue;
      for (const ValueId input : other.inputs) {
        if (input == id) return false;
      }
    }
    return true;
  }

  bool flatten_attention(NodeList::iterator node) {
    if (node->attribute("q_num_heads") || node->inputs.size() > 4) return false;
    const auto query = operand(node->inputs[0], false), key = operand(node->inputs[1], true),
               value = operand(node->inputs[2], true);
    if (!query || !key || !value || (key->past == kAbsent) != (value->past == kAbsent)) return false;
    const SymInt heads = graph_.sizes(query->states)[2], key_heads = graph_.sizes(key->states)[2];
    if (!heads.is_constant() || !key_heads.is_constant()) return false;
    const bool has_past = key->past != kAbsent;
    if (has_past && node->integer("is_causal", 0) != 0) return false;  // the past would shift the diagonal
    if (has_past && (!is_read_only_after(key->together, &*node) || !is_read_only_after(value->together, &*node)))
      return false;
    // The keys and values that a cache is made of come from Attention too, when it is the first to read them.
    const bool is_cached = !has_past && (!uses_.single_use(key->together) || !uses_.single_use(value->together)) &&
                           key->together != value->together;
    const bool gives_present = has_past || (is_cached && is_read_only_after(key->together, &*node) &&
                                            is_read_only_after(value->together, &*node));
    const ValueId output = node->outputs[0];
    std::vector<ValueId> inputs = {merged(query->states), merged(key->states), merged(value->states)};
    if (node->inputs.size() == 4 || has_past) inputs.push_back(node->inputs.size() == 4 ? node->inputs[3] : kAbsent);
    Attributes attributes = node->attributes;
    attributes.emplace_back("q_num_heads", heads.value());
    attributes.emplace_back("kv_num_heads", key_heads.value());
    const Sizes& out = graph_.sizes(output);  // [batch, heads, length, width]
    const DType dtype = graph_.dtype(output);
    OnnxNode fused{"Attention",
                   "",
                   inputs,
                   {graph_.add_value("attention", dtype, {out[0], out[2], out[1] * out[3]})},
                   std::move(attributes)};
    if (has_past) {
      fused.inputs.push_back(key->past);
      fused.inputs.push_back(value->past);
    }
    if (gives_present) {
      fused.outputs.push_back(key->together);
      fused.outputs.push_back(value->together);
      for (const ValueId joined : {key->together, value->together}) {
        OnnxNode* maker = uses_.producer(joined);
        maker->outputs[0] = graph_.add_value("unused", graph_.dtype(joined), graph_.sizes(joined));
        presents_.insert(joined);
      }
    }
    const ValueId result = fused.outputs[0];
    graph_.nodes().insert(node, std::move(fused));
    const ValueId split = emitter_.reshape(result, {out[0], out[2], out[1], out[3]});
    *node = OnnxNode{"Transpose", "", {split}, {output}, {{"perm", kSwapHeads}}};
    return true;
  }

  OnnxGraph& graph_;
  Uses uses_;
  Emitter emitter_;
  std::set<ValueId>
      presents_;  // made by an Attention of this walk: their makers are no longer those that `uses_` knows
};

}  // namespace

bool remove_head_transposes(OnnxGraph& graph) {
  if (graph.opset() < 23) return false;
  bool changed = false;
  while (HeadTransposes(graph).run()) changed = true;
  return changed;
}

}  // namespace exformer::onnx
