// AutoModel and its siblings: a checkpoint and the class it will be exported as. Weights are mapped, nothing is read
// yet.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "exformer/checkpoint/checkpoint.h"
#include "exformer/models/family.h"

namespace exformer {

struct PretrainedOptions {
  std::optional<DType> dtype;  // none: the config's, else that of the weights (transformers' dtype="auto")
  std::optional<AttentionImplementation> attn_implementation;  // none: sdpa, or eager when attentions are returned
  bool allow_missing = false;                                  // weights that the checkpoint lacks become zeros
  bool allow_surplus = false;                                  // weights that the model does not want are left out
  bool trust_remote_code = false;  // of the checkpoint's auto_map: transformers runs it, no model of the zoo stands in
};

/// A model ready to export.
struct PretrainedModel {
  std::shared_ptr<const Checkpoint> checkpoint;
  const ModelFamily* family = nullptr;
  const Architecture* architecture = nullptr;
  DType dtype = DType::Float32;
  ForwardFlags flags;  // config.json's use_cache, output_hidden_states, ...
  PretrainedOptions options;

  /// What the config says, for inputs and tools.
  ModelFacts facts() const;
};

/// `path` is a checkpoint directory or a Hub id. The class is the first of config.json's `architectures` (the base
/// model when it names none), or the one that serves `task`. A model that code of the checkpoint's own defines
/// (auto_map) is refused, trusted or not.
PretrainedModel load_pretrained(const std::string& path, const PretrainedOptions& options = {},
                                std::optional<Task> task = std::nullopt);

/// AutoModelFor...: the class of the checkpoint's family that serves one task.
template <Task task>
struct AutoModelFor {
  static PretrainedModel from_pretrained(const std::string& path, const PretrainedOptions& options = {}) {
    return load_pretrained(path, options, task);
  }
};
using AutoModel = AutoModelFor<Task::FeatureExtraction>;
using AutoModelForCausalLM = AutoModelFor<Task::TextGeneration>;
using AutoModelForMaskedLM = AutoModelFor<Task::FillMask>;
using AutoModelForPreTraining = AutoModelFor<Task::PreTraining>;
using AutoModelForNextSentencePrediction = AutoModelFor<Task::NextSentencePrediction>;
using AutoModelForSequenceClassification = AutoModelFor<Task::TextClassification>;
using AutoModelForTokenClassification = AutoModelFor<Task::TokenClassification>;
using AutoModelForQuestionAnswering = AutoModelFor<Task::QuestionAnswering>;
using AutoModelForMultipleChoice = AutoModelFor<Task::MultipleChoice>;
using AutoModelForImageClassification = AutoModelFor<Task::ImageClassification>;
using AutoModelForMaskedImageModeling = AutoModelFor<Task::MaskedImageModeling>;

}  // namespace exformer
