// Operators of com.microsoft that ONNX Runtime's CPU provider has kernels for (`ort_fusions = "cpu"`): fewer nodes for
// the same arithmetic.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "exformer/backends/onnx/emitter.h"
#include "exformer/backends/onnx/fusions.h"
#include "exformer/base/error.h"

namespace exformer::onnx {
namespace {

bool is_linear(const OnnxNode& node) { return node.is("FusedMatMul", kMicrosoft) && node.integer("transB", 0) == 1; }

/// The Split's sizes along the last dim.
std::optional<std::vector<int64_t>> last_dim_split(const OnnxGraph& graph, const OnnxNode& node) {
  if (!node.is("Split") || node.inputs.size() != 2 || node.integer("axis", 0) != graph.rank(node.inputs[0]) - 1)
    return std::nullopt;
  return graph.constant_values(node.inputs[1]);
}

/// "a.q_proj.weight", "a.k_proj.weight" -> "a.q_proj+k_proj.weight"
std::string joined_name(const std::vector<std::string>& names) {
  const std::string& first = names.front();
  size_t begin = first.size(), end = first.size();
  for (const std::string& name : names) {
    const auto front = std::mismatch(first.begin(), first.end(), name.begin(), name.end());
    begin = std::min(begin, static_cast<size_t>(front.first - first.begin()));
    const auto back = std::mismatch(first.rbegin(), first.rend(), name.rbegin(), name.rend());
    end = std::min(end, static_cast<size_t>(back.first - first.rbegin()));
  }
  begin = first.rfind('.', begin) == std::string::npos ? 0 : first.rfind('.', begin) + 1;
  const size_t dot = first.find('.', first.size() - end);
  const size_t tail = dot == std::string::npos ? 0 : first.size() - dot;
  std::string result = first.substr(0, begin);
  for (size_t i = 0; i < names.size(); ++i) {
    const size_t length = names[i].size() > begin + tail ? names[i].size() - begin - tail : 0;
    result += (i ? "+" : "") + names[i].substr(begin, length);
  }
  return result + first.substr(first.size() - tail);
}

/// A norm and a rotary embedding over the heads of one part of a Split.
struct HeadBranch {
  const OnnxNode* norm = nullptr;
  OnnxNode* rotary = nullptr;
  int64_t heads = 0, width = 0;
};

/// Split -> Reshape [.., heads, width] -> RMSNormalization -> Reshape -> RotaryEmbedding, each read by the next one
/// only.
std::optional<HeadBranch> head_branch(const OnnxGraph& graph, const Uses& uses, ValueId part) {
  const auto next = [&](ValueId id, std::string_view op) -> OnnxNode* {
    return uses.single_use(id) && uses.readers(id).front()->is(op) && uses.readers(id).front()->inputs[0] == id
               ? uses.readers(id).front()
               : nullptr;
  };
  const OnnxNode* split = next(part, "Reshape");
  if (!split || graph.rank(split->outputs[0]) != 4) return std::nullopt;
  const OnnxNode* norm = next(split->outputs[0], "RMSNormalization");
  if (!norm || (norm->integer("axis", -1) != -1 && norm->integer("axis", -1) != 3)) return std::nullopt;
  const OnnxNode* merge = next(norm->outputs[0], "Reshape");
  if (!merge || graph.sizes(merge->outputs[0]) != graph.sizes(part)) return std::nullopt;
  OnnxNode* rotary = next(merge->outputs[0], "RotaryEmbedding");
  if (!rotary || !rotary->attribute("num_heads")) return std::nullopt;
  const Sizes& sizes = graph.sizes(split->outputs[0]);
  if (!sizes[2].is_constant() || !sizes[3].is_constant()) return std::nullopt;
  return HeadBranch{norm, rotary, sizes[2].value(), sizes[3].value()};
}

/// Reads no input, directly or by way of others.
bool is_made_of_weights(const OnnxGraph& graph, const Uses& uses, ValueId id) {
  if (id == kAbsent || graph.is_initializer(id)) return true;
  const OnnxNode* maker = uses.producer(id);
  return maker && std::all_of(maker->inputs.begin(), maker->inputs.end(),
                              [&](ValueId input) { return is_made_of_weights(graph, uses, input); });
}

}  // namespace

bool use_fused_matmul(OnnxGraph& graph) {
  const Uses uses(graph);
  Emitter emitter(graph, ShapeArithmetic::at_front(graph));
  bool changed = false;
  for (auto at = graph.nodes().begin(); at != graph.nodes().end(); ++at) {
    if (!at->is("Gemm") || at->inputs.size() != 2 || at->integer("transB", 0) != 1 || at->integer("transA", 0) != 0 ||
        at->attribute("alpha"))
      continue;
    const OnnxNode* fold = uses.producer(at->inputs[0], "Reshape");
    const ValueId input = fold ? fold->inputs[0] : at->inputs[0];
    if (graph.sizes(input).back() != graph.sizes(at->inputs[0]).back()) continue;
    const ValueId output = at->outputs[0];
    Sizes sizes = graph.sizes(input);
    sizes.back() = graph.sizes(output).back();
    graph.set_cursor(at);
    try {
      const ValueId product = graph.emit("FusedMatMul", {input, at->inputs[1]}, {{"transB", int64_t{1}}},
                                         graph.dtype(output), sizes, kMicrosoft);
      if (sizes == graph.sizes(output)) {
        *at = OnnxNode{"Identity", "", {product}, {output}, {}};
      } else {
        emitter.reshape(product, graph.sizes(output));
        OnnxNode& fold_back = *std::prev(at);
        fold_back.outputs[0] = output;
        at->outputs[0] = graph.add_value("unused", graph.dtype(output), graph.sizes(output));
      }
      changed = true;
    } catch (const ExportError&) {
      continue;  // a size that no input tells
    }
  }
  graph.reset_cursor();
  return changed;
}

bool join_projections(OnnxGraph& graph) {
  const Uses uses(graph);
  std::map<ValueId, std::vector<NodeList::iterator>> by_input;
  for (auto at = graph.nodes().begin(); at != graph.nodes().end(); ++at) {
    if (!is_linear(*at) || !graph.is_weight(at->inputs[1]) || !uses.single_use(at->inputs[1])) continue;
    by_input[at->inputs[0]].push_back(at);
  }
  bool changed = false;
  for (const auto& [input, linears] : by_input) {
    if (linears.size() < 3) continue;
    // The query is the widest; keys and values follow in the order of the graph.
    std::vector<NodeList::iterator> ordered = linears;
    std::stable_sort(ordered.begin(), ordered.end(), [&](auto a, auto b) {
      return graph.sizes(a->inputs[1])[0].value() > graph.sizes(b->inputs[1])[0].value();
    });
    std::vector<ValueId> weights;
    std::vector<std::string> names;
    std::vector<int64_t> widths;
    int64_t total = 0;
    for (const auto& linear : ordered) {
      weights.push_back(linear->inputs[1]);
      names.push_back(graph.value(linear->inputs[1]).name);
      widths.push_back(graph.sizes(linear->inputs[1])[0].value());
      total += widths.back();
    }
    const NodeList::iterator first = linears.front();
    const ValueId weight = graph.add_joined_weight(joined_name(names), weights);
    Sizes sizes = graph.sizes(first->outputs[0]);
    sizes.back() = SymInt(total);
    graph.set_cursor(first);
    const ValueId product = graph.emit("FusedMatMul", {input, weight}, {{"transB", int64_t{1}}},
                                       graph.dtype(first->outputs[0]), sizes, kMicrosoft);
    OnnxNode split{"Split", "", {product, graph.constant_ints(widths)}, {}, {{"axis", graph.rank(product) - 1}}};
    for (const auto& linear : ordered) {
      split.outputs.push_back(linear->outputs[0]);
      linear->outputs[0] = graph.add_value("unused", graph.dtype(product), graph.sizes(linear->outputs[0]));
    }
    graph.nodes().insert(first, std::move(split));
    changed = true;
  }
  graph.reset_cursor();
  return changed;
}

bool join_heads(OnnxGraph& graph) {
  bool changed = false;
  const Uses uses(graph);
  Emitter emitter(graph, ShapeArithmetic::at_front(graph));
  for (auto at = graph.nodes().begin(); at != graph.nodes().end(); ++at) {
    const auto widths = last_dim_split(graph, *at);
    if (!widths || at->outputs.size() != 3) continue;
    // Keys may come before or after values.
    const auto query = head_branch(graph, uses, at->outputs[0]);
    const size_t key_part = head_branch(graph, uses, at->outputs[1]) ? 1 : 2;
    const auto key = head_branch(graph, uses, at->outputs[key_part]);
    if (!query || !key || query->width != key->width || key_part != 1) continue;
    if (query->norm->real("epsilon", 1e-5) != key->norm->real("epsilon", 1e-5)) continue;
    if (query->rotary->inputs[1] != key->rotary->inputs[1] || query->rotary->inputs[2] != key->rotary->inputs[2])
      continue;
    const LazyTensor* query_weight = graph.initializer(query->norm->inputs[1]);
    const LazyTensor* key_weight = graph.initializer(key->norm->inputs[1]);
    if (!query_weight || !key_weight || query_weight->dtype() != DType::Float32 ||
        key_weight->dtype() != DType::Float32)
      continue;
    const ValueId source = at->inputs[0];
    const int64_t heads = query->heads + key->heads, width = query->width;
    const DType dtype = graph.dtype(source);
    const Sizes lead(graph.sizes(source).begin(), graph.sizes(source).end() - 1);
    if (lead.size() != 2) continue;
    // One row of weights per head.
    std::vector<float> rows;
    for (const auto& [tensor, count] : {std::pair(query_weight, query->heads), std::pair(key_weight, key->heads)}) {
      const HostTensor host = tensor->materialize().contiguous();
      for (int64_t i = 0; i < count; ++i) rows.insert(rows.end(), host.data<float>(), host.data<float>() + width);
    }
    const ValueId weight = graph.constant(HostTensor::from(DType::Float32, {heads, width}, rows));
    const ValueId ones =
        graph.constant(HostTensor::from(DType::Float32, {width}, std::vector<float>(static_cast<size_t>(width), 1.0F)));
    // The last of both rotary embeddings' inputs must be there: work right before the later one.
    graph.set_cursor(uses.position(query->rotary));
    const auto later = std::find_if(uses.position(query->rotary), graph.nodes().end(),
                                    [&](const OnnxNode& node) { return &node == key->rotary; });
    if (later == graph.nodes().end()) graph.set_cursor(uses.position(key->rotary));
    const auto widen = [&](int64_t last) { return Sizes{lead[0], lead[1], SymInt(last)}; };
    const auto parts =
        graph.emit_many("Split", {source, graph.constant_ints({heads * width, (*widths)[2]})}, {{"axis", int64_t{2}}},
                        {{dtype, widen(heads * width)}, {dtype, widen((*widths)[2])}});
    const ValueId rows_of_heads = emitter.reshape(parts[0], {lead[0], lead[1], SymInt(heads), SymInt(width)});
    const ValueId normal = graph.emit("RMSNormalization", {rows_of_heads, ones}, query->norm->attributes, dtype,
                                      graph.sizes(rows_of_heads));
    const ValueId scaled = graph.pointwise("Mul", {normal, weight});
    const ValueId merged = emitter.reshape(scaled, widen(heads * width));
    Attributes attributes = query->rotary->attributes;
    OnnxNode rotary{
        "RotaryEmbedding", "", {merged, query->rotary->inputs[1], query->rotary->inputs[2]}, {}, std::move(attributes)};
    rotary.set("num_heads", heads);
    const ValueId turned = graph.emit("RotaryEmbedding", rotary.inputs, rotary.attributes, dtype, widen(heads * width));
    OnnxNode divide{"Split",
                    "",
                    {turned, graph.constant_ints({(*widths)[0], (*widths)[1]})},
                    {query->rotary->outputs[0], key->rotary->outputs[0]},
                    {{"axis", int64_t{2}}}};
    graph.nodes().insert(graph.cursor(), std::move(divide));
    for (OnnxNode* old : {query->rotary, key->rotary})
      old->outputs[0] = graph.add_value("unused", dtype, graph.sizes(old->outputs[0]));
    // The values' part: read from the new Split where it comes first, else from the old one, which then stays.
    const ValueId values = at->outputs[2];
    const bool moves = std::none_of(at, graph.cursor(), [&](const OnnxNode& node) {
      return std::find(node.inputs.begin(), node.inputs.end(), values) != node.inputs.end();
    });
    if (moves) replace_value(graph, uses, values, parts[1]);
    changed = true;
  }
  graph.reset_cursor();
  return changed;
}

bool use_microsoft_activations(OnnxGraph& graph) {
  const Uses uses(graph);
  bool changed = false;
  for (auto at = graph.nodes().begin(); at != graph.nodes().end(); ++at) {
    const auto real_dtype = [&](ValueId id) { return graph.dtype(id) == DType::Float32; };
    // Swish(x) and x * Sigmoid(alpha * x)
    if (at->is("Swish") && real_dtype(at->inputs[0])) {
      *at =
          OnnxNode{"QuickGelu", std::string(kMicrosoft), at->inputs, at->outputs, {{"alpha", at->real("alpha", 1.0)}}};
      changed = true;
      continue;
    }
    if (at->is("Mul")) {
      for (const size_t side : {0, 1}) {
        const OnnxNode* sigmoid = uses.producer(at->inputs[side], "Sigmoid");
        if (!sigmoid || !uses.single_use(sigmoid->outputs[0]) || !real_dtype(at->inputs[side])) continue;
        const ValueId x = at->inputs[1 - side];
        double alpha = 1.0;
        if (sigmoid->inputs[0] != x) {
          const OnnxNode* scale = uses.producer(sigmoid->inputs[0], "Mul");
          if (!scale || scale->inputs[0] != x || !graph.constant_scalar(scale->inputs[1])) continue;
          alpha = *graph.constant_scalar(scale->inputs[1]);
        }
        *at = OnnxNode{"QuickGelu", std::string(kMicrosoft), {x}, at->outputs, {{"alpha", alpha}}};
        changed = true;
        break;
      }
      continue;
    }
    // RMSNormalization(x + y) and LayerNormalization(x + y); the sum may be read elsewhere too.
    const bool is_layer_norm = at->is("LayerNormalization") && at->outputs.size() == 1 && at->inputs.size() == 3;
    if (!(at->is("RMSNormalization") || is_layer_norm) || !real_dtype(at->inputs[0])) continue;
    OnnxNode* sum = uses.producer(at->inputs[0], "Add");
    const int64_t rank = graph.rank(at->inputs[0]), axis = at->integer("axis", -1);
    if (!sum || rank > 3 || rank < 2 || (axis != -1 && axis != rank - 1) ||
        graph.sizes(sum->inputs[0]) != graph.sizes(sum->inputs[1]))
      continue;
    if (!std::all_of(at->inputs.begin() + 1, at->inputs.end(), [&](ValueId id) {
          return graph.sizes(id) == Sizes{graph.sizes(at->inputs[0]).back()} && is_made_of_weights(graph, uses, id);
        }))
      continue;
    // The fused node stands where the Add stood, before the readers of the sum; what makes its weight moves there too.
    const ValueId total = sum->outputs[0], normal = at->outputs[0];
    OnnxNode fused{is_layer_norm ? "SkipLayerNormalization" : "SkipSimplifiedLayerNormalization",
                   std::string(kMicrosoft),
                   {sum->inputs[0], sum->inputs[1], at->inputs[1]},
                   {normal},
                   {{"epsilon", at->real("epsilon", 1e-5)}}};
    if (is_layer_norm) fused.inputs.push_back(at->inputs[2]);
    if (!uses.single_use(total)) fused.outputs.insert(fused.outputs.end(), {kAbsent, kAbsent, total});
    graph.nodes().insert(uses.position(sum), std::move(fused));
    sum->outputs[0] = graph.add_value("unused", graph.dtype(total), graph.sizes(total));
    at->outputs[0] = graph.add_value("unused", graph.dtype(normal), graph.sizes(normal));
    changed = true;
  }
  graph.reset_cursor();
  return changed;
}

}  // namespace exformer::onnx
