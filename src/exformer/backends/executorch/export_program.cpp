// lower_to_executorch: fixes, decompositions, node by node lowering, the memory plan; failures are gathered.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "exformer/backends/executorch/checks.h"
#include "exformer/backends/executorch/executorch.h"
#include "exformer/backends/executorch/fixes.h"
#include "exformer/backends/executorch/kernels.h"
#include "exformer/backends/executorch/lowering.h"
#include "exformer/base/error.h"
#include "exformer/passes/lowering_failures.h"

namespace exformer {
namespace executorch {
namespace {

class Exporter {
 public:
  Exporter(ExportedProgram& source, const ExecutorchOptions& options, ExecutorchProgram& target)
      : source_(source), options_(options), target_(target), lowering_(target) {
    lowering_.inputs_are_planned = options.planning.alloc_graph_input;
  }

  void run() {
    bind_inputs();
    check_inputs(lowering_, source_.conditions);
    if (options_.check_bounds && !options_.upper_bounds.empty())
      bound_checks = reserve_bound_checks(lowering_, source_, options_.upper_bounds.front());
    for (const auto& node : source_.graph->nodes()) lower(*node);
    failures_.report("ExecuTorch", "--to onnx or dynamo may have one");
    bind_outputs();
  }

  std::vector<BoundCheck> bound_checks;  // to be filled in when the bounds are chosen

 private:
  void bind_inputs() {
    for (const InputSpec& input : source_.inputs) {
      if (input.kind == InputSpec::Kind::UserInput) {
        if (input.value->kind != ValueKind::Tensor)
          unsupported("the input '{}' is a number: ExecuTorch programs take tensors", input.target);
        const ValueId id = target_.add_tensor(input.value->meta.dtype, input.value->meta.sizes);
        target_.tensor(id).name = input.target;
        target_.inputs.push_back(id);
        lowering_.sizes.add_source(id, input.value->meta.sizes);
        lowering_.bind(input.value, id);
        places_[{OutputSpec::Kind::UserInputMutation, input.value->name}] = id;
      } else if (!input.value->users().empty() || source_.graph->is_output(input.value)) {
        const LazyTensor* data = source_.data(input);
        EXFORMER_ASSERT(data != nullptr);
        const bool is_state = source_.is_written(input);
        if (is_state && !options_.planning.alloc_mutable_buffers)
          unsupported("alloc_mutable_buffers=false: nothing else would give '{}', which is written, memory",
                      input.target);
        const ValueId id =
            is_state ? target_.add_state(*data, input.target) : target_.add_constant(*data, input.target);
        if (is_state) places_[{OutputSpec::Kind::BufferMutation, input.target}] = id;
        lowering_.bind(input.value, id);
      }
    }
  }

  void lower(const Node& node) {
    lowering_.module_path = node.module_path;
    try {
      const Results results = lowered(node);
      EXFORMER_ASSERT(results.size() == node.outputs().size());
      for (size_t i = 0; i < results.size(); ++i) bind_result(*node.output(i), results[i]);
    } catch (const ExportError& error) {
      if (error.kind() != ErrorKind::Unsupported) throw;
      failures_.add(node, error.what());
      for (const Value* output : node.outputs()) {  // so that the rest can be looked at too
        const ValueId id = output->kind == ValueKind::Tensor
                               ? target_.add_tensor(output->meta.dtype, output->meta.sizes)
                               : target_.add(int64_t{0});
        lowering_.bind(output, id);
        if (output->kind == ValueKind::Tensor) lowering_.sizes.add_source(id, output->meta.sizes);
      }
    }
  }

  Results lowered(const Node& node) {
    const LowerCall call(lowering_, node);
    if (&node.schema() == &call_delegate_schema()) return delegate_call(call);
    if (const LowerFunction function = LoweringTable::standard().find(node.op())) return function(call);
    const OpSchema* kernel = KernelTable::standard().find(node.op());
    if (!kernel) unsupported("no kernel of the runtime and no decomposition");
    return lower_by_kernel(call, *kernel);
  }

  Results delegate_call(const LowerCall& call) {
    Instruction instruction{.kind = Instruction::Kind::Delegate,
                            .target = static_cast<size_t>(call.args.integer("delegate")),
                            .module_path = call.node.module_path};
    for (const Value* input : call.args.tensors("inputs")) instruction.arguments.push_back(lowering_.get(input));
    for (const Value* output : call.node.outputs()) {
      instruction.writes.push_back(target_.add_tensor(output->meta.dtype, output->meta.sizes));
      target_.tensor(instruction.writes.back()).name = target_.delegates[instruction.target].id;
    }
    instruction.arguments.insert(instruction.arguments.end(), instruction.writes.begin(), instruction.writes.end());
    Results results = instruction.writes;
    target_.instructions.push_back(std::move(instruction));
    return results;
  }

  void bind_result(const Value& value, ValueId result) {
    lowering_.bind(&value, result);
    if (value.kind != ValueKind::Tensor) return;
    for (const SymInt& size : value.meta.sizes) {  // sizes that only this result knows are read from it
      const auto name = size.symbol_name();
      const auto& symbols = source_.graph->symbols().symbols();
      if (name && std::any_of(symbols.begin(), symbols.end(),
                              [&](const Symbol& symbol) { return symbol.name == *name && symbol.unbacked; })) {
        lowering_.sizes.add_source(result, value.meta.sizes);
        break;
      }
    }
  }

  /// Results have memory of their own, each once: inputs, weights and repeated results are copied. Sizes are results
  /// too, numbers that every call gives are none: export.json holds them. Buffers are written when all is read.
  void bind_outputs() {
    lowering_.module_path.clear();
    std::vector<ValueId> taken = target_.inputs;
    std::vector<std::pair<ValueId, ValueId>> writes;
    for (size_t i = 0; i < source_.outputs.size(); ++i) {
      const Argument& output = source_.graph->outputs()[i];
      if (const OutputSpec& spec = source_.outputs[i]; spec.kind != OutputSpec::Kind::UserOutput) {
        const auto place = places_.find({spec.kind, spec.target});
        if (place == places_.end()) continue;  // a buffer that nothing reads
        if (spec.kind == OutputSpec::Kind::UserInputMutation && options_.planning.alloc_graph_input) {
          unsupported(
              "the input '{}' is written in place, and the runtime works on a copy of it: "
              "alloc_graph_input=false lets it work on the caller's memory",
              spec.target);
        }
        writes.emplace_back(place->second, lowering_.get(output.as<Value*>()));
        continue;
      }
      if (const auto* size = output.get_if<SymInt>(); size && !size->is_constant())
        target_.outputs.push_back(lowering_.sizes.integer(*size));
      const auto* value = output.get_if<Value*>();
      if (!value) continue;
      if ((*value)->kind != ValueKind::Tensor) {
        target_.outputs.push_back(lowering_.get(*value));
        continue;
      }
      ValueId id = lowering_.get(*value);
      const ValueId storage = target_.storage_of(id);
      const bool is_view = storage != id && !options_.planning.alloc_graph_output;
      if (is_view || target_.tensor(storage).constant || std::find(taken.begin(), taken.end(), storage) != taken.end())
        id = lowering_.copy(id);
      taken.push_back(target_.storage_of(id));
      target_.outputs.push_back(id);
    }
    for (auto& [place, id] : writes) {
      const ValueId storage = target_.storage_of(id);
      if (std::any_of(writes.begin(), writes.end(), [&](const auto& write) { return write.first == storage; }))
        id = lowering_.copy(id);
    }
    for (const auto& [place, id] : writes)
      lowering_.call_operator("aten::copy_", {place, id, target_.boolean(false), place}, {place});
  }

  ExportedProgram& source_;
  const ExecutorchOptions& options_;
  ExecutorchProgram& target_;
  Lowering lowering_;
  LoweringFailures failures_;
  std::map<std::pair<OutputSpec::Kind, std::string>, ValueId> places_;  // what mutations may write, as they name it
};

}  // namespace
}  // namespace executorch

ExecutorchModel lower_to_executorch(ExportedProgram& program, const ExecutorchOptions& options) {
  ExecutorchModel model;
  model.options = options;
  model.symbols = program.graph->shared_symbols();
  for (const executorch::ProgramFix& fix : executorch::program_fixes()) fix.apply(program);
  if (options.llm_custom_ops) executorch::call_custom_attention(program);
  const std::vector<executorch::DataBound> data = executorch::data_bounds(*program.graph);
  if (options.backend == ExecutorchOptions::Backend::Xnnpack) {
    model.partition = executorch::delegate_to_xnnpack(program, model.program.delegates, options.xnnpack);
    executorch::check_delegated(*model.partition, options.require_delegated);
  }
  for (const executorch::ProgramFix& fix : executorch::kernel_fixes()) fix.apply(program);
  executorch::decompose(*program.graph);
  executorch::Exporter exporter(program, options, model.program);
  exporter.run();
  std::vector<std::map<std::string, int64_t>> choices = options.upper_bounds;
  if (choices.empty()) choices.emplace_back();
  for (const auto& limits : choices) {
    model.bounds = std::make_shared<const executorch::UpperBounds>(*model.symbols, limits, data);
    model.arena = executorch::plan_memory(model.program, *model.bounds, options.planning);
    if (model.arena.bytes <= options.arena_goal) break;
  }
  model.bound_conditions =
      executorch::set_bounds(model.program, std::move(exporter.bound_checks), model.bounds->limits());
  if (options.max_arena && model.arena.bytes > *options.max_arena) {
    unsupported(
        "the planned arena is {:.1f} MB at {}, more than the {:.1f} MB allowed; at its fullest it holds {}. Smaller "
        "upper "
        "bounds make it smaller",
        static_cast<double>(model.arena.bytes) / 1e6, model.arena.bounds, static_cast<double>(*options.max_arena) / 1e6,
        model.arena.driver);
  }
  return model;
}

}  // namespace exformer
