// The architectures that every Llama-shaped family has, from its layer type and its config reader.
#pragma once

#include <string>
#include <string_view>

#include "exformer/models/decoder.h"
#include "exformer/models/family.h"

namespace exformer {

using ReadTextConfig = TextConfig (*)(ConfigReader& config);

struct DecoderFamilyOptions {
  std::string_view question_answering_base;  // "transformer" where transformers kept an old name
};

template <class Layer>
ModelFamily decoder_family(std::string model_type, const std::string& class_prefix, ReadTextConfig read,
                           const DecoderFamilyOptions& options) {
  const std::string qa_base(options.question_answering_base);
  ModelFamily family{.model_type = std::move(model_type),
                     .facts = [read](ConfigReader& config) { return facts_of(read(config)); },
                     .ignorable_keys = {R"((^|\.)rotary_emb\.inv_freq$)", R"(^(lm_head|score|qa_outputs)\.)"}};
  family.architectures = {
      {class_prefix + "Model", Task::FeatureExtraction,
       [read](Scope scope, ConfigReader& config) {
         return std::make_unique<DecoderBase<Layer>>(std::move(scope), read(config));
       },
       ""},
      {class_prefix + "ForCausalLM",
       Task::TextGeneration,
       [read](Scope scope, ConfigReader& config) { return std::make_unique<CausalLM<Layer>>(scope, read(config)); },
       "model",
       {{"lm_head.weight", "model.embed_tokens.weight"}}},
      {class_prefix + "ForSequenceClassification", Task::TextClassification,
       [read](Scope scope, ConfigReader& config) {
         return std::make_unique<SequenceClassifier<Layer>>(scope, read(config));
       },
       "model"},
      {class_prefix + "ForTokenClassification", Task::TokenClassification,
       [read](Scope scope, ConfigReader& config) {
         return std::make_unique<TokenClassifier<Layer>>(scope, read(config));
       },
       "model"},
      {class_prefix + "ForQuestionAnswering", Task::QuestionAnswering,
       [read, qa_base](Scope scope, ConfigReader& config) {
         return std::make_unique<QuestionAnswerer<Layer>>(scope, read(config), qa_base);
       },
       qa_base},
  };
  return family;
}

}  // namespace exformer
