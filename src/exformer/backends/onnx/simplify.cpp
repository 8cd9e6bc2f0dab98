// Local clean-up of data movement. Every rule looks at one node and the makers of its inputs; what it bypasses is left
// for dead code.
#include <algorithm>
#include <numeric>

#include "exformer/backends/onnx/cleanup.h"
#include "exformer/backends/onnx/emitter.h"
#include "exformer/base/error.h"

namespace exformer::onnx {
namespace {

bool is_reshape_like(const OnnxNode& node) {
  return node.domain.empty() && (node.op_type == "Reshape" || node.op_type == "Unsqueeze" || node.op_type == "Squeeze");
}

/// Operators that broadcast all their inputs.
bool broadcasts(const OnnxNode& node) {
  constexpr const char* kOperators[] = {"Add",
                                        "Sub",
                                        "Mul",
                                        "Div",
                                        "Pow",
                                        "And",
                                        "Or",
                                        "Xor",
                                        "Equal",
                                        "Less",
                                        "LessOrEqual",
                                        "Greater",
                                        "GreaterOrEqual",
                                        "Where",
                                        "Min",
                                        "Max",
                                        "Mod"};
  return node.domain.empty() &&
         std::any_of(std::begin(kOperators), std::end(kOperators), [&](const char* op) { return node.op_type == op; });
}

/// True when every value of `from` is a value of `to`: a Cast there and back changes nothing.
bool is_lossless(DType from, DType to) {
  if (from == to || from == DType::Bool) return true;
  if (is_floating_point(from))
    return is_floating_point(to) && (to == DType::Float64 || (to == DType::Float32 && from != DType::Float64));
  if (is_floating_point(to)) return item_size(from) * 2 <= item_size(to);
  if (!is_integer(from) || !is_integer(to)) return false;
  const auto is_signed = [](DType dtype) {
    return dtype == DType::Int8 || dtype == DType::Int16 || dtype == DType::Int32 || dtype == DType::Int64;
  };
  if (is_signed(from) == is_signed(to)) return item_size(from) <= item_size(to);
  return is_signed(to) && item_size(from) < item_size(to);
}

class Simplifier {
 public:
  explicit Simplifier(OnnxGraph& graph)
      : graph_(graph), uses_(graph), emitter_(graph, ShapeArithmetic::at_front(graph)) {}

  bool run() {
    bool changed = false;
    for (auto at = graph_.nodes().begin(); at != graph_.nodes().end(); ++at) {
      if (at->outputs.size() != 1) continue;
      graph_.set_cursor(at);
      const ValueId before = at->outputs[0];
      if (uses_.readers(before).empty()) continue;  // only a graph output, whose name must stay, or dead
      ValueId after = kAbsent;
      try {
        after = rewrite(*at);
      } catch (const ExportError&) {
        continue;  // a size that no input tells: the node stays as it is
      }
      if (after == kAbsent) {
        changed = drop_expands(*at) || changed;
        continue;
      }
      replace_readers(before, after);
      changed = true;
    }
    graph_.reset_cursor();
    return changed;
  }

 private:
  /// The value to read instead of the node's; kAbsent when it stays.
  ValueId rewrite(const OnnxNode& node) {
    if (!node.domain.empty()) return kAbsent;
    if (node.op_type == "Identity") return node.inputs[0];
    if (node.op_type == "Cast") return cast(node);
    if (is_reshape_like(node)) return reshape(node);
    if (node.op_type == "Transpose") return transpose(node);
    if (node.op_type == "Expand")
      return graph_.sizes(node.inputs[0]) == graph_.sizes(node.outputs[0]) ? node.inputs[0] : kAbsent;
    if (node.op_type == "Concat" && node.inputs.size() == 1) return node.inputs[0];
    return kAbsent;
  }

  /// Cast(x: T, T) -> x;  Cast(Cast(x: T, wider), T) -> x;  Cast(Cast(x, wider), U) -> Cast(x, U)
  ValueId cast(const OnnxNode& node) {
    const ValueId input = node.inputs[0];
    const DType to = graph_.dtype(node.outputs[0]);
    if (graph_.dtype(input) == to) return input;
    const OnnxNode* inner = maker(input, "Cast");
    if (!inner || !is_lossless(graph_.dtype(inner->inputs[0]), graph_.dtype(input))) return kAbsent;
    return graph_.cast(inner->inputs[0], to);
  }

  /// Reshape(x) of x's own sizes -> x;  Reshape(Reshape | Unsqueeze | Squeeze(x)) -> Reshape(x);  the same with
  /// Unsqueeze or Squeeze outside when they undo what is inside.
  ValueId reshape(const OnnxNode& node) {
    const ValueId input = node.inputs[0];
    const Sizes& to = graph_.sizes(node.outputs[0]);
    if (graph_.sizes(input) == to) return input;
    ValueId root = input;
    while (const OnnxNode* inner = maker(root)) {
      if (!is_reshape_like(*inner)) break;
      root = inner->inputs[0];
      if (graph_.sizes(root) == to) return root;
    }
    if (node.op_type == "Unsqueeze") return merge_unsqueezes(node);
    if (root == input || node.op_type != "Reshape") return kAbsent;
    return emitter_.reshape(root, to);
  }

  /// Unsqueeze(Unsqueeze(x)) -> Unsqueeze(x) of both axes
  ValueId merge_unsqueezes(const OnnxNode& node) {
    const OnnxNode* inner = maker(node.inputs[0], "Unsqueeze");
    if (!inner) return kAbsent;
    const auto first = graph_.constant_values(inner->inputs[1]), second = graph_.constant_values(node.inputs[1]);
    if (!first || !second) return kAbsent;
    // The inner axes, where the outer ones leave them.
    const int64_t rank = graph_.rank(node.outputs[0]);
    std::vector<int64_t> axes = *second;
    for (int64_t axis = 0, inside = 0; axis < rank; ++axis) {
      if (std::find(second->begin(), second->end(), axis) != second->end()) continue;
      if (std::find(first->begin(), first->end(), inside++) != first->end()) axes.push_back(axis);
    }
    std::sort(axes.begin(), axes.end());
    return graph_.emit("Unsqueeze", {inner->inputs[0], graph_.constant_ints(axes)}, {}, graph_.dtype(node.outputs[0]),
                       graph_.sizes(node.outputs[0]));
  }

  /// Transpose(Transpose(x)) -> Transpose(x) with the permutations composed, or x.  A Transpose that moves only dims of
  /// size 1 -> Reshape.
  ValueId transpose(const OnnxNode& node) {
    std::vector<int64_t> permutation = node.integers("perm");
    ValueId input = node.inputs[0];
    if (std::is_sorted(permutation.begin(), permutation.end())) return input;
    const OnnxNode* inner = maker(input, "Transpose");
    if (!inner) return kAbsent;
    const std::vector<int64_t> first = inner->integers("perm");
    for (int64_t& dim : permutation) dim = first[static_cast<size_t>(dim)];
    return emitter_.transpose(inner->inputs[0], permutation);
  }

  /// Only dims of size 1 are put in front: [n] -> [1, 1, n].
  bool prepends_ones(const OnnxNode& node) const {
    if (!is_reshape_like(node)) return false;
    const Sizes& from = graph_.sizes(node.inputs[0]);
    const Sizes& to = graph_.sizes(node.outputs[0]);
    if (from.size() >= to.size() || !std::equal(from.rbegin(), from.rend(), to.rbegin())) return false;
    return std::all_of(to.begin(), to.end() - static_cast<int64_t>(from.size()),
                       [](const SymInt& size) { return size == SymInt(1); });
  }

  /// An operator that broadcasts reads x instead of Expand(x) or of x with dims of size 1 in front, when its other
  /// inputs already give it its sizes.
  bool drop_expands(OnnxNode& node) {
    if (!broadcasts(node)) return false;
    bool changed = false;
    for (ValueId& input : node.inputs) {
      const OnnxNode* expand = maker(input);
      if (!expand || !(expand->is("Expand") || prepends_ones(*expand))) continue;
      Sizes sizes;
      for (const ValueId other : node.inputs)
        sizes = broadcast(sizes, graph_.sizes(other == input ? expand->inputs[0] : other));
      if (sizes != graph_.sizes(node.outputs[0])) continue;
      input = expand->inputs[0];
      changed = true;
    }
    return changed;
  }

  OnnxNode* maker(ValueId id) const { return uses_.producer(id); }
  OnnxNode* maker(ValueId id, std::string_view op) const { return uses_.producer(id, op); }

  void replace_readers(ValueId before, ValueId after) {
    for (OnnxNode* reader : uses_.readers(before)) {
      for (ValueId& input : reader->inputs) {
        if (input == before) input = after;
      }
    }
  }

  OnnxGraph& graph_;
  Uses uses_;
  Emitter emitter_;
};

}  // namespace

bool simplify(OnnxGraph& graph) { return Simplifier(graph).run(); }

}  // namespace exformer::onnx
