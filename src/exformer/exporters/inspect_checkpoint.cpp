// Facts about a checkpoint: its class, its weights against the class's parameters, and what a dynamic export of it
// would have.
#include <algorithm>
#include <map>
#include <set>

#include "exformer/base/error.h"
#include "exformer/exporters/auto_model.h"
#include "exformer/exporters/inspect.h"
#include "exformer/models/weights.h"
#include "exformer/passes/dead_code.h"
#include "exformer/tasks/trace_model.h"

namespace exformer {
namespace {

/// The class's parameters, declared over a graph of their own; and the keys of the config that were read on the way.
struct DeclaredModel {
  std::unique_ptr<Graph> graph = std::make_unique<Graph>();
  std::vector<ParameterDeclaration> parameters;
  std::vector<std::string> unread_keys;
  bool ties_word_embeddings = false;
};

DeclaredModel declare(const PretrainedModel& model) {
  DeclaredModel declared;
  ConfigReader reader(model.checkpoint->config(), (model.checkpoint->directory() / "config.json").string());
  // What load_pretrained and prepare_for_export read.
  for (const char* key : {"model_type", "architectures", "use_cache", "output_hidden_states", "output_attentions",
                          "return_dict", "use_return_dict"}) {
    reader.has(key);
  }
  reader.dtype();
  reader.has("torch_dtype");
  declared.ties_word_embeddings =
      reader.optional_bool("tie_word_embeddings", model.family->ties_word_embeddings_by_default);
  model.family->facts(reader);
  Tracer tracer(*declared.graph);
  ModelContext context{.tracer = tracer, .dtype = model.dtype};
  const std::unique_ptr<Model> built = model.architecture->build(Scope(context), reader);
  declared.parameters = std::move(context.parameters);
  declared.unread_keys = reader.unread_keys();
  return declared;
}

/// Elements and bytes of all parameters, those that share a tensor once.
Json count_parameters(const PretrainedModel& model, const DeclaredModel& declared, const WeightAccount& account) {
  std::set<std::string> counted;
  int64_t elements = 0, tensors = 0;
  for (const ParameterDeclaration& parameter : declared.parameters) {
    const auto source = account.sources.find(parameter.name);
    if (source != account.sources.end() && !counted.insert(source->second).second) continue;
    ++tensors;
    int64_t count = 1;
    for (const SymInt& size : parameter.value->meta.sizes) count *= size.value();
    elements += count;
  }
  return {{"tensors", tensors},
          {"elements", elements},
          {"bytes", static_cast<uint64_t>(elements) * item_size(model.dtype)}};
}

Json describe_weight_files(const Checkpoint& checkpoint) {
  std::set<std::string> files;
  std::map<std::string, int64_t> dtypes;
  uint64_t bytes = 0;
  for (const auto& [name, file] : checkpoint.tensors()) {
    files.insert(file->path().filename().string());
    const SafetensorsEntry& entry = checkpoint.entry(name);
    ++dtypes[std::string(dtype_name(entry.dtype))];
    bytes += entry.byte_size;
  }
  Json facts = {{"files", files.size()}, {"tensors", checkpoint.tensors().size()}, {"bytes", bytes}};
  facts["dtypes"] = dtypes;
  return facts;
}

Json unknown_keys(const PretrainedModel& model, const DeclaredModel& declared) {
  Json unknown = Json::object();
  const Json& config = model.checkpoint->config();
  for (const std::string& key : declared.unread_keys) {
    if (!is_irrelevant_config_key(key, config.at(key))) unknown[key] = config.at(key);
  }
  return unknown;
}

Json describe_fixed(const std::vector<Specialization>& specializations) {
  Json list = Json::array();
  for (const Specialization& fixed : specializations) {
    list.push_back({{"input", fixed.input}, {"axis", fixed.axis}, {"size", fixed.size}, {"reason", fixed.reason}});
  }
  return list;
}

/// Traces as `export --dynamic` does with inputs made from the task.
TracedModel trace_dynamic(const PretrainedModel& model) {
  const ModelFacts facts = model.facts();
  const Task task = model.architecture->task;
  TraceRequest request{.family = model.family,
                       .architecture = model.architecture,
                       .config = &model.checkpoint->config(),
                       .config_source = (model.checkpoint->directory() / "config.json").string(),
                       .dtype = model.dtype,
                       .flags = model.flags,
                       .inputs = prepare_inputs(default_inputs(task, facts), task, facts, model.dtype),
                       .dynamic = true};
  if (model.flags.output_attentions) request.attention = AttentionImplementation::Eager;
  TracedModel traced = trace_model(request);
  eliminate_dead_nodes(*traced.program.graph);
  return traced;
}

}  // namespace

bool is_irrelevant_config_key(const std::string& key, const Json& value) {
  static const std::set<std::string> kKeys = {"transformers_version",
                                              "_name_or_path",
                                              "name_or_path",
                                              "_commit_hash",
                                              "_attn_implementation_autoset",
                                              "initializer_range",
                                              "initializer_factor",
                                              "label2id",
                                              "id2label",
                                              "problem_type",
                                              "task_specific_params",
                                              "finetuning_task",
                                              "gradient_checkpointing",
                                              "dropout",
                                              "layerdrop",
                                              "pretraining_tp",
                                              "torchscript",
                                              "auto_map",
                                              "adapters",
                                              "language",
                                              "license",
                                              "directionality",
                                              "chunk_size_feed_forward",
                                              "remove_invalid_values",
                                              "tokenizer_class",
                                              "prefix",
                                              "use_bfloat16",
                                              "_from_model_config"};
  if (value.is_null() || kKeys.contains(key) || key.ends_with("_dropout") || key.ends_with("_dropout_prob") ||
      key.ends_with("_token_id"))
    return true;
  // They matter only when they ask for something.
  static const std::set<std::string> kSwitches = {
      "is_decoder",   "is_encoder_decoder", "add_cross_attention", "tie_encoder_decoder",
      "pruned_heads", "use_sliding_window", "quantization_config", "encoder_no_repeat_ngram_size"};
  return kSwitches.contains(key) && (value == Json(false) || value.empty() || value == Json(0));
}

Inspection inspect_checkpoint(const std::string& path) {
  const PretrainedModel model = load_pretrained(path);
  const DeclaredModel declared = declare(model);
  Json facts = {{"kind", "checkpoint"},
                {"path", model.checkpoint->directory().string()},
                {"model_type", model.family->model_type},
                {"architecture", model.architecture->name},
                {"task", task_name(model.architecture->task)},
                {"dtype", dtype_name(model.dtype)}};
  const WeightAccount account =
      account_for_weights(*model.checkpoint, *model.family, *model.architecture, declared.parameters,
                          {.dtype = model.dtype, .ties_word_embeddings = declared.ties_word_embeddings});
  facts["parameters"] = count_parameters(model, declared, account);
  facts["weights"] = describe_weight_files(*model.checkpoint);
  facts["weights"]["missing"] = account.missing;
  facts["weights"]["of_another_shape"] = account.misshaped;
  facts["weights"]["not_wanted"] = account.surplus;
  facts["weights"]["ignored"] = account.ignored;
  facts["config"] = {{"unknown_keys", unknown_keys(model, declared)}};
  try {
    TracedModel traced = trace_dynamic(model);
    Json description = describe_program(traced.program);
    description.erase("weights");
    description["fixed"] = describe_fixed(traced.specializations);
    facts["export"] = std::move(description);
    return {std::move(facts), std::make_shared<const ExportedProgram>(std::move(traced.program))};
  } catch (const ExportError& error) {
    facts["export"] = {{"error", error.what()}};
    return {std::move(facts), nullptr};
  }
}

}  // namespace exformer
