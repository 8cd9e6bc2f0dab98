// scaled_dot_product_attention as two batched products and a softmax. Heads that share keys are rows of one product,
// so that keys and values are never repeated. Or, on request, as one call of a kernel of ExecuTorch's LLM extension.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "exformer/backends/executorch/fixes.h"
#include "exformer/backends/executorch/kernels.h"
#include "exformer/ops/builder.h"
#include "exformer/symbolic/printers.h"

namespace exformer::executorch {
namespace {

// Stands for minus infinity: any score disappears beside it, and a row of nothing else has no NaN.
constexpr double kClosed = -1e30;

/// What is added to the scores, and 1 for rows that see anything (torch gives 0 for the others; null: all rows do).
struct PreparedMask {
  Value* addend = nullptr;
  Value* open_rows = nullptr;
};

/// One call of scaled_dot_product_attention.
struct AttentionCall {
  Node* node;
  ValueArgs args;
  Value *query, *key, *value;
  const std::vector<SymInt>&q, &k, &v;  // their sizes

  explicit AttentionCall(Node* called)
      : node(called),
        args(called->schema(), called->arguments()),
        query(args.tensor("query")),
        key(args.tensor("key")),
        value(args.tensor("value")),
        q(query->meta.sizes),
        k(key->meta.sizes),
        v(value->meta.sizes) {}

  /// Null where there is none.
  Value* mask() const {
    Value* const* given = args.optional_tensor("attn_mask");
    return given ? *given : nullptr;
  }
  /// [batch, heads, length, width], each key head for as many query heads.
  bool has_usual_heads() const {
    return q.size() == 4 && k.size() == 4 && v.size() == 4 && known_equal(q[0], k[0]) && known_equal(k[0], v[0]) &&
           known_equal(k[1], v[1]) && q[1].is_constant() && k[1].is_constant() && q[1].value() % k[1].value() == 0 &&
           (q[1] == k[1] || args.boolean("enable_gqa"));
  }
};

class AttentionFix {
 public:
  explicit AttentionFix(Graph& graph) : graph_(graph) {}

  /// Calls with other heads stay: they are decomposed as the op declares.
  void run(void (AttentionFix::*fix)(const AttentionCall&)) {
    for (auto at = graph_.nodes().begin(); at != graph_.nodes().end();) {
      Node* node = (at++)->get();
      if (!node->is("aten::scaled_dot_product_attention")) continue;
      if (const AttentionCall call(node); call.has_usual_heads()) (this->*fix)(call);
    }
  }

  void decompose(const AttentionCall& call) {
    const auto& [node, args, query, key, value, q, k, v] = call;
    if (!q[3].is_constant()) return;
    GraphBuilder builder(graph_, node);
    builder.set_module_path(node->module_path);
    const DType dtype = query->meta.dtype;
    const DType wide = dtype == DType::Float64 ? DType::Float64 : DType::Float32;
    const auto widened = [&](Value* tensor) {
      return tensor->meta.dtype == wide ? tensor : builder.call("aten::_to_copy", {tensor}, {{"dtype", wide}});
    };
    const double scale = args.optional_real("scale").value_or(1.0 / std::sqrt(static_cast<double>(q[3].value())));
    const SymInt batch = q[0] * k[1], rows = floordiv(q[1], k[1]) * q[2];
    const auto reshape = [&](Value* tensor, std::vector<SymInt> sizes) {
      return builder.call("aten::reshape", {tensor, std::move(sizes)});
    };
    Value* scaled = builder.call("aten::mul.Scalar", {widened(query), scale});
    Value* columns = builder.call("aten::transpose.int", {widened(key), -2, -1});
    Value* scores =
        builder.call("aten::bmm", {reshape(scaled, {batch, rows, q[3]}), reshape(columns, {batch, k[3], k[2]})});
    const PreparedMask mask = mask_of(builder, call, call.mask(), wide);
    if (mask.addend) {
      scores = builder.call("aten::add.Tensor", {reshape(scores, {q[0], q[1], q[2], k[2]}), mask.addend});
    }
    Value* weights = builder.call("aten::_softmax", {scores, -1, false});
    Value* product = builder.call(
        "aten::bmm", {reshape(weights, {batch, rows, k[2]}), reshape(widened(value), {batch, v[2], v[3]})});
    product = reshape(product, {q[0], q[1], q[2], v[3]});
    if (mask.open_rows) product = builder.call("aten::mul.Tensor", {product, mask.open_rows});
    if (wide != dtype) product = builder.call("aten::_to_copy", {product}, {{"dtype", dtype}});
    replace(node, product);
  }

  /// Its tensors are [batch, length, heads, width], its mask [length, columns].
  void call_custom(const AttentionCall& call) {
    const auto& [node, args, query, key, value, q, k, v] = call;
    if (query->meta.dtype != DType::Float32 || !known_equal(q[3], v[3])) return;
    Value* shared = call.mask() ? shared_mask(call.mask()) : nullptr;
    if (call.mask() && !shared) return;
    GraphBuilder builder(graph_, node);
    builder.set_module_path(node->module_path);
    const PreparedMask mask = mask_of(builder, call, shared, DType::Float32);
    Argument addend = None{};
    if (mask.addend) {
      Value*& flat = flat_[mask.addend];
      if (!flat) {
        const auto& sizes = mask.addend->meta.sizes;
        flat = builder.call("aten::reshape", {mask.addend, {sizes[sizes.size() - 2], sizes.back()}});
        flat = builder.call("aten::expand", {flat, {q[2], k[2]}});
      }
      addend = flat;
    }
    const auto turned = [&](Value* tensor) { return builder.call("aten::transpose.int", {tensor, 1, 2}); };
    const std::vector<Argument> arguments = {turned(query), turned(key), turned(value), SymInt(0),
                                             addend,        0.0,         false,         args["scale"]};
    Node* custom = graph_.create_node(custom_sdpa_schema(), arguments,
                                      {contiguous_meta(DType::Float32, {q[0], q[2], q[1], q[3]})}, node);
    custom->module_path = node->module_path;
    Value* result = turned(custom->output());
    if (mask.open_rows) result = builder.call("aten::mul.Tensor", {result, mask.open_rows});
    replace(node, result);
  }

 private:
  /// The kernel's arguments without its result.
  static const OpSchema& custom_sdpa_schema() {
    static const OpSchema kSchema = [] {
      OpSchema schema = *KernelTable::standard().find("llama::custom_sdpa");
      schema.name = "llama::custom_sdpa";
      std::erase_if(schema.arguments, [](const SchemaArgument& argument) { return argument.mutated; });
      return schema;
    }();
    return kSchema;
  }

  /// The mask without its samples and heads, if it is the same for all of them.
  static Value* shared_mask(Value* mask) {
    const Node* producer = mask->producer();
    if (producer && producer->is("aten::expand")) mask = producer->arguments()[0].as<Value*>();
    const auto& sizes = mask->meta.sizes;
    const bool is_shared = sizes.size() >= 2 && std::all_of(sizes.begin(), sizes.end() - 2,
                                                            [](const SymInt& size) { return size == SymInt(1); });
    return is_shared ? mask : nullptr;
  }

  PreparedMask mask_of(GraphBuilder& builder, const AttentionCall& call, Value* mask, DType wide) {
    if (call.args.boolean("is_causal")) {
      const SymInt &rows = call.q[2], &columns = call.k[2];
      PreparedMask& known = causal_[{to_string(rows), to_string(columns)}];
      if (!known.addend) {
        Value* row = builder.call("aten::unsqueeze", {builder.call("aten::arange", {rows}), 1});
        Value* open = builder.call("aten::le.Tensor", {builder.call("aten::arange", {columns}), row});
        known.addend = addend_of(builder, open, wide);
      }
      return known;
    }
    if (!mask) return {};
    PreparedMask& known = masks_[{mask, wide}];
    if (!known.addend) {
      Value* open = mask;
      if (mask->meta.dtype == DType::Bool) {
        known.addend = addend_of(builder, mask, wide);
      } else {
        open = builder.call("aten::gt.Scalar", {mask, -std::numeric_limits<double>::infinity()});
        Value* finite = mask->meta.dtype == wide ? mask : builder.call("aten::_to_copy", {mask}, {{"dtype", wide}});
        known.addend = builder.call("aten::clamp", {finite, kClosed});
      }
      Value* any = builder.call("aten::any.dim", {open, -1, true});
      known.open_rows = builder.call("aten::_to_copy", {any}, {{"dtype", wide}});
    }
    return known;
  }

  static Value* addend_of(GraphBuilder& builder, Value* open, DType wide) {
    const std::vector<SymInt> scalar;
    Value* zero = builder.call("aten::full", {scalar, 0.0}, {{"dtype", wide}});
    Value* closed = builder.call("aten::full", {scalar, kClosed}, {{"dtype", wide}});
    return builder.call("aten::where.self", {open, zero, closed});
  }

  Graph& graph_;
  std::map<std::pair<Value*, DType>, PreparedMask> masks_;
  std::map<std::pair<std::string, std::string>, PreparedMask> causal_;
  std::map<Value*, Value*> flat_;  // addends of two dims
};

}  // namespace

void decompose_attention(ExportedProgram& program) { AttentionFix(*program.graph).run(&AttentionFix::decompose); }

void call_custom_attention(ExportedProgram& program) { AttentionFix(*program.graph).run(&AttentionFix::call_custom); }

}  // namespace exformer::executorch
