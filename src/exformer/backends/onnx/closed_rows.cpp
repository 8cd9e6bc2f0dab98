// Masks of Attention that close a whole row with the lowest float.
#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <set>

#include "exformer/backends/onnx/emitter.h"
#include "exformer/backends/onnx/fusions.h"

namespace exformer::onnx {
namespace {

/// What torch.finfo gives as `min`; 0 for other dtypes.
double lowest(DType dtype) {
  switch (dtype) {
    case DType::Float16: return -65504.0;
    case DType::BFloat16: return -0x1.fep127;
    case DType::Float32: return std::numeric_limits<float>::lowest();
    case DType::Float64: return std::numeric_limits<double>::lowest();
    default: return 0.0;
  }
}

/// Operators through which an element of an input can become one of the result.
constexpr std::array kCarriers = {
    "Where",     "Add",     "Sub",  "Mul",  "Max",    "Min",       "Expand", "Reshape", "Squeeze",   "Slice",
    "Unsqueeze", "Concat",  "Cast", "Tile", "Gather", "Transpose", "Pad",    "Trilu",   "ScatterND", "ScatterElements",
    "Neg",       "Identity"};

class Masks {
 public:
  explicit Masks(OnnxGraph& graph) : graph_(graph), uses_(graph), holders_(graph.inputs.begin(), graph.inputs.end()) {
    for (const OnnxNode& node : graph.nodes()) {
      const bool carries = std::any_of(kCarriers.begin(), kCarriers.end(), [&](const char* op) { return node.is(op); });
      if (carries && std::any_of(node.inputs.begin(), node.inputs.end(), [this](ValueId id) { return may_hold(id); }))
        holders_.insert(node.outputs.begin(), node.outputs.end());
    }
  }

  bool run() {
    bool changed = false;
    for (auto at = graph_.nodes().begin(); at != graph_.nodes().end(); ++at) {
      constexpr size_t kMask = 3;
      if (!at->is("Attention") || at->inputs.size() <= kMask || !may_hold(at->inputs[kMask])) continue;
      OnnxNode* reader = &*at;
      size_t input = kMask;
      for (OnnxNode* maker; (maker = uses_.producer(reader->inputs[input])) && is_widening(*maker); input = 0)
        reader = maker;
      const ValueId mask = reader->inputs[input];
      if (!softened_.contains(mask)) {
        graph_.set_cursor(reader == &*at ? at : uses_.position(reader));
        const double value = lowest(graph_.dtype(mask));
        const ValueId least = graph_.scalar(value, graph_.dtype(mask));
        const ValueId is_least = graph_.pointwise_as(DType::Bool, "Equal", {mask, least});
        softened_[mask] = graph_.pointwise_as(graph_.dtype(mask), "Where",
                                              {is_least, graph_.scalar(value / 2, graph_.dtype(mask)), mask});
      }
      reader->inputs[input] = softened_[mask];
      changed = true;
    }
    graph_.reset_cursor();
    return changed;
  }

 private:
  bool may_hold(ValueId id) const {
    if (id == kAbsent || lowest(graph_.dtype(id)) == 0.0) return false;
    return holders_.contains(id) || graph_.constant_scalar(id) == lowest(graph_.dtype(id));
  }

  /// Makes a mask larger for its one reader: what comes before is cheaper to change.
  bool is_widening(const OnnxNode& node) const {
    return (node.is("Expand") || node.is("Unsqueeze")) && uses_.single_use(node.outputs[0]);
  }

  OnnxGraph& graph_;
  Uses uses_;
  std::set<ValueId> holders_;
  std::map<ValueId, ValueId> softened_;
};

}  // namespace

bool keep_closed_rows(OnnxGraph& graph) { return Masks(graph).run(); }

}  // namespace exformer::onnx
