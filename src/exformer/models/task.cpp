#include "exformer/models/task.h"

namespace exformer {
namespace {

struct Row {
  Task task;
  std::string_view name;
  std::string_view auto_class;
};

constexpr Row kTasks[] = {
    {Task::FeatureExtraction, "feature-extraction", "AutoModel"},
    {Task::TextGeneration, "text-generation", "AutoModelForCausalLM"},
    {Task::FillMask, "fill-mask", "AutoModelForMaskedLM"},
    {Task::TextClassification, "text-classification", "AutoModelForSequenceClassification"},
    {Task::TokenClassification, "token-classification", "AutoModelForTokenClassification"},
    {Task::QuestionAnswering, "question-answering", "AutoModelForQuestionAnswering"},
    {Task::NextSentencePrediction, "next-sentence-prediction", "AutoModelForNextSentencePrediction"},
    {Task::PreTraining, "pretraining", "AutoModelForPreTraining"},
    {Task::MultipleChoice, "multiple-choice", "AutoModelForMultipleChoice"},
    {Task::ImageClassification, "image-classification", "AutoModelForImageClassification"},
    {Task::MaskedImageModeling, "masked-image-modeling", "AutoModelForMaskedImageModeling"},
};

const Row& row_of(Task task) { return kTasks[static_cast<size_t>(task)]; }

}  // namespace

std::string_view task_name(Task task) { return row_of(task).name; }
std::string_view auto_class_name(Task task) { return row_of(task).auto_class; }

std::optional<Task> parse_task(std::string_view name) {
  for (const Row& row : kTasks) {
    if (row.name == name) return row.task;
  }
  return std::nullopt;
}

std::vector<Task> all_tasks() {
  std::vector<Task> tasks;
  for (const Row& row : kTasks) tasks.push_back(row.task);
  return tasks;
}

}  // namespace exformer
