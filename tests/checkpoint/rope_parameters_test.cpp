// Rotary embedding parameters in every spelling. Expected values are those of transformers 5.23's LlamaConfig; with
// EXFORMER_PYTHON it is asked again for each row.
#include <gmock/gmock.h>

#include "base/python.h"
#include "exformer/checkpoint/config_reader.h"

namespace exformer {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;

RopeParameters read(const std::string& text, const RopeRequest& request = {}) {
  const Json json = parse_json(text, "test");
  return ConfigReader(json, "config.json").rope_parameters(request);
}

/// Configs that transformers accepts.
const std::vector<std::string> kConfigs = {
    "{}",
    R"({"rope_theta": 500000.0})",
    R"({"rope_theta": 10000})",
    R"({"rope_parameters": {"rope_type": "default", "rope_theta": 5e5}})",
    R"({"rope_parameters": {"rope_theta": 5e5}})",
    R"({"rope_parameters": null, "rope_scaling": null, "rope_theta": 3.0})",
    R"({"rope_theta": 3.0, "rope_parameters": {"rope_theta": 5e5}})",
    R"({"rope_scaling": {"type": "linear", "factor": 2.0}})",
    R"({"rope_scaling": {"rope_type": "linear", "type": "yarn", "factor": 3}})",
    R"({"rope_scaling": {"factor": 3}})",
    R"({"rope_scaling": {"type": "linear", "factor": 2.0}, "rope_parameters": {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 7.0}, "rope_theta": 3.0})",
    R"({"rope_scaling": {}, "rope_parameters": {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 7.0}})",
    R"({"rope_scaling": {"type": "dynamic", "factor": 4.0}, "max_position_embeddings": 64})",
    R"({"rope_scaling": {"type": "yarn", "factor": 2.0, "original_max_position_embeddings": 55}})",
    R"({"rope_scaling": {"type": "yarn", "factor": 2.0, "original_max_position_embeddings": 55}, "original_max_position_embeddings": 77})",
    R"({"rope_scaling": {"type": "yarn", "factor": 2.0}, "original_max_position_embeddings": 77})",
    R"({"rope_scaling": {"rope_type": "yarn", "factor": null, "original_max_position_embeddings": 512}, "max_position_embeddings": 2048})",
    R"({"rope_scaling": {"rope_type": "yarn", "factor": 4.0, "beta_fast": 0, "beta_slow": 0, "mscale": 0.7, "mscale_all_dim": 0, "truncate": false}})",
    R"({"rope_scaling": {"rope_type": "yarn", "factor": 4.0, "beta_fast": 16, "beta_slow": 2, "mscale": 0.7, "mscale_all_dim": 0.9, "attention_factor": 1.5}})",
    R"({"rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 1024}, "rope_theta": 5e5})",
    R"({"rope_scaling": {"rope_type": "longrope", "short_factor": [1.0, 1.5], "long_factor": [2, 3.0], "original_max_position_embeddings": 512}, "head_dim": 4, "max_position_embeddings": 2048})",
    R"({"partial_rotary_factor": 0.5})",
    R"({"partial_rotary_factor": 0.5, "rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.25}})",
};

TEST(RopeParametersRead, OldSpelling) {
  const RopeParameters rope = read(R"({"rope_theta": 3.0, "rope_scaling": {"type": "linear", "factor": 2}})");
  EXPECT_EQ(rope.rope_type, "linear");
  EXPECT_EQ(rope.rope_theta, 3.0);
  EXPECT_EQ(rope.factor, 2.0);
  EXPECT_EQ(read("{}", {.default_theta = 1e6}).rope_theta, 1e6);
}

TEST(RopeParametersRead, NewSpelling) {
  const RopeParameters rope =
      read(R"({"rope_theta": 3.0, "rope_parameters": {"rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0,
      "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}})");
  EXPECT_EQ(rope.rope_type, "llama3");
  EXPECT_EQ(rope.rope_theta, 5e5);
  EXPECT_EQ(rope.low_freq_factor, 1.0);
  EXPECT_EQ(rope.high_freq_factor, 4.0);
  EXPECT_EQ(rope.original_max_position_embeddings, 8192);
}

TEST(RopeParametersRead, ANonEmptyRopeScalingWins) {
  const std::string parameters = R"("rope_parameters": {"rope_type": "dynamic", "factor": 4.0})";
  EXPECT_EQ(read(R"({"rope_scaling": {"type": "linear", "factor": 2.0}, )" + parameters + "}").rope_type, "linear");
  EXPECT_EQ(read(R"({"rope_scaling": {}, )" + parameters + "}").rope_type, "dynamic");
}

TEST(RopeParametersRead, TheLengthBesideTheParametersWins) {
  const std::string length = R"("original_max_position_embeddings": 77)";
  EXPECT_EQ(
      read(R"({"rope_scaling": {"type": "yarn", "factor": 2, "original_max_position_embeddings": 55}, )" + length + "}")
          .original_max_position_embeddings,
      77);
  EXPECT_EQ(
      read(R"({"rope_scaling": {"type": "linear", "factor": 2}, )" + length + "}").original_max_position_embeddings,
      std::nullopt);
}

TEST(RopeParametersRead, ZeroCountsAsAbsentWherePythonSaysOr) {
  const RopeParameters rope =
      read(R"({"rope_scaling": {"type": "yarn", "factor": 2, "beta_fast": 0, "beta_slow": 0, "mscale": 0}})");
  EXPECT_FALSE(rope.beta_fast || rope.beta_slow || rope.mscale);
}

TEST(RopeParametersRead, AcceptsTheFirstNameOfLongrope) {
  EXPECT_EQ(read(R"({"rope_scaling": {"type": "su", "short_factor": [1.0], "long_factor": [2]}})").rope_type,
            "longrope");
}

const std::string kNested = R"({"layer_types": ["full_attention", "sliding_attention"], "rope_parameters": {
    "full_attention": {"rope_type": "linear", "factor": 2, "rope_theta": 1e6}, "sliding_attention": {"rope_type": "default"}}, "rope_theta": 5.0})";

TEST(RopeParametersRead, NestedByLayerType) {
  EXPECT_EQ(read(kNested, {.layer_type = "full_attention"}).rope_theta, 1e6);
  EXPECT_EQ(read(kNested, {.layer_type = "full_attention"}).rope_type, "linear");
  EXPECT_EQ(read(kNested, {.layer_type = "sliding_attention"}).rope_theta, 5.0);
  EXPECT_THAT(error_of([] { read(kNested); }, ErrorKind::Unsupported), HasSubstr("differs by layer type"));
  EXPECT_THAT(error_of([] { read(kNested, {.layer_type = "chunked_attention"}); }), HasSubstr("'chunked_attention'"));
  const RopeParameters equal =
      read(R"({"layer_types": ["full_attention"], "rope_parameters": {"full_attention": {"rope_theta": 7.0}}})");
  EXPECT_EQ(equal.rope_theta, 7.0);
  EXPECT_EQ(read(R"({"layer_types": ["full_attention"], "rope_parameters": {"full_attention": null}})").rope_type,
            "default");
}

TEST(RopeParametersFaults, UnknownTypesAreUnsupported) {
  EXPECT_THAT(error_of([] { read(R"({"rope_scaling": {"rope_type": "yarm", "factor": 2}})"); }, ErrorKind::Unsupported),
              AllOf(HasSubstr("'yarm'"), HasSubstr("nearest: yarn")));
}

TEST(RopeParametersFaults, KeysThatATypeNeeds) {
  const std::pair<const char*, const char*> rows[] = {
      {R"({"rope_type": "linear"})", "'factor'"},
      {R"({"rope_type": "linear", "factor": null})", "'factor'"},
      {R"({"rope_type": "dynamic"})", "'factor'"},
      {R"({"rope_type": "yarn"})", "'factor'"},
      {R"({"rope_type": "longrope", "long_factor": [1]})", "'short_factor'"},
      {R"({"rope_type": "longrope", "short_factor": [1]})", "'long_factor'"},
      {R"({"rope_type": "llama3", "low_freq_factor": 1, "high_freq_factor": 4})", "'factor'"},
      {R"({"rope_type": "llama3", "factor": 8, "high_freq_factor": 4})", "'low_freq_factor'"},
      {R"({"rope_type": "llama3", "factor": 8, "low_freq_factor": 1})", "'high_freq_factor'"},
  };
  for (const auto& [object, field] : rows) {
    EXPECT_THAT(error_of([&] { read(std::string("{\"rope_parameters\": ") + object + "}"); }),
                AllOf(HasSubstr("needs"), HasSubstr(field)))
        << object;
  }
}

TEST(RopeParametersFaults, FiguresThatMakeNoSense) {
  const std::pair<const char*, const char*> rows[] = {
      {R"({"rope_theta": 0})", "rope_theta"},
      {R"({"rope_theta": -1.0})", "rope_theta"},
      {R"({"rope_theta": "10000"})", "rope_theta"},
      {R"({"partial_rotary_factor": 0.0})", "partial_rotary_factor"},
      {R"({"partial_rotary_factor": 1.5})", "partial_rotary_factor"},
      {R"({"rope_scaling": {"type": "linear", "factor": -2}})", "factor"},
      {R"({"rope_scaling": {"type": "linear", "factor": "2"}})", "factor"},
      {R"({"rope_scaling": {"type": "yarn", "factor": 2, "original_max_position_embeddings": 0}})",
       "original_max_position_embeddings"},
      {R"({"rope_scaling": {"type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 4}})",
       "high_freq_factor"},
      {R"({"rope_scaling": {"type": "longrope", "short_factor": ["x"], "long_factor": [1]}})", "short_factor"},
      {R"({"rope_scaling": [1]})", "rope_scaling"},
      {R"({"rope_parameters": "yarn"})", "rope_parameters"},
  };
  for (const auto& [text, field] : rows)
    EXPECT_THAT(error_of([&] { read(text); }), AllOf(HasSubstr("config.json"), HasSubstr(field))) << text;
}

TEST(RopeParametersRead, MarksItsKeysAsRead) {
  const Json json = parse_json(
      R"({"rope_theta": 1.0, "rope_scaling": null, "rope_parameters": null, "partial_rotary_factor": 1.0, "other": 1})",
      "test");
  ConfigReader reader(json, "config.json");
  reader.rope_parameters();
  EXPECT_THAT(reader.unread_keys(), ElementsAre("other"));
}

// inv_freq and the attention factor of transformers' own module tell which parameters it saw in the end.
TEST(RopeParametersRead, AgreesWithTransformers) {
  SKIP_WITHOUT_PYTHON();
  const testing::TemporaryDirectory directory;
  Json configs = Json::array();
  for (const std::string& text : kConfigs) configs.push_back(parse_json(text, "test"));
  testing::write_file(directory / "configs.json", dump_json(configs));
  testing::run_python(R"(
import copy, json, transformers
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding
transformers.logging.set_verbosity_error()
seen = []
for raw in json.load(open('configs.json')):
    config = LlamaConfig.from_dict({'hidden_size': 8, 'num_attention_heads': 2, **copy.deepcopy(raw)})
    LlamaRotaryEmbedding(config)
    seen.append(config.rope_parameters)
json.dump(seen, open('seen.json', 'w'))
)",
                      directory.path());
  const Json seen = parse_json(testing::read_file(directory / "seen.json"), "seen.json");
  ASSERT_EQ(seen.size(), kConfigs.size());
  for (size_t i = 0; i < kConfigs.size(); ++i) {
    const RopeParameters rope = read(kConfigs[i]);
    const Json& expected = seen[i];
    const auto same = [&](const char* field, std::optional<double> ours) {
      const auto found = expected.find(field);
      std::optional<double> theirs;
      if (found != expected.end() && !found->is_null()) theirs = found->get<double>();
      if (theirs && *theirs == 0.0 && !ours) return;  // Python's `or`
      EXPECT_EQ(ours, theirs) << field << " of " << kConfigs[i];
    };
    EXPECT_EQ(rope.rope_type, expected["rope_type"].get<std::string>()) << kConfigs[i];
    EXPECT_EQ(rope.rope_theta, expected["rope_theta"].get<double>()) << kConfigs[i];
    EXPECT_EQ(rope.partial_rotary_factor, expected.value("partial_rotary_factor", 1.0)) << kConfigs[i];
    EXPECT_EQ(rope.truncate, expected.value("truncate", true)) << kConfigs[i];
    EXPECT_EQ(rope.short_factor, expected.value("short_factor", std::vector<double>())) << kConfigs[i];
    EXPECT_EQ(rope.long_factor, expected.value("long_factor", std::vector<double>())) << kConfigs[i];
    for (const auto& [field, value] :
         {std::pair("factor", rope.factor), std::pair("attention_factor", rope.attention_factor),
          std::pair("beta_fast", rope.beta_fast), std::pair("beta_slow", rope.beta_slow),
          std::pair("mscale", rope.mscale), std::pair("mscale_all_dim", rope.mscale_all_dim),
          std::pair("low_freq_factor", rope.low_freq_factor), std::pair("high_freq_factor", rope.high_freq_factor)}) {
      same(field, value);
    }
    // Where the file has no length, max_position_embeddings is meant, which the family knows.
    const int64_t max_positions = parse_json(kConfigs[i], "test").value("max_position_embeddings", 2048);
    if (expected.contains("original_max_position_embeddings")) {
      same("original_max_position_embeddings",
           static_cast<double>(rope.original_max_position_embeddings.value_or(max_positions)));
    }
  }
}

}  // namespace
}  // namespace exformer
