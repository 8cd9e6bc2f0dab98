// The tasks of the zoo: one for each AutoModelFor<Task> class of transformers that a family here can serve.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace exformer {

enum class Task {
  FeatureExtraction,  // AutoModel
  TextGeneration,     // AutoModelForCausalLM
  FillMask,           // AutoModelForMaskedLM
  TextClassification,
  TokenClassification,
  QuestionAnswering,
  NextSentencePrediction,
  PreTraining,
  MultipleChoice,
  ImageClassification,
  MaskedImageModeling,
};

/// The Hub's name: "text-generation", "fill-mask", "feature-extraction", ...
std::string_view task_name(Task task);
/// Reads task_name; nothing if unknown.
std::optional<Task> parse_task(std::string_view name);
std::vector<Task> all_tasks();
/// "AutoModelForCausalLM": the class of transformers that serves the task.
std::string_view auto_class_name(Task task);

}  // namespace exformer
