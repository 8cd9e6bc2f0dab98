// lower_to_onnx: checks the options, decomposes what has no lowering, lowers node by node, gathers failures, names
// inputs and outputs.
#include <fmt/format.h>

#include <unordered_set>

#include "exformer/backends/onnx/lowering.h"
#include "exformer/backends/onnx/onnx.h"
#include "exformer/backends/onnx/pipeline.h"
#include "exformer/base/error.h"
#include "exformer/base/strings.h"
#include "exformer/ops/builder.h"
#include "exformer/passes/lowering_failures.h"

namespace exformer {
namespace onnx {
namespace {

void check_options(const OnnxOptions& options) {
  const int opset = options.opset_version.value_or(kDefaultOnnxOpset);
  if (opset < kOldestOnnxOpset || opset > kNewestOnnxOpset) {
    unsupported("opset_version {} is not supported ({} to {} are)", opset, kOldestOnnxOpset, kNewestOnnxOpset);
  }
  if (!options.ort_fusions.empty() && options.ort_fusions != "cpu")
    unsupported("ort_fusions '{}' is not supported (cpu is)", options.ort_fusions);
  if (!options.ort_fusions.empty() && !options.optimize)
    fail("ort_fusions = '{}' needs optimize = true", options.ort_fusions);
}

/// Ops without a lowering are replaced by their decomposition, until none is left that has one.
void decompose(Graph& graph, const LoweringTable& table) {
  for (bool changed = true; changed;) {
    changed = false;
    for (auto at = graph.nodes().begin(); at != graph.nodes().end();) {
      Node* node = (at++)->get();
      if (!table.find(node->op())) changed = decompose_node(node, OpRegistry::standard()) || changed;
    }
  }
}

/// onnxruntime-genai's names of the cache: "past_key_values.layers.0.keys" is past_key_values.0.key coming in,
/// present.0.key going out.
std::string genai_name(const std::string& path, bool is_output) {
  const std::vector<std::string> parts = split(path, '.');
  if (parts.size() != 4 || parts[0] != "past_key_values" || parts[1] != "layers") return path;
  if (parts[3] != "keys" && parts[3] != "values") return path;
  return fmt::format("{}.{}.{}", is_output ? "present" : "past_key_values", parts[2],
                     parts[3] == "keys" ? "key" : "value");
}

class Exporter {
 public:
  Exporter(ExportedProgram& program, const OnnxOptions& options, OnnxGraph& target)
      : program_(program), options_(options), target_(target), lowering_(target) {}

  void run() {
    bind_inputs();
    for (const auto& node : program_.graph->nodes()) lower(*node);
    failures_.report("ONNX");
    bind_outputs();
  }

 private:
  std::string leaf_name(const std::string& path, bool is_output) const {
    if (options_.names == OnnxOptions::Names::GenAi) return genai_name(path, is_output);
    return both_sides_.contains(path) ? fmt::format("{}.{}", is_output ? "output" : "input", path) : path;
  }

  /// A 0-d input that nothing reads: what a cache notes of itself (a sliding layer's window).
  bool is_bookkeeping(const InputSpec& input) const {
    return input.value->meta.sizes.empty() && input.value->users().empty() && !program_.graph->is_output(input.value);
  }

  void bind_inputs() {
    std::unordered_set<std::string> given;
    for (const InputSpec& input : program_.inputs) {
      if (input.kind == InputSpec::Kind::UserInput) given.insert(input.target);
    }
    for (const OutputSpec& output : program_.outputs) {
      if (given.contains(output.target)) both_sides_.insert(output.target);
    }
    std::vector<BoundInput> user_inputs;
    for (const InputSpec& input : program_.inputs) {  // user inputs first: their names are fixed
      if (input.kind != InputSpec::Kind::UserInput || input.value->kind != ValueKind::Tensor) continue;
      if (is_bookkeeping(input)) continue;
      const TensorMeta& meta = input.value->meta;
      const ValueId id = target_.add_value(leaf_name(input.target, false), meta.dtype, meta.sizes);
      named_.insert(id);
      target_.inputs.push_back(id);
      lowering_.shapes.add_source(id, meta.sizes);
      user_inputs.push_back({&input, id});
    }
    check_inputs(target_, lowering_.shapes, program_, user_inputs);
    for (const auto& [input, id] : user_inputs)
      lowering_.bind(input->value, target_.cast(id, carried(input->value->meta.dtype)));
    for (const InputSpec& input : program_.inputs) {
      if (input.kind == InputSpec::Kind::UserInput) continue;
      if (input.value->users().empty() && !program_.graph->is_output(input.value)) continue;
      if (program_.is_written(input) && !input.value->users().empty())
        unsupported("'{}' is read by the run after the one that writes it: ONNX keeps nothing between runs",
                    input.target);
      const LazyTensor* data = program_.data(input);
      EXFORMER_ASSERT(data != nullptr);
      const ValueId id = target_.add_weight(input.target, *data);
      named_.insert(id);
      lowering_.bind(input.value, target_.cast(id, carried(data->dtype())));
    }
  }

  void lower(const Node& node) {
    const LowerFunction function = LoweringTable::standard().find(node.op());
    try {
      if (!function) unsupported("not built");
      const Results results = function(LowerCall(lowering_, node));
      EXFORMER_ASSERT(results.size() == node.outputs().size());
      for (size_t i = 0; i < results.size(); ++i) bind_result(*node.output(i), results[i]);
    } catch (const ExportError& error) {
      if (error.kind() != ErrorKind::Unsupported) throw;
      failures_.add(node, error.what());
      for (const Value* output : node.outputs()) {  // so that the rest can be looked at too
        lowering_.bind(output, target_.add_value("failed", carried(output->meta.dtype), output->meta.sizes));
        lowering_.shapes.add_source(lowering_.get(output), output->meta.sizes);
      }
    }
  }

  void bind_result(const Value& value, ValueId result) {
    lowering_.bind(&value, result);
    if (value.kind != ValueKind::Tensor) return;
    // Sizes that only this result knows (nonzero, item) are read from it.
    lowering_.shapes.add_unbacked_source(result, value.meta.sizes, program_.graph->symbols());
    if (!target_.is_initializer(result) && named_.insert(result).second && !target_.has_name(value.name))
      target_.rename(result, value.name);
  }

  /// Sizes are results too; numbers that every call gives are none: export.json holds them.
  void bind_outputs() {
    std::unordered_set<ValueId> taken(target_.inputs.begin(), target_.inputs.end());
    std::vector<std::string> names;
    for (size_t i = 0; i < program_.outputs.size(); ++i) {
      const OutputSpec& spec = program_.outputs[i];
      const Argument& result = program_.graph->outputs()[i];
      const auto* value = result.get_if<Value*>();
      const auto* size = result.get_if<SymInt>();
      if (spec.kind != OutputSpec::Kind::UserOutput || !(value || (size && !size->is_constant()))) continue;
      const DType dtype = value && (*value)->kind == ValueKind::Tensor ? (*value)->meta.dtype : DType::Int64;
      ValueId id = target_.cast(value ? lowering_.get(*value) : lowering_.shapes.scalar(*size), dtype);
      if (target_.is_initializer(id) || !taken.insert(id).second) {
        id = target_.emit("Identity", {id}, {}, dtype, target_.sizes(id));
        taken.insert(id);
      }
      names.push_back(leaf_name(spec.target, true));
      target_.outputs.push_back(id);
    }
    check_results(target_, lowering_.shapes, program_.graph->symbols(), lowering_.data_checks, target_.outputs);
    for (size_t i = 0; i < names.size(); ++i) target_.take_name(target_.outputs[i], names[i]);
  }

  ExportedProgram& program_;
  const OnnxOptions& options_;
  OnnxGraph& target_;
  Lowering lowering_;
  LoweringFailures failures_;
  std::unordered_set<std::string> both_sides_;
  std::unordered_set<ValueId> named_;
};

}  // namespace
}  // namespace onnx

OnnxModel lower_to_onnx(ExportedProgram& program, const OnnxOptions& options) {
  onnx::check_options(options);
  OnnxModel model;
  model.options = options;
  model.symbols = program.graph->shared_symbols();
  model.graph = std::make_unique<onnx::OnnxGraph>(options.opset_version.value_or(kDefaultOnnxOpset));
  onnx::run_program_passes(program, options);
  onnx::decompose(*program.graph, onnx::LoweringTable::standard());
  onnx::Exporter(program, options, *model.graph).run();
  onnx::run_graph_passes(*model.graph, options);
  return model;
}

}  // namespace exformer
