// ExecutorchExporter: prepares the model for its backend, bounds its sizes, lowers it and records what came of it.
#include "exformer/exporters/exporter.h"
#include "exformer/exporters/upper_bounds.h"

namespace exformer {

std::optional<DType> backend_dtype(ExecutorchConfig::Backend backend, std::optional<DType> asked) {
  switch (backend) {
    case ExecutorchConfig::Backend::Cuda:
      unsupported(
          "backend 'cuda': its kernels are compiled by torch's own AOTInductor, which needs torch and a GPU; xnnpack "
          "and portable are built");
    case ExecutorchConfig::Backend::Portable: return asked;
    case ExecutorchConfig::Backend::Xnnpack: break;
  }
  if (asked && asked != DType::Float32 && asked != DType::Float16) {
    unsupported("backend 'xnnpack' has no {} (float32 and float16); without --dtype the weights are widened",
                dtype_name(*asked));
  }
  return asked.value_or(DType::Float32);
}

namespace {

Json describe(const executorch::PartitionReport& report) {
  Json json = {{"delegate_calls", report.delegate_calls},
               {"delegated_nodes", report.delegated_nodes},
               {"delegated_percent", report.delegated_percent()},
               {"multiply_adds", report.all_multiply_adds},
               {"breaks", Json::array()},
               {"outside", Json::array()}};
  for (const auto& found : report.breaks)
    json["breaks"].push_back({{"op", found.op}, {"module", found.module_path}, {"reason", found.reason}});
  for (const auto& found : report.outside)
    json["outside"].push_back({{"op", found.op}, {"reason", found.reason}, {"count", found.count}});
  return json;
}

Json describe(const ExecutorchModel& model, const ExecutorchConfig& config) {
  Json json = {{"backend", backend_name(config.backend)},
               {"arena", {{"bytes", model.arena.bytes}, {"live", model.arena.live}, {"largest", model.arena.driver}}},
               {"upper_bounds", Json::object()},
               {"instructions", model.program.instructions.size()},
               {"delegates", model.program.delegates.size()}};
  for (const auto& [symbol, max] : model.bounds->limits()) json["upper_bounds"][symbol] = max;
  if (model.partition) json["partition"] = describe(*model.partition);
  for (const std::string& name : model.program.operators()) {  // the runtime has to link their libraries
    if (name.starts_with("llama::")) json["custom_ops"].push_back(name);
  }
  return json;
}

}  // namespace

ExportedComponent executorch_component(PreparedProgram prepared, const ExecutorchConfig& config) {
  prepared.metadata.export_config = to_dict(config);
  ExecutorchOptions options{.backend = config.backend == ExecutorchConfig::Backend::Portable
                                           ? ExecutorchOptions::Backend::Portable
                                           : ExecutorchOptions::Backend::Xnnpack,
                            .planning = {.alloc_graph_input = config.alloc_graph_input,
                                         .alloc_graph_output = config.alloc_graph_output,
                                         .alloc_mutable_buffers = config.alloc_mutable_buffers},
                            .upper_bounds = upper_bound_choices(prepared.program, prepared.longest_sequence, config),
                            .check_bounds = !config.allow_unchecked,
                            .external_data = config.external_data,
                            .llm_custom_ops = config.custom_ops.has_value(),
                            .max_arena = config.max_arena,
                            .require_delegated = config.require_delegated};
  auto program = std::make_shared<const ExecutorchModel>(lower_to_executorch(prepared.program, options));
  auto& conditions = prepared.metadata.conditions;
  conditions.insert(conditions.end(), program->bound_conditions.begin(), program->bound_conditions.end());
  Json metadata = to_json(prepared.metadata);
  metadata["executorch"] = describe(*program, config);
  return {.file = "model.pte", .metadata = std::move(metadata), .executorch = std::move(program)};
}

ExportedModel ExecutorchExporter::export_model(const PretrainedModel& given, const ModelInputs& inputs,
                                               const ExecutorchConfig& config) const {
  PretrainedModel model = given;
  model.dtype = backend_dtype(config.backend, model.options.dtype).value_or(model.dtype);
  PreparedProgram prepared = prepare_for_export(model, inputs, config);
  prepared.longest_sequence = longest_sequence(model.facts().max_position_embeddings, model.checkpoint->config());
  return export_prepared(std::move(prepared), config, model.checkpoint->text_file("config.json"),
                         model.checkpoint->text_file("generation_config.json"));
}

}  // namespace exformer
