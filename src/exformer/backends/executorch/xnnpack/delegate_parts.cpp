// The way of a program through the partitioner: mark, cut, lower every part, mark what a lowering refused and start
// again; then replace each part by a call.
#include <algorithm>
#include <map>
#include <optional>
#include <unordered_set>

#include "exformer/backends/executorch/xnnpack/attention_masks.h"
#include "exformer/backends/executorch/xnnpack/cost.h"
#include "exformer/backends/executorch/xnnpack/flattened_products.h"
#include "exformer/backends/executorch/xnnpack/lowering.h"
#include "exformer/backends/executorch/xnnpack/partition.h"
#include "exformer/backends/executorch/xnnpack/xnnpack.h"
#include "exformer/ops/builder.h"
#include "exformer/passes/dead_code.h"
#include "exformer/passes/fuse_gelu.h"
#include "exformer/passes/fuse_rms_norm.h"
#include "exformer/symbolic/assumptions.h"

namespace exformer::executorch {
namespace xnnpack {
namespace {

bool is_float(DType dtype) { return dtype == DType::Float32 || dtype == DType::Float16; }

/// Whether data define a size that can be 0, or one is 0 in the sample: XNNPACK takes no empty tensors.
bool may_be_empty(const Value* value) {
  const SymContext& context = value->graph().symbols();
  return std::any_of(value->meta.sizes.begin(), value->meta.sizes.end(), [&](const SymInt& size) {
    if (bounds(size).min > 0) return false;
    if (value_at_hints(context, size) == 0) return true;
    const std::vector<std::string> names = free_symbols(size);
    return std::any_of(context.symbols().begin(), context.symbols().end(), [&](const Symbol& symbol) {
      return symbol.unbacked && std::find(names.begin(), names.end(), symbol.name) != names.end();
    });
  });
}

/// A value that a call takes or gives, and how it lies there.
struct External {
  Value* value = nullptr;
  Placed placed;
};

struct LoweredPart {
  std::vector<Node*> nodes;
  std::vector<External> inputs, outputs;
  Delegate delegate;
};

class Partitioner {
 public:
  Partitioner(ExportedProgram& program, const XnnpackOptions& options) : program_(&program), options_(options) {
    for (const InputSpec& input : program.inputs) {
      const LazyTensor* data = program.data(input);
      if (data && !program.is_written(input)) weights_[input.value] = {input.target, data};
    }
  }

  std::vector<LoweredPart> run() {
    mark_ops_without_lowering();
    while (true) {
      leave_what_only_the_outside_reads();
      Partition partition = cut(graph(), refused_);
      const size_t before = refused_.size();
      for (const std::vector<Node*>& part : partition.parts) {
        if (!is_worth_a_call(part)) {
          for (const Node* node : part) refused_.emplace(node, "too little work for a call of its own");
        }
      }
      if (refused_.size() > before) continue;
      std::vector<LoweredPart> lowered;
      for (const std::vector<Node*>& part : partition.parts) lowered.push_back(lower(part));
      if (refused_.size() > before) continue;
      for (Node* node : partition.order) graph().move_before(node, nullptr);
      return lowered;
    }
  }

  const Refusals& refused() const { return refused_; }

 private:
  Graph& graph() const { return *program_->graph; }

  void mark_ops_without_lowering() {
    for (const auto& node : graph().nodes()) {
      const auto not_float = [](const Value* value) {
        return value->kind != ValueKind::Tensor || !is_float(value->meta.dtype);
      };
      const std::vector<Value*> inputs = node->inputs();
      const bool is_other_kind = node->outputs().empty() || std::any_of(inputs.begin(), inputs.end(), not_float) ||
                                 std::any_of(node->outputs().begin(), node->outputs().end(), not_float);
      if (is_other_kind) {
        refused_.emplace(node.get(), "works on integers or booleans");
      } else if (!LoweringTable::standard().find(node->op())) {
        refused_.emplace(node.get(), "has no counterpart among XNNPACK's nodes");
      } else if (std::any_of(inputs.begin(), inputs.end(), may_be_empty) ||
                 std::any_of(node->outputs().begin(), node->outputs().end(), may_be_empty)) {
        refused_.emplace(node.get(), "works on a tensor that can be empty");
      } else if (reads_only_constants(*node)) {
        refused_.emplace(node.get(), "depends on sizes only");
      }
    }
  }

  /// What comes before the first product and is read by an op outside would only put a call before that op.
  void leave_what_only_the_outside_reads() {
    std::unordered_set<const Node*> heavy;
    for (const auto& node : graph().nodes()) {
      const std::vector<Value*> inputs = node->inputs();
      const bool follows = std::any_of(inputs.begin(), inputs.end(),
                                       [&](const Value* input) { return heavy.contains(input->producer()); });
      if (follows || multiply_adds(*node) > 0) heavy.insert(node.get());
    }
    for (auto at = graph().nodes().rbegin(); at != graph().nodes().rend(); ++at) {
      const Node* node = at->get();
      if (refused_.contains(node) || heavy.contains(node)) continue;
      for (const Value* output : node->outputs()) {
        for (const Node* user : output->users()) {
          if (refused_.contains(user)) refused_.emplace(node, "comes before any product and is read outside");
        }
      }
    }
  }

  /// A number of a symbolic size cannot enter a delegate; a node without tensors is cheap outside unless it is a fill.
  bool reads_only_constants(const Node& node) const {
    return std::any_of(node.arguments().begin(), node.arguments().end(), [&](const Argument& argument) {
      const SymInt* number = argument.get_if<SymInt>();
      return number && !number->is_constant() && node.inputs().empty();
    });
  }

  bool is_worth_a_call(const std::vector<Node*>& part) const {
    double work = 0;
    for (const Node* node : part) work += multiply_adds(*node);
    return work >= static_cast<double>(options_.smallest_part);
  }

  LoweredPart lower(const std::vector<Node*>& nodes) {
    LoweredPart part{.nodes = nodes};
    Lowering lowering(weights_);
    const std::unordered_set<const Node*> inside(nodes.begin(), nodes.end());
    const auto add_external = [&](Value* value) {
      Placed placed = Lowering::default_place(value->meta.dtype, value->meta.sizes);
      Dims dims;
      for (const SymInt& size : placed.sizes) {
        dims.push_back(size.is_constant() && size.value() > 0 ? static_cast<uint32_t>(size.value()) : 1);
      }
      placed.id = lowering.payload.add_input(value->meta.dtype, std::move(dims));
      lowering.bind(value, placed);
      part.inputs.push_back({value, std::move(placed)});
    };
    for (Node* node : nodes) {
      try {
        for (Value* input : node->inputs()) {
          const bool is_outer = !input->producer() || !inside.contains(input->producer());
          if (is_outer && !lowering.is_bound(input) && !lowering.weight(input)) add_external(input);
        }
        LoweringTable::standard().find(node->op())(LowerCall(lowering, *node));
      } catch (const Refusal& refusal) {
        refuse_node(node, refusal.reason, lowering);
      }
    }
    if (is_refused_) {  // found something to refuse: the part is cut again
      is_refused_ = false;
      return part;
    }
    collect_outputs(part, lowering, inside);
    part.delegate.id = "XnnpackBackend";
    part.delegate.payload = lowering.payload.finish();
    part.delegate.named_data = lowering.payload.take_named_data();
    return part;
  }

  /// The rest of the part is lowered as if the node's results came from outside, to find all refusals in one go.
  void refuse_node(const Node* node, const std::string& reason, Lowering& lowering) {
    refused_.emplace(node, reason);
    is_refused_ = true;
    for (const Value* output : node->outputs()) {
      try {
        Placed placed = Lowering::default_place(output->meta.dtype, output->meta.sizes);
        placed.id = lowering.payload.add_value(placed.dtype, kAxes);
        lowering.bind(output, std::move(placed));
      } catch (const Refusal&) {  // its readers will be refused for the same reason
        continue;
      }
    }
  }

  void collect_outputs(LoweredPart& part, Lowering& lowering, const std::unordered_set<const Node*>& inside) {
    for (Node* node : part.nodes) {
      for (Value* output : node->outputs()) {
        const bool is_read_outside =
            graph().is_output(output) || std::any_of(output->users().begin(), output->users().end(),
                                                     [&](const Node* user) { return !inside.contains(user); });
        if (!is_read_outside) continue;
        try {
          part.outputs.push_back({output, finished(lowering, output)});
        } catch (const Refusal& refusal) {
          refused_.emplace(node, refusal.reason);
        }
      }
    }
  }

  /// The tensor with its dims in order, all elements there, in a value that may be an output.
  Placed finished(Lowering& lowering, const Value* value) {
    Placed placed = lowering.ascending(lowering.get(value));
    for (size_t dim = 0; dim < placed.axes.size(); ++dim) {
      if (placed.axes[dim] < 0 && !is_one(value->meta.sizes[dim]))
        refuse("an expanded tensor that leaves the delegate");
    }
    if (lowering.payload.is_input(placed.id) || lowering.payload.is_constant(placed.id))
      placed = lowering.unary(NodeKind::Copy, placed);
    if (!lowering.payload.is_output(placed.id)) lowering.payload.mark_output(placed.id);
    return placed;
  }

  ExportedProgram* program_;
  XnnpackOptions options_;
  Weights weights_;
  Refusals refused_;
  bool is_refused_ = false;
};

std::vector<SymInt> sizes_of(const Placed& placed) { return {placed.sizes.begin(), placed.sizes.end()}; }

/// The value in the shape that the call takes.
Value* shaped_input(const External& input, Value* value, Node* before) {
  GraphBuilder builder(value->graph(), before);
  if (value->meta.strides != contiguous_strides(value->meta.sizes))
    value = builder.call("aten::clone", {value}, {{"memory_format", MemoryFormat::Contiguous}});
  const std::vector<SymInt> sizes = sizes_of(input.placed);
  return sizes == value->meta.sizes ? value : builder.call("aten::view", {value, sizes});
}

/// Puts the call where the part's last node is and lets every reader read its results.
void replace_by_call(Graph& graph, LoweredPart& part, size_t number, std::unordered_map<Value*, Value*>& replaced) {
  Node* last = part.nodes.back();
  std::vector<Value*> arguments;
  for (const External& input : part.inputs) {
    const auto earlier = replaced.find(input.value);
    arguments.push_back(shaped_input(input, earlier == replaced.end() ? input.value : earlier->second, last));
  }
  std::vector<OutputMeta> metas;
  std::map<ValueId, size_t> positions;
  for (const External& output : part.outputs) {
    if (positions.try_emplace(output.placed.id, metas.size()).second)
      metas.emplace_back(contiguous_meta(output.placed.dtype, sizes_of(output.placed)));
  }
  Node* call = graph.create_node(call_delegate_schema(), {Argument(static_cast<int64_t>(number)), Argument(arguments)},
                                 std::move(metas), last);
  GraphBuilder builder(graph, last);
  for (const External& output : part.outputs) {
    Value* result = call->output(positions.at(output.placed.id));
    if (output.value->meta.sizes != result->meta.sizes)
      result = builder.call("aten::view", {result, output.value->meta.sizes});
    graph.replace_all_uses(output.value, result);
    replaced.emplace(output.value, result);
  }
  for (auto node = part.nodes.rbegin(); node != part.nodes.rend(); ++node) graph.erase_node(*node);
}

/// Weights that nothing in the graph reads any more lie in the delegates only.
void drop_unread_weights(ExportedProgram& program) {
  Graph& graph = *program.graph;
  std::erase_if(program.inputs, [&](const InputSpec& input) {
    if (!program.data(input) || !input.value->users().empty() || graph.is_output(input.value)) return false;
    graph.erase_input(input.value);
    return true;
  });
}

/// Which nodes have one of `from` before (or after) them.
std::unordered_set<const Node*> reached(const Graph& graph, const Refusals& refused, bool forwards) {
  std::unordered_set<const Node*> result;
  const auto visit = [&](const Node* node) {
    const auto is_source = [&](const Node* other) {
      return other && (!refused.contains(other) || result.contains(other));
    };
    bool found = false;
    if (forwards) {
      for (const Value* input : node->inputs()) found = found || is_source(input->producer());
    } else {
      for (const Value* output : node->outputs()) {
        for (const Node* user : output->users()) found = found || is_source(user);
      }
    }
    if (found) result.insert(node);
  };
  if (forwards) {
    for (const auto& node : graph.nodes()) visit(node.get());
  } else {
    for (auto node = graph.nodes().rbegin(); node != graph.nodes().rend(); ++node) visit(node->get());
  }
  return result;
}

PartitionReport describe(const Graph& graph, const Refusals& refused) {
  PartitionReport report;
  const auto after = reached(graph, refused, true), before = reached(graph, refused, false);
  std::map<std::pair<std::string, std::string>, int64_t> outside;
  for (const auto& node : graph.nodes()) {
    const double work = multiply_adds(*node);
    report.all_multiply_adds += work;
    const auto refusal = refused.find(node.get());
    if (refusal == refused.end()) {
      ++report.delegated_nodes;
      report.delegated_multiply_adds += work;
      continue;
    }
    if (after.contains(node.get()) && before.contains(node.get()))
      report.breaks.push_back({node->op(), node->module_path, refusal->second});
    const bool is_real =
        !node->outputs().empty() && node->output()->kind == ValueKind::Tensor && is_float(node->output()->meta.dtype);
    if (is_real) ++outside[{node->op(), refusal->second}];
  }
  for (const auto& [what, count] : outside) report.outside.push_back({what.first, what.second, count});
  return report;
}

}  // namespace
}  // namespace xnnpack

void check_delegated(const PartitionReport& report, std::optional<double> percent) {
  if (!percent || report.delegated_percent() >= *percent) return;
  std::string what;
  for (const PartitionReport::Break& found : report.breaks)
    what += fmt::format("\n  {} at {}: {}", found.op, found.module_path, found.reason);
  for (const PartitionReport::Outside& found : report.outside)
    what += fmt::format("\n  {} ({} times): {}", found.op, found.count, found.reason);
  unsupported("delegates take {:.1f}% of the multiply-adds, {:.1f}% are required. Outside are:{}",
              report.delegated_percent(), *percent, what);
}

PartitionReport delegate_to_xnnpack(ExportedProgram& program, std::vector<Delegate>& delegates,
                                    const XnnpackOptions& options) {
  for (const auto* rewrites : {&fuse_rms_norm(), &fuse_gelu()}) {
    for (const Rewrite& rewrite : *rewrites) apply_rewrite(*program.graph, rewrite);
  }
  xnnpack::unflatten_products(*program.graph);
  eliminate_dead_nodes(*program.graph);
  xnnpack::spell_out_attention_masks(*program.graph);
  xnnpack::Partitioner partitioner(program, options);
  std::vector<xnnpack::LoweredPart> parts = partitioner.run();
  PartitionReport report = xnnpack::describe(*program.graph, partitioner.refused());
  std::unordered_map<Value*, Value*> replaced;  // results of earlier calls stand for the values that later parts read
  for (xnnpack::LoweredPart& part : parts) {
    xnnpack::replace_by_call(*program.graph, part, delegates.size(), replaced);
    delegates.push_back(std::move(part.delegate));
  }
  report.delegate_calls = static_cast<int64_t>(parts.size());
  xnnpack::drop_unread_weights(program);
  return report;
}

}  // namespace exformer::executorch
