#include "exformer/checkpoint/config_reader.h"

#include <gmock/gmock.h>

#include "base/test_files.h"

namespace exformer {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

/// Keeps the parsed object as long as its reader.
struct Config {
  explicit Config(const std::string& text) : json(parse_json(text, "test")), reader(json, "config.json") {}
  Json json;
  ConfigReader reader;
};

TEST(ConfigReaderInt, AcceptsIntegersAndIntegralFloats) {
  Config config(R"({"a": 64, "b": 64.0, "c": -1, "d": null, "e": 18446744073709551615})");
  EXPECT_EQ(config.reader.required_int("a"), 64);
  EXPECT_EQ(config.reader.required_int("b"), 64);
  EXPECT_EQ(config.reader.optional_int("c", 5), -1);
  EXPECT_EQ(config.reader.optional_int("d", 5), 5);
  EXPECT_EQ(config.reader.optional_int("none", 5), 5);
}

TEST(ConfigReaderInt, RefusesTheRestNamingFieldValueAndRange) {
  for (const char* value : {"\"64\"", "64.5", "true", "[64]", "{}", "18446744073709551615", "1e300", "NaN", "-Infinity",
                            "4294967296", "0"}) {
    Config config(fmt::format(R"({{"hidden_size": {}}})", value));
    EXPECT_THAT(error_of([&] { config.reader.required_int("hidden_size", {.min = 1}); }),
                AllOf(HasSubstr("config.json"), HasSubstr("'hidden_size'"), HasSubstr("[1, 2147483647]")))
        << value;
  }
  Config config(R"({"a": null})");
  EXPECT_THAT(error_of([&] { config.reader.required_int("a"); }), HasSubstr("there is no 'a'"));
  EXPECT_THAT(error_of([&] { config.reader.required_int("b"); }), HasSubstr("there is no 'b'"));
}

TEST(ConfigReaderInt, CutsLongValuesInMessages) {
  Config config("{\"a\": \"" + std::string(1000, 'x') + "\"}");
  EXPECT_LT(error_of([&] { config.reader.required_int("a"); }).size(), 200U);
}

TEST(ConfigReaderReal, AcceptsFiniteNumbers) {
  Config config(R"({"a": 1e-6, "b": 2, "c": "1e-6", "d": Infinity, "e": null, "f": true})");
  EXPECT_EQ(config.reader.required_real("a"), 1e-6);
  EXPECT_EQ(config.reader.required_real("b"), 2.0);
  EXPECT_EQ(config.reader.optional_real("e", 3.0), 3.0);
  for (const char* name : {"c", "d", "f"})
    EXPECT_THAT(error_of([&] { config.reader.optional_real(name, 0.0); }), HasSubstr("a number"));
  EXPECT_THAT(error_of([&] { config.reader.required_real("none"); }), HasSubstr("there is no"));
}

TEST(ConfigReaderBool, AcceptsZeroAndOne) {
  Config config(R"({"a": true, "b": 1, "c": 0, "d": 2, "e": "true", "f": null})");
  EXPECT_TRUE(config.reader.optional_bool("a", false));
  EXPECT_TRUE(config.reader.optional_bool("b", false));
  EXPECT_FALSE(config.reader.optional_bool("c", true));
  EXPECT_TRUE(config.reader.optional_bool("f", true));
  for (const char* name : {"d", "e"})
    EXPECT_THAT(error_of([&] { config.reader.optional_bool(name, true); }), HasSubstr("true or false"));
}

TEST(ConfigReaderString, ReadsAndRefuses) {
  Config config(R"({"a": "x", "b": 1})");
  EXPECT_EQ(config.reader.required_string("a"), "x");
  EXPECT_EQ(config.reader.optional_string("none", "y"), "y");
  EXPECT_THAT(error_of([&] { config.reader.optional_string("b", ""); }), HasSubstr("a string"));
  EXPECT_THAT(error_of([&] { config.reader.required_string("none"); }), HasSubstr("there is no"));
}

TEST(ConfigReaderChoice, NamesTheNearest) {
  Config config(R"({"a": "sillu", "b": "gelu"})");
  EXPECT_EQ(config.reader.optional_choice("b", "silu", {"silu", "gelu"}), "gelu");
  EXPECT_EQ(config.reader.optional_choice("none", "silu", {"silu", "gelu"}), "silu");
  EXPECT_THAT(error_of([&] { config.reader.optional_choice("a", "silu", {"silu", "gelu"}); }, ErrorKind::Unsupported),
              AllOf(HasSubstr("'sillu'"), HasSubstr("nearest: silu"), HasSubstr("silu, gelu")));
}

TEST(ConfigReaderLists, CheckEveryElement) {
  Config config(R"({"s": ["a", "b"], "r": [1, 2.5], "i": [1, 2.0], "bad": ["a", 1], "n": null, "x": 1})");
  EXPECT_THAT(config.reader.optional_strings("s"), ElementsAre("a", "b"));
  EXPECT_THAT(config.reader.optional_reals("r"), ElementsAre(1.0, 2.5));
  EXPECT_THAT(config.reader.optional_ints("i"), ElementsAre(1, 2));
  EXPECT_THAT(config.reader.optional_strings("n"), IsEmpty());
  EXPECT_THAT(config.reader.optional_ints("none"), IsEmpty());
  for (const char* name : {"bad", "x"}) {
    EXPECT_THAT(error_of([&] { config.reader.optional_strings(name); }), HasSubstr("a list of strings"));
    EXPECT_THAT(error_of([&] { config.reader.optional_reals(name); }), HasSubstr("a list of numbers"));
    EXPECT_THAT(error_of([&] { config.reader.optional_ints(name); }), HasSubstr("a list, each element an integer"));
  }
  EXPECT_THAT(error_of([&] { config.reader.optional_ints("i", {.min = 2}); }), HasSubstr("[2, "));
}

TEST(ConfigReaderIntPair, AcceptsOneForBoth) {
  Config config(R"({"a": 224, "b": [32, 48.0], "c": [1], "d": [0, 1], "e": "1"})");
  EXPECT_THAT(config.reader.optional_int_pair("a", {1, 1}), Pair(224, 224));
  EXPECT_THAT(config.reader.optional_int_pair("b", {1, 1}), Pair(32, 48));
  EXPECT_THAT(config.reader.optional_int_pair("none", {3, 4}), Pair(3, 4));
  for (const char* name : {"c", "d", "e"})
    EXPECT_THAT(error_of([&] { config.reader.optional_int_pair(name, {1, 1}); }), HasSubstr("list of two"));
}

// Expected values are those of transformers 5.23's LlamaConfig.from_dict(...).num_labels.
TEST(ConfigReaderNumLabels, FollowsTransformers) {
  const std::pair<const char*, int64_t> rows[] = {
      {"{}", 2},
      {R"({"num_labels": 5})", 5},
      {R"({"num_labels": 0})", 0},
      {R"({"id2label": {"0": "a", "1": "b", "2": "c"}})", 3},
      {R"({"id2label": {}})", 0},
      {R"({"id2label": null, "num_labels": 3})", 3},
      {R"({"id2label": {"0": "a", "1": "b", "2": "c"}, "num_labels": 5})", 5}};
  for (const auto& [text, expected] : rows) EXPECT_EQ(Config(text).reader.num_labels(), expected) << text;
  EXPECT_THAT(error_of([] { Config(R"({"id2label": ["a"]})").reader.num_labels(); }), HasSubstr("an object"));
  EXPECT_THAT(error_of([] { Config(R"({"num_labels": -1})").reader.num_labels(); }), HasSubstr("num_labels"));
}

TEST(ConfigReaderDtype, PrefersTheNewSpelling) {
  EXPECT_EQ(Config(R"({"dtype": "float16", "torch_dtype": "bfloat16"})").reader.dtype(), "float16");
  EXPECT_EQ(Config(R"({"torch_dtype": "bfloat16"})").reader.dtype(), "bfloat16");
  EXPECT_EQ(Config(R"({"dtype": null, "torch_dtype": "bfloat16"})").reader.dtype(), "bfloat16");
  EXPECT_EQ(Config(R"({"dtype": "auto"})").reader.dtype(), std::nullopt);
  EXPECT_EQ(Config("{}").reader.dtype(), std::nullopt);
}

TEST(ConfigReaderLayerTypes, RenamesOldOnes) {
  EXPECT_THAT(Config(R"({"layer_types": ["attention", "sliding_attention", "mamba"]})").reader.layer_types(),
              ElementsAre("full_attention", "sliding_attention", "linear_attention"));
  EXPECT_THAT(Config("{}").reader.layer_types(), IsEmpty());
}

TEST(ConfigReaderUnreadKeys, ListsWhatNothingAskedFor) {
  Config config(R"({"z": 1, "a": 2, "b": null, "c": 3})");
  config.reader.optional_int("a", 0);
  config.reader.optional_int("b", 0);
  EXPECT_THAT(config.reader.unread_keys(), ElementsAre("z", "c"));
}

TEST(ConfigReaderHas, TellsNullFromAbsent) {
  Config config(R"({"a": null, "b": 1})");
  EXPECT_FALSE(config.reader.has("a"));
  EXPECT_TRUE(config.reader.is_null("a"));
  EXPECT_TRUE(config.reader.has("b"));
  EXPECT_FALSE(config.reader.is_null("b"));
  EXPECT_FALSE(config.reader.is_null("c"));
}

}  // namespace
}  // namespace exformer
