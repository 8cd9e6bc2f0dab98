#include "exformer/tasks/trace_model.h"

#include "exformer/base/strings.h"
#include "exformer/tasks/output_tree.h"

namespace exformer {
namespace {

/// The input under sizes that only a run can show to be its own: the checks before this view do.
Value* as_model_sizes(Graph& graph, Value* input, const std::vector<SymInt>& sizes) {
  const Op& view = OpRegistry::standard().get("aten::view");
  return graph.create_node(view.schema, {input, sizes}, {contiguous_meta(input->meta.dtype, sizes)})->output();
}

/// Declares the user inputs and hands them to the model's kwargs.
ForwardInputs add_user_inputs(Tracer& tracer, const TraceRequest& request, const ModelFacts& facts,
                              const ResolvedShapes& shapes, std::vector<InputSpec>& specs) {
  ForwardInputs forward;
  forward.flags = request.flags;
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    const auto& [name, sample] = request.inputs[i];
    Value* value =
        tracer.graph().add_input(replace_all(name, ".", "_"), contiguous_meta(sample.dtype(), shapes.sizes[i]));
    specs.push_back({.kind = InputSpec::Kind::UserInput, .value = value, .target = name});
  }
  for (const DeferredCheck& check : shapes.checks) tracer.check(check.condition, check.message);
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    const std::string& name = request.inputs[i].first;
    Value* value = specs[i].value;
    if (shapes.sizes[i] != shapes.model_sizes[i]) value = as_model_sizes(tracer.graph(), value, shapes.model_sizes[i]);
    const auto leaf = parse_cache_leaf(name);
    if (!leaf) {
      forward.tensors.emplace(name, tracer.wrap(value));
      continue;
    }
    if (!forward.past_key_values) {
      forward.past_key_values.emplace();
      for (const auto& window : facts.layer_windows) forward.past_key_values->layers.push_back({{}, {}, window});
    }
    CacheLayer& layer = forward.past_key_values->layers[leaf->layer];
    if (leaf->field == "keys") layer.keys = tracer.wrap(value);
    if (leaf->field == "values") layer.values = tracer.wrap(value);
  }
  return forward;
}

}  // namespace

TracedModel trace_model(const TraceRequest& request) {
  ConfigReader reader(*request.config, request.config_source);
  ModelFacts facts = request.family->facts(reader);
  facts.any_image_size = request.flags.interpolate_pos_encoding;
  TracedModel traced;
  ExportedProgram& program = traced.program;
  ResolvedShapes shapes = resolve_shapes(program.graph->symbols(), request.inputs, request.architecture->task, facts,
                                         request.dynamic, request.dynamic_shapes, request.contradiction);
  traced.specializations = std::move(shapes.specializations);

  Tracer tracer(*program.graph);
  ModelContext context{.tracer = tracer, .dtype = request.dtype, .attention = request.attention};
  const std::unique_ptr<Model> model = request.architecture->build(Scope(context), reader);

  std::vector<InputSpec> user_inputs;
  const ForwardInputs forward = add_user_inputs(tracer, request, facts, shapes, user_inputs);
  const ModelOutput output = model->forward(forward);
  const OutputTree tree = flatten_output(tracer, output, request.flags.return_dict, request.dtype);

  for (const ParameterDeclaration& parameter : context.parameters) {
    program.inputs.push_back({.kind = InputSpec::Kind::Parameter, .value = parameter.value, .target = parameter.name});
  }
  for (const BufferDeclaration& buffer : context.buffers) {
    program.inputs.push_back(
        {.kind = InputSpec::Kind::Buffer, .value = buffer.value, .target = buffer.name, .persistent = false});
    program.constants.emplace(buffer.name, LazyTensor(buffer.data));
  }
  program.inputs.insert(program.inputs.end(), user_inputs.begin(), user_inputs.end());
  std::vector<Value*> order;
  for (const InputSpec& input : program.inputs) order.push_back(input.value);
  program.graph->reorder_inputs(std::move(order));

  program.in_spec = input_spec(request.inputs, facts, request.dtype);
  program.out_spec = tree.spec;
  const std::vector<std::string> paths = leaf_paths(tree.spec);
  std::vector<Argument> outputs;
  for (size_t i = 0; i < tree.leaves.size(); ++i) {
    outputs.emplace_back(tree.leaves[i].value());
    program.outputs.push_back({.kind = OutputSpec::Kind::UserOutput, .target = paths[i]});
  }
  program.graph->set_outputs(std::move(outputs));
  traced.parameters = std::move(context.parameters);
  return traced;
}

}  // namespace exformer
