#include <algorithm>
#include <unordered_map>

#include "exformer/backends/onnx/emitter.h"
#include "exformer/backends/onnx/fusions.h"

namespace exformer::onnx {
namespace {

/// The two inputs of a commutative node, `first` being the one that `is_first` picks; nothing when it picks none.
template <class F>
std::optional<std::pair<ValueId, ValueId>> in_order(const OnnxNode& node, F&& is_first) {
  if (is_first(node.inputs[0])) return std::pair(node.inputs[0], node.inputs[1]);
  if (is_first(node.inputs[1])) return std::pair(node.inputs[1], node.inputs[0]);
  return std::nullopt;
}

class RotaryFuser {
 public:
  explicit RotaryFuser(OnnxGraph& graph)
      : graph_(graph), uses_(graph), emitter_(graph, ShapeArithmetic::at_front(graph)) {}

  bool run() {
    bool changed = false;
    for (auto at = graph_.nodes().begin(); at != graph_.nodes().end(); ++at) {
      if (at->is("Add")) changed = fuse(at) || changed;
    }
    graph_.reset_cursor();
    return changed;
  }

 private:
  struct Half {
    ValueId source;
    int64_t half;  // width of the rotated dims / 2
  };

  /// Concat(Neg(Slice(x, half, end)), Slice(x, 0, half)) over the last dim: gives x.
  std::optional<Half> rotated(ValueId id) const {
    const OnnxNode* concat = uses_.producer(id, "Concat");
    if (!concat || concat->inputs.size() != 2) return std::nullopt;
    const int64_t rank = graph_.rank(id);
    const int64_t axis = concat->integer("axis", 0);
    if (axis != rank - 1 && axis != -1) return std::nullopt;
    const OnnxNode* negated = uses_.producer(concat->inputs[0], "Neg");
    if (!negated) return std::nullopt;
    const SymInt width = graph_.sizes(id).back();
    if (!width.is_constant() || width.value() % 2 != 0) return std::nullopt;
    const int64_t half = width.value() / 2;
    const auto upper = slice_of(negated->inputs[0], half, width.value()), lower = slice_of(concat->inputs[1], 0, half);
    if (!upper || !lower || *upper != *lower) return std::nullopt;
    return Half{*lower, half};
  }

  /// What `id` is the part [start, end) of, along the last dim: of a Slice, or of a Split in two.
  std::optional<ValueId> slice_of(ValueId id, int64_t start, int64_t end) const {
    const OnnxNode* node = uses_.producer(id);
    if (!node || !node->domain.empty()) return std::nullopt;
    const ValueId source = node->inputs[0];
    const int64_t last = graph_.rank(source) - 1;
    if (graph_.sizes(source).back() != SymInt(2 * (start == 0 ? end : end - start))) return std::nullopt;
    if (node->op_type == "Split") {
      if (node->outputs.size() != 2 || node->integer("axis", 0) != last) return std::nullopt;
      return node->outputs[start == 0 ? 0 : 1] == id && graph_.sizes(id).back() == SymInt(end - start)
                 ? std::optional(source)
                 : std::nullopt;
    }
    if (node->op_type != "Slice" || node->inputs.size() != 4) return std::nullopt;
    const auto starts = graph_.constant_values(node->inputs[1]), ends = graph_.constant_values(node->inputs[2]),
               axes = graph_.constant_values(node->inputs[3]);
    if (!starts || !ends || !axes || starts->size() != 1 || (*axes)[0] != last) return std::nullopt;
    if ((*starts)[0] != start || (*ends)[0] < end) return std::nullopt;
    if (end != graph_.sizes(source).back().value() && (*ends)[0] != end) return std::nullopt;
    return source;
  }

  /// The first half of a [batch, length, width] table (or [batch, 1, length, width]) that repeats itself: f of
  /// Concat(a, a) is f of a.
  ValueId first_half(ValueId table) {
    if (const auto found = halves_.find(table); found != halves_.end()) return found->second;
    ValueId result = kAbsent;
    OnnxNode* node = uses_.producer(table);
    if (node && node->domain.empty()) {
      graph_.set_cursor(std::next(uses_.position(node)));
      const int64_t rank = graph_.rank(table);
      if (node->op_type == "Concat" && node->inputs.size() == 2 && node->inputs[0] == node->inputs[1] &&
          node->integer("axis", 0) == rank - 1) {
        result = node->inputs[0];
      } else if (node->op_type == "Cos" || node->op_type == "Sin" || node->op_type == "Cast") {
        const ValueId half = first_half(node->inputs[0]);
        if (half != kAbsent) result = same_node(*node, table, {half}, half);
      } else if (node->op_type == "Mul" && graph_.constant_scalar(node->inputs[1])) {
        const ValueId half = first_half(node->inputs[0]);
        if (half != kAbsent) result = same_node(*node, table, {half, node->inputs[1]}, half);
      } else if (node->op_type == "Unsqueeze") {
        const auto axes = graph_.constant_values(node->inputs[1]);
        const ValueId half = first_half(node->inputs[0]);
        if (half != kAbsent && axes && axes->size() == 1 && (*axes)[0] == 1 && rank == 4)
          result = half;  // [batch, 1, length, half] -> [batch, length, half]
      }
    }
    halves_.emplace(table, result);
    return result;
  }

  /// [batch, 1, length, width], or [1, length, width], which broadcasts the same way.
  bool is_table(ValueId id) const {
    const Sizes& sizes = graph_.sizes(id);
    return sizes.size() == 4 || (sizes.size() == 3 && sizes[0] == SymInt(1));
  }

  ValueId same_node(const OnnxNode& node, ValueId table, std::vector<ValueId> inputs, ValueId half) {
    graph_.set_cursor(std::next(uses_.position(&node)));
    return graph_.emit(node.op_type, std::move(inputs), node.attributes, graph_.dtype(table), graph_.sizes(half));
  }

  /// Tables must have the batch of x. What they are made of is expanded, so that cos and sin share one Expand.
  ValueId with_batch(ValueId half, const SymInt& batch) {
    const Sizes from = graph_.sizes(half);
    if (from[0] == batch) return half;
    if (from[0] != SymInt(1)) return kAbsent;
    if (const auto found = expanded_.find(half); found != expanded_.end()) return found->second;
    const NodeList::iterator maker = maker_of(half);
    Sizes sizes = from;
    sizes[0] = batch;
    ValueId result = kAbsent;
    const bool has_maker = maker != graph_.nodes().end();
    const bool is_unary = has_maker && (maker->is("Cos") || maker->is("Sin") || maker->is("Cast") ||
                                        (maker->is("Mul") && graph_.constant_scalar(maker->inputs[1])));
    if (is_unary) {
      std::vector<ValueId> inputs = maker->inputs;
      inputs[0] = with_batch(inputs[0], batch);
      graph_.set_cursor(after(inputs[0], maker));
      result = graph_.emit(maker->op_type, std::move(inputs), maker->attributes, graph_.dtype(half), sizes);
    } else {
      graph_.set_cursor(has_maker ? std::next(maker) : graph_.nodes().begin());
      result = emitter_.expand(half, sizes);
    }
    expanded_.emplace(half, result);
    return result;
  }

  /// The node that makes a value, which may be newer than uses_.
  NodeList::iterator maker_of(ValueId id) {
    return std::find_if(graph_.nodes().begin(), graph_.nodes().end(), [&](const OnnxNode& node) {
      return std::find(node.outputs.begin(), node.outputs.end(), id) != node.outputs.end();
    });
  }

  /// The place behind both the maker of `id` and `other`.
  NodeList::iterator after(ValueId id, NodeList::iterator other) {
    const NodeList::iterator maker = maker_of(id);
    for (NodeList::iterator at = other; at != graph_.nodes().end(); ++at) {
      if (at == maker) return std::next(maker);
    }
    return std::next(other);
  }

  bool fuse(NodeList::iterator add) {
    for (const size_t side : {0, 1}) {
      const OnnxNode* plain = uses_.producer(add->inputs[side], "Mul");
      const OnnxNode* turned = uses_.producer(add->inputs[1 - side], "Mul");
      if (!plain || !turned) continue;
      const auto turned_parts = in_order(*turned, [&](ValueId id) { return rotated(id).has_value(); });
      if (!turned_parts) continue;
      const Half half = *rotated(turned_parts->first);
      const auto plain_parts = in_order(*plain, [&](ValueId id) { return id == half.source; });
      if (!plain_parts || graph_.rank(half.source) != 4) continue;
      const Sizes& sizes = graph_.sizes(half.source);
      const ValueId cos_table = plain_parts->second, sin_table = turned_parts->second;
      if (!is_table(cos_table) || !is_table(sin_table)) continue;
      ValueId cos = first_half(cos_table), sin = first_half(sin_table);
      if (cos == kAbsent || sin == kAbsent || graph_.sizes(cos) != graph_.sizes(sin)) continue;
      if (graph_.rank(cos) != 3 || !known_equal(graph_.sizes(cos)[1], sizes[2])) continue;
      if (graph_.dtype(cos) != graph_.dtype(half.source)) continue;
      cos = with_batch(cos, sizes[0]);
      sin = with_batch(sin, sizes[0]);
      if (cos == kAbsent || sin == kAbsent) continue;
      *add = OnnxNode{"RotaryEmbedding", "", {half.source, cos, sin}, add->outputs, {}};
      return true;
    }
    return false;
  }

  OnnxGraph& graph_;
  Uses uses_;
  Emitter emitter_;
  std::unordered_map<ValueId, ValueId> halves_, expanded_;
};

}  // namespace

bool fuse_rotary_embedding(OnnxGraph& graph) { return graph.opset() >= 23 && RotaryFuser(graph).run(); }

}  // namespace exformer::onnx
