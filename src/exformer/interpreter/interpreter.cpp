#include "exformer/interpreter/interpreter.h"

#include <fmt/format.h>

#include <map>
#include <unordered_map>

#include "exformer/interpreter/fast_kernels.h"
#include "exformer/interpreter/onednn.h"
#include "exformer/interpreter/symbol_binding.h"
#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

/// One node made ready to run.
struct Step {
  const Node* node = nullptr;
  const Op* op = nullptr;
  FastKernel fast = nullptr;
  std::vector<size_t> outputs;   // slots
  std::vector<size_t> released;  // slots that nothing reads after this step
};

std::string describe(const Node& node) {
  std::string text = node.op();
  if (!node.outputs().empty()) text += " (%" + node.output()->name + ")";
  return node.module_path.empty() ? text : node.module_path + " > " + text;
}

HostTensor scalar_tensor(const Value& value, const SymbolBinding& symbols) {
  return HostTensor::scalar_int(value.kind == ValueKind::SymBool ? DType::Bool : DType::Int64,
                                symbols.value(value.sym));
}

}  // namespace

class Interpreter::Impl {
 public:
  Impl(const ExportedProgram& program, const OpRegistry& ops) : program_(program) {
    assign_slots();
    load_weights();
    prepare_steps(ops);
  }

  std::vector<HostTensor> run(const std::vector<HostTensor>& user_inputs) const {
    SymbolBinding symbols(program_.graph->symbols());
    symbols.bind_inputs(program_, user_inputs);
    std::vector<HostTensor> values = weights_;
    size_t next = 0;
    for (const InputSpec& input : program_.inputs) {
      if (input.kind == InputSpec::Kind::UserInput) values[slot(input.value)] = user_inputs[next++];
    }
    for (const Step& step : steps_) {
      run_step(step, values, symbols);
      for (const size_t released : step.released) values[released] = HostTensor();
    }
    return collect_outputs(values, symbols);
  }

 private:
  size_t slot(const Value* value) const { return slots_.at(value); }

  void assign_slots() {
    for (const Value* input : program_.graph->inputs()) slots_.emplace(input, slots_.size());
    for (const auto& node : program_.graph->nodes()) {
      for (const Value* output : node->outputs()) slots_.emplace(output, slots_.size());
    }
  }

  void load_weights() {
    weights_.resize(slots_.size());
    std::map<std::string, HostTensor> converted;  // tied weights are converted once
    for (const InputSpec& input : program_.inputs) {
      const LazyTensor* data = program_.data(input);
      if (!data) {
        if (input.kind == InputSpec::Kind::UserInput) continue;
        fail("the program has no data for '{}'", input.target);
      }
      HostTensor& weight = weights_[slot(input.value)];
      if (data->direct_bytes()) {
        weight = data->materialize();
        continue;
      }
      HostTensor& shared = converted[data->storage_key()];
      if (!shared.defined()) shared = data->materialize();
      weight = shared;
    }
  }

  void prepare_steps(const OpRegistry& ops) {
    std::unordered_map<size_t, size_t> last_use;  // slot -> step
    std::vector<std::string> missing;
    for (const auto& node : program_.graph->nodes()) {
      Step step{.node = node.get(), .op = &ops.get(*node), .fast = find_fast_kernel(node->op())};
      if (!step.op->kernel && !step.fast && !is_symbolic(*node)) missing.push_back(node->op());
      for (const Value* output : node->outputs()) {
        step.outputs.push_back(slot(output));
        last_use[slot(output)] = steps_.size();
      }
      for (const Value* input : node->inputs()) last_use[slot(input)] = steps_.size();
      steps_.push_back(std::move(step));
    }
    if (!missing.empty()) unsupported("the program cannot be run: no kernel for {}", fmt::join(missing, ", "));
    for (const auto& [index, step] : last_use) {
      if (!weights_[index].defined()) steps_[step].released.push_back(index);
    }
    for (const Argument& output : program_.graph->outputs()) {
      if (output.is<Value*>()) keep(slot(output.as<Value*>()));
      if (const auto* list = output.get_if<std::vector<Value*>>()) {
        for (const Value* value : *list) keep(slot(value));
      }
    }
  }

  void keep(size_t index) {
    for (Step& step : steps_) std::erase(step.released, index);
  }

  /// A node whose results are all integers that the symbols give.
  static bool is_symbolic(const Node& node) {
    for (const Value* output : node.outputs()) {
      if (output->kind == ValueKind::Tensor || output->kind == ValueKind::SymFloat) return false;
    }
    return true;
  }

  void run_step(const Step& step, std::vector<HostTensor>& values, SymbolBinding& symbols) const {
    try {
      if (is_symbolic(*step.node) && outputs_are_bound(*step.node, symbols)) {
        if (step.node->outputs().empty() && step.op->kernel)
          step.op->kernel(KernelArgs(step.op->schema, arguments_of(step, values, symbols)));
        for (size_t i = 0; i < step.outputs.size(); ++i)
          values[step.outputs[i]] = scalar_tensor(*step.node->output(i), symbols);
        return;
      }
      const std::vector<BasicArgument<HostTensor>> arguments = arguments_of(step, values, symbols);
      const KernelArgs args(step.op->schema, arguments);
      std::optional<std::vector<HostTensor>> results;
      if (step.fast) results = step.fast(args, onednn_);
      if (!results) {
        if (!step.op->kernel) unsupported("no kernel for these arguments");
        results = step.op->kernel(args);
      }
      EXFORMER_ASSERT(results->size() == step.outputs.size());
      for (size_t i = 0; i < step.outputs.size(); ++i) {
        const Value& output = *step.node->output(i);
        if (output.kind == ValueKind::SymInt || output.kind == ValueKind::SymBool) {
          if (const auto name = output.sym.symbol_name()) symbols.bind(*name, (*results)[i].item_int());
        } else if (output.kind == ValueKind::Tensor) {
          bind_data_sizes(output, (*results)[i], symbols);
        }
        values[step.outputs[i]] = std::move((*results)[i]);
      }
    } catch (const ExportError& error) {
      throw ExportError(error.kind(), fmt::format("{}: {}", describe(*step.node), error.what()));
    }
  }

  static bool outputs_are_bound(const Node& node, const SymbolBinding& symbols) {
    for (const Value* output : node.outputs()) {
      if (!symbols.is_bound(output->sym)) return false;
    }
    return true;
  }

  /// Sizes that only the data tells (nonzero): their symbols get their values from the result.
  static void bind_data_sizes(const Value& output, const HostTensor& result, SymbolBinding& symbols) {
    for (size_t dim = 0; dim < output.meta.sizes.size() && dim < result.sizes().size(); ++dim) {
      const SymInt& size = output.meta.sizes[dim];
      if (symbols.is_bound(size)) continue;
      if (const auto name = size.symbol_name()) symbols.bind(*name, result.sizes()[dim]);
    }
  }

  std::vector<BasicArgument<HostTensor>> arguments_of(const Step& step, const std::vector<HostTensor>& values,
                                                      const SymbolBinding& symbols) const {
    std::vector<BasicArgument<HostTensor>> arguments;
    arguments.reserve(step.node->arguments().size());
    for (size_t i = 0; i < step.node->arguments().size(); ++i) {
      arguments.push_back(argument_of(step.node->arguments()[i], step.op->schema.arguments[i].type, values, symbols));
    }
    return arguments;
  }

  BasicArgument<HostTensor> argument_of(const Argument& argument, ArgType type, const std::vector<HostTensor>& values,
                                        const SymbolBinding& symbols) const {
    if (const auto* value = argument.get_if<Value*>()) {
      const HostTensor& tensor = values[slot(*value)];
      if ((*value)->kind == ValueKind::Tensor && type == ArgType::Tensor) return tensor;
      if ((*value)->kind == ValueKind::SymFloat) return tensor.item_double();
      if ((*value)->kind == ValueKind::SymBool) return tensor.item_int() != 0;
      if ((*value)->kind == ValueKind::SymInt) return tensor.item_int();
      return tensor;
    }
    if (const auto* expression = argument.get_if<SymInt>()) return symbols.value(*expression);
    if (const auto* list = argument.get_if<std::vector<SymInt>>()) {
      std::vector<SymInt> constants;
      constants.reserve(list->size());
      for (const SymInt& expression : *list) constants.emplace_back(symbols.value(expression));
      return constants;
    }
    return map_tensors<HostTensor>(argument, [&](Value* value) { return value ? values[slot(value)] : HostTensor(); });
  }

  std::vector<HostTensor> collect_outputs(const std::vector<HostTensor>& values, const SymbolBinding& symbols) const {
    std::vector<HostTensor> results;
    const auto& outputs = program_.graph->outputs();
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (i < program_.outputs.size() && program_.outputs[i].kind != OutputSpec::Kind::UserOutput) continue;
      const Argument& output = outputs[i];
      if (output.is<Value*>()) {
        results.push_back(values[slot(output.as<Value*>())].contiguous());
      } else if (const auto* expression = output.get_if<SymInt>()) {
        results.push_back(HostTensor::scalar_int(DType::Int64, symbols.value(*expression)));
      } else if (const auto* real = output.get_if<double>()) {
        results.push_back(HostTensor::scalar(DType::Float64, *real));
      } else if (const auto* flag = output.get_if<bool>()) {
        results.push_back(HostTensor::scalar_int(DType::Bool, *flag ? 1 : 0));
      } else {
        results.emplace_back();
      }
    }
    return results;
  }

  const ExportedProgram& program_;
  std::unordered_map<const Value*, size_t> slots_;
  std::vector<HostTensor> weights_;  // by slot; undefined where a run puts its own value
  std::vector<Step> steps_;
  mutable OneDnn onednn_;
};

Interpreter::Interpreter(const ExportedProgram& program, const OpRegistry& ops)
    : impl_(std::make_unique<Impl>(program, ops)) {}
Interpreter::~Interpreter() = default;

std::vector<HostTensor> Interpreter::run(const std::vector<HostTensor>& user_inputs) const {
  return impl_->run(user_inputs);
}

}  // namespace exformer
