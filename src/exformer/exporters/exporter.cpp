#include "exformer/exporters/exporter.h"

#include "exformer/base/share_file.h"
#include "exformer/models/weights.h"
#include "exformer/passes/conditions.h"
#include "exformer/passes/dead_code.h"
#include "exformer/tasks/trace_model.h"

namespace exformer {
namespace {

std::optional<std::string> config_text(const PretrainedModel& model) {
  return model.checkpoint->text_file("config.json");
}
std::optional<std::string> generation_config_text(const PretrainedModel& model) {
  return model.checkpoint->text_file("generation_config.json");
}

/// OnnxConfig.output_path: the model and its sidecar, under the names that the reference gives them.
void write_one_file(const OnnxModel& onnx, const std::filesystem::path& path) {
  const std::string sidecar_name = path.stem().string() + ".onnx_data";
  StagedFile file(path);
  StagedFile sidecar(path.parent_path() / sidecar_name);
  const auto shared = write_onnx(
      onnx,
      {.model = file.path(), .sidecar = sidecar.path(), .sidecar_name = sidecar_name, .weights = onnx.options.weights});
  std::vector<std::filesystem::path> created;
  try {
    for (const auto& weights : shared) {
      const auto target = file.path().parent_path() / weights.filename();
      if (share_file(weights, target)) created.push_back(target);
    }
    sidecar.commit();
    file.commit();
  } catch (const ExportError&) {
    for (const auto& target : created) std::filesystem::remove(target);
    throw;
  }
}

}  // namespace

PreparedProgram prepare_for_export(const PretrainedModel& model, const ModelInputs& inputs,
                                   const DynamoConfig& config) {
  const ModelFacts facts = model.facts();
  const Task task = model.architecture->task;
  const std::string source = (model.checkpoint->directory() / "config.json").string();

  TraceRequest request{.family = model.family,
                       .architecture = model.architecture,
                       .config = &model.checkpoint->config(),
                       .config_source = source,
                       .dtype = model.dtype,
                       .flags = model.flags,
                       .dynamic = config.dynamic,
                       .dynamic_shapes = config.dynamic_shapes,
                       .contradiction = config.prefer_deferred_runtime_asserts_over_guards ? Contradiction::RuntimeCheck
                                                                                           : Contradiction::Error};
  request.flags.use_cache = facts.supports_cache && inputs.use_cache.value_or(request.flags.use_cache);
  request.flags.output_hidden_states = inputs.output_hidden_states.value_or(request.flags.output_hidden_states);
  request.flags.output_attentions = inputs.output_attentions.value_or(request.flags.output_attentions);
  request.flags.return_dict = inputs.return_dict.value_or(request.flags.return_dict);
  request.flags.interpolate_pos_encoding = inputs.interpolate_pos_encoding.value_or(false);
  if (request.flags.interpolate_pos_encoding && facts.patch_size.empty())
    fail("interpolate_pos_encoding is for models of images in patches, which {} is not", model.architecture->name);
  // sdpa cannot return the weights of its softmax.
  const auto default_attention =
      request.flags.output_attentions ? AttentionImplementation::Eager : AttentionImplementation::Sdpa;
  request.attention = model.options.attn_implementation.value_or(default_attention);
  if (request.flags.output_attentions && request.attention == AttentionImplementation::Sdpa) {
    fail("output_attentions needs attn_implementation = eager: sdpa does not return attention weights");
  }
  request.inputs =
      prepare_inputs(inputs.tensors.empty() ? default_inputs(task, facts) : inputs.tensors, task, facts, model.dtype);

  TracedModel traced = trace_model(request);
  ConfigReader reader(model.checkpoint->config(), source);
  traced.program.state_dict = bind_weights(*model.checkpoint, *model.family, *model.architecture, traced.parameters,
                                           {.dtype = model.dtype,
                                            .ties_word_embeddings = reader.optional_bool(
                                                "tie_word_embeddings", model.family->ties_word_embeddings_by_default),
                                            .allow_missing = model.options.allow_missing,
                                            .allow_surplus = model.options.allow_surplus});
  eliminate_dead_nodes(*traced.program.graph);

  PreparedProgram prepared;
  prepared.metadata = {.architecture = model.architecture->name,
                       .export_dtype = model.dtype,
                       .inputs = request.inputs,
                       .in_spec = traced.program.in_spec,
                       .out_spec = traced.program.out_spec,
                       .specializations = std::move(traced.specializations)};
  prepared.program = std::move(traced.program);
  return prepared;
}

namespace {

ExportedComponent dynamo_component(PreparedProgram prepared, const DynamoConfig& config) {
  prepared.metadata.export_config = to_dict(config);
  ExportedComponent component{.file = "model.pt2",
                              .metadata = to_json(prepared.metadata),
                              .pytree = config.pytree,
                              .sample_inputs = prepared.metadata.inputs};
  component.program = std::make_shared<const ExportedProgram>(std::move(prepared.program));
  return component;
}

ExportedComponent onnx_component(PreparedProgram prepared, const OnnxConfig& config) {
  prepared.metadata.export_config = to_dict(config);
  OnnxOptions options{.external_data = config.external_data,
                      .optimize = config.optimize,
                      .export_params = config.export_params,
                      .keep_initializers_as_inputs = config.keep_initializers_as_inputs,
                      .ort_fusions = config.ort_fusions.value_or(""),
                      .names = config.names == "genai" ? OnnxOptions::Names::GenAi : OnnxOptions::Names::Transformers,
                      .weights = config.weights == "share" ? OnnxOptions::Weights::Share : OnnxOptions::Weights::Copy};
  if (config.opset_version) options.opset_version = static_cast<int>(*config.opset_version);
  auto onnx = std::make_shared<const OnnxModel>(lower_to_onnx(prepared.program, options));
  if (config.output_path) write_one_file(*onnx, *config.output_path);
  return {.file = "model.onnx", .metadata = to_json(prepared.metadata), .onnx = std::move(onnx)};
}

/// What the program takes for granted, for the file to check and export.json to tell. torch checks most of it itself.
void state_conditions(PreparedProgram& prepared, const ExportConfig& config) {
  const bool is_dynamo = std::holds_alternative<DynamoConfig>(config);
  const auto& common = std::visit([](const auto& each) -> const DynamoConfig& { return each; }, config);
  if (common.allow_unchecked) {
    if (!is_dynamo) erase_assertions(*prepared.program.graph);
    return;
  }
  const auto reason_of = [&](const std::string& path, int64_t axis) {
    for (const auto* known : {&prepared.metadata.specializations, &prepared.narrowed}) {
      for (const Specialization& dim : *known) {
        if (dim.input == path && dim.axis == axis) return dim.reason;
      }
    }
    return std::string();
  };
  name_inputs_in_assertions(prepared.program);
  prepared.program.conditions = input_conditions(prepared.program, reason_of);
  prepared.metadata.conditions = prepared.program.conditions;
  if (is_dynamo) assert_bounds_of_two(prepared.program);
}

}  // namespace

ExportedModel export_prepared(PreparedProgram prepared, const ExportConfig& config,
                              std::optional<std::string> config_text,
                              std::optional<std::string> generation_config_text) {
  state_conditions(prepared, config);
  if (const auto* onnx = std::get_if<OnnxConfig>(&config)) {
    return {ExportFormat::Onnx,
            {onnx_component(std::move(prepared), *onnx)},
            std::move(config_text),
            std::move(generation_config_text)};
  }
  if (const auto* executorch = std::get_if<ExecutorchConfig>(&config)) {
    return {ExportFormat::Executorch,
            {executorch_component(std::move(prepared), *executorch)},
            std::move(config_text),
            std::move(generation_config_text)};
  }
  return {ExportFormat::Dynamo,
          {dynamo_component(std::move(prepared), std::get<DynamoConfig>(config))},
          std::move(config_text),
          std::move(generation_config_text)};
}

ExportedModel DynamoExporter::export_model(const PretrainedModel& model, const ModelInputs& inputs,
                                           const DynamoConfig& config) const {
  return export_prepared(prepare_for_export(model, inputs, config), config, config_text(model),
                         generation_config_text(model));
}

ExportedModel OnnxExporter::export_model(const PretrainedModel& model, const ModelInputs& inputs,
                                         const OnnxConfig& config) const {
  return export_prepared(prepare_for_export(model, inputs, config), config, config_text(model),
                         generation_config_text(model));
}

ExportConfig AutoExportConfig::from_dict(const Json& dict) {
  if (!dict.is_object() || !dict.contains("export_format") || !dict["export_format"].is_string()) {
    fail("config: 'export_format' must name dynamo, onnx or executorch");
  }
  switch (parse_format(dict["export_format"].get<std::string>())) {
    case ExportFormat::Dynamo: return dynamo_config_from_dict(dict);
    case ExportFormat::Onnx: return onnx_config_from_dict(dict);
    case ExportFormat::Executorch: return executorch_config_from_dict(dict);
  }
  EXFORMER_ASSERT(false);
}

ExportedModel AutoHfExporter::export_model(const PretrainedModel& model, const ModelInputs& inputs) const {
  if (const auto* onnx = std::get_if<OnnxConfig>(&config_)) return OnnxExporter().export_model(model, inputs, *onnx);
  if (const auto* executorch = std::get_if<ExecutorchConfig>(&config_))
    return ExecutorchExporter().export_model(model, inputs, *executorch);
  return DynamoExporter().export_model(model, inputs, std::get<DynamoConfig>(config_));
}

}  // namespace exformer
