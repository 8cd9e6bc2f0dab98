#include <algorithm>
#include <unordered_map>

#include "exformer/backends/onnx/emitter.h"
#include "exformer/backends/onnx/fusions.h"
#include "exformer/base/error.h"

namespace exformer::onnx {
namespace {

bool is_one_of(const OnnxNode& node, std::initializer_list<std::string_view> operators) {
  return node.domain.empty() && std::find(operators.begin(), operators.end(), node.op_type) != operators.end();
}

/// Works on each row by itself: pointwise, or along the last dim.
bool works_on_rows(const OnnxNode& node, int64_t rank) {
  if (is_one_of(node, {"Add", "Sub",  "Mul",      "Div",  "Sigmoid",     "Swish",      "Gelu", "Relu", "Tanh",
                       "Erf", "Neg",  "Abs",      "Exp",  "Sqrt",        "Reciprocal", "Pow",  "Clip", "LeakyRelu",
                       "Elu", "Selu", "Softplus", "Mish", "HardSigmoid", "Max",        "Min",  "Cast"})) {
    return true;
  }
  if (node.domain == kMicrosoft && node.op_type == "QuickGelu") return true;
  if (is_one_of(node, {"RMSNormalization", "LayerNormalization"})) {
    const int64_t axis = node.integer("axis", -1);
    return node.outputs.size() == 1 && (axis == -1 || axis == rank - 1);
  }
  return false;
}

class RowFolder {
 public:
  explicit RowFolder(OnnxGraph& graph)
      : graph_(graph), uses_(graph), emitter_(graph, ShapeArithmetic::at_front(graph)) {}

  bool run() {
    bool changed = false;
    for (auto at = graph_.nodes().begin(); at != graph_.nodes().end(); ++at) {
      if (at->outputs.size() != 1) continue;
      if (at->is("Reshape")) {
        note_unfolding(*at);
        continue;
      }
      try {
        changed = fold_lookup(at) || fold(at) || changed;
      } catch (const ExportError&) {
        continue;  // a size that no input tells
      }
    }
    graph_.reset_cursor();
    return changed;
  }

 private:
  static SymInt row_count(const Sizes& sizes) {
    SymInt rows(1);
    for (size_t i = 0; i + 1 < sizes.size(); ++i) rows = rows * sizes[i];
    return rows;
  }

  /// Reshape of [rows, features] to [..., features].
  void note_unfolding(const OnnxNode& node) {
    const Sizes& from = graph_.sizes(node.inputs[0]);
    const Sizes& to = graph_.sizes(node.outputs[0]);
    if (from.size() == 2 && to.size() > 2 && from[1] == to.back() && from[0] == row_count(to))
      folded_.emplace(node.outputs[0], node.inputs[0]);
  }

  /// Rows of a table for [batch, length] indices: looked up for [rows] indices.
  bool fold_lookup(NodeList::iterator node) {
    if (!node->is("Gather") || node->integer("axis", 0) != 0 || graph_.rank(node->inputs[0]) != 2 ||
        graph_.rank(node->inputs[1]) < 2)
      return false;
    const ValueId output = node->outputs[0];
    const auto& readers = uses_.readers(output);
    if (!std::any_of(readers.begin(), readers.end(), [&](const OnnxNode* reader) { return is_folding(*reader); }))
      return false;
    const Sizes sizes = graph_.sizes(output);
    graph_.set_cursor(node);
    const ValueId rows = emitter_.reshape(node->inputs[1], {row_count(sizes)});
    unfold(node, sizes);
    node->inputs[1] = rows;
    return true;
  }

  /// Norms and linear layers, or what leads to them soon.
  bool is_folding(const OnnxNode& node) const {
    if (node.is("Reshape")) return graph_.rank(node.outputs[0]) == 2;
    return node.is("RMSNormalization") || node.is("LayerNormalization");
  }

  bool fold(NodeList::iterator node) {
    const ValueId output = node->outputs[0];
    const Sizes sizes = graph_.sizes(output);
    if (sizes.size() < 3 || !works_on_rows(*node, static_cast<int64_t>(sizes.size()))) return false;
    int folded_inputs = 0, whole_inputs = 0;
    for (const ValueId input : node->inputs) {
      if (input == kAbsent || graph_.rank(input) <= 1) continue;  // the same for every row
      if (graph_.sizes(input) != sizes) return false;
      ++(folded_.contains(input) ? folded_inputs : whole_inputs);
    }
    if (folded_inputs == 0 || whole_inputs > folded_inputs) return false;
    graph_.set_cursor(node);
    const Sizes rows = {row_count(sizes), sizes.back()};
    std::vector<ValueId> inputs = node->inputs;
    for (ValueId& input : inputs) {
      if (input == kAbsent || graph_.rank(input) <= 1) continue;
      auto found = folded_.find(input);
      if (found == folded_.end()) found = folded_.emplace(input, emitter_.reshape(input, rows)).first;
      input = found->second;
    }
    unfold(node, sizes);
    node->inputs = std::move(inputs);
    if (node->attribute("axis")) node->set("axis", int64_t{-1});
    return true;
  }

  /// Gives the node's result the sizes [rows, features], and its readers a Reshape of it to `sizes`. Nothing has
  /// changed when it throws.
  void unfold(NodeList::iterator node, const Sizes& sizes) {
    const ValueId output = node->outputs[0];
    const ValueId result =
        graph_.add_value(graph_.value(output).name, graph_.dtype(output), {row_count(sizes), sizes.back()});
    graph_.set_cursor(std::next(node));
    emitter_.reshape(result, sizes);
    std::prev(graph_.cursor())->outputs[0] = output;  // that Reshape gives the old value
    node->outputs[0] = result;
    folded_.emplace(output, result);
  }

  OnnxGraph& graph_;
  Uses uses_;
  Emitter emitter_;
  std::unordered_map<ValueId, ValueId> folded_;
};

}  // namespace

bool keep_rows_folded(OnnxGraph& graph) {
  const bool has_gemm =
      std::any_of(graph.nodes().begin(), graph.nodes().end(), [](const OnnxNode& node) { return node.is("Gemm"); });
  return has_gemm && RowFolder(graph).run();
}

}  // namespace exformer::onnx
