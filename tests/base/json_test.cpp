// JSON as Python reads and writes it. Expected texts are json.dumps' own, written down; with EXFORMER_PYTHON also at
// random.
#include "exformer/base/json.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "base/python.h"

namespace exformer {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

TEST(DumpJson, WritesFloatsAsPythonDoes) {
  const std::pair<double, const char*> rows[] = {{0.0, "0.0"},
                                                 {-0.0, "-0.0"},
                                                 {1.0, "1.0"},
                                                 {-1.5, "-1.5"},
                                                 {0.1, "0.1"},
                                                 {1e-6, "1e-06"},
                                                 {1e-5, "1e-05"},
                                                 {1e-4, "0.0001"},
                                                 {0.00012345, "0.00012345"},
                                                 {9.999999999999999e-05, "9.999999999999999e-05"},
                                                 {1e15, "1000000000000000.0"},
                                                 {9999999999999998.0, "9999999999999998.0"},
                                                 {1e16, "1e+16"},
                                                 {1.5e16, "1.5e+16"},
                                                 {1e22, "1e+22"},
                                                 {1e100, "1e+100"},
                                                 {1e-100, "1e-100"},
                                                 {5e-324, "5e-324"},
                                                 {1.7976931348623157e308, "1.7976931348623157e+308"},
                                                 {500000.0, "500000.0"},
                                                 {0.30000000000000004, "0.30000000000000004"},
                                                 {2.5e-323, "2.5e-323"},
                                                 {123456789.125, "123456789.125"},
                                                 {std::numeric_limits<double>::quiet_NaN(), "NaN"},
                                                 {std::numeric_limits<double>::infinity(), "Infinity"},
                                                 {-std::numeric_limits<double>::infinity(), "-Infinity"}};
  for (const auto& [value, expected] : rows) EXPECT_EQ(dump_json(Json(value)), expected);
}

TEST(DumpJson, EscapesAsEnsureAsciiDoes) {
  EXPECT_EQ(dump_json(Json("a\"b\\c/\b\f\n\r\t\x01\x1f\x7f")), R"("a\"b\\c/\b\f\n\r\t\u0001\u001f\u007f")");
  EXPECT_EQ(dump_json(Json("\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80")), R"("\u00e9\u4e2d\ud83d\ude00")");
  EXPECT_EQ(dump_json(Json{{"\xc3\xa9", 1}}), R"({"\u00e9": 1})");
}

TEST(DumpJson, ReplacesBytesThatAreNoUtf8) {
  EXPECT_EQ(dump_json(Json("a\xff"
                           "b")),
            R"("a\ufffdb")");
}

TEST(DumpJson, SeparatesAndIndentsAsPythonDoes) {
  const Json value = {
      {"b", {1, 2.0, nullptr, true}}, {"a", Json::object()}, {"c", Json::array()}, {"d", {{"e", false}}}};
  EXPECT_EQ(dump_json(value), R"({"b": [1, 2.0, null, true], "a": {}, "c": [], "d": {"e": false}})");
  EXPECT_EQ(dump_json(value, 2),
            "{\n  \"b\": [\n    1,\n    2.0,\n    null,\n    true\n  ],\n  \"a\": {},\n  \"c\": [],\n  \"d\": {\n    "
            "\"e\": false\n  }\n}");
}

TEST(DumpJson, KeepsSixtyFourBitIntegers) {
  EXPECT_EQ(dump_json(Json(std::numeric_limits<int64_t>::min())), "-9223372036854775808");
  EXPECT_EQ(dump_json(Json(std::numeric_limits<uint64_t>::max())), "18446744073709551615");
}

TEST(DumpJson, AgreesWithPythonOnRandomFloats) {
  SKIP_WITHOUT_PYTHON();
  const testing::TemporaryDirectory directory;
  std::mt19937_64 random(7);
  std::string bytes;
  Json values = Json::array();
  for (int i = 0; i < 20000; ++i) {
    // All bit patterns, and decimals of few digits as configs have them.
    double value = std::bit_cast<double>(random());
    if (i % 2 == 0)
      value = static_cast<double>(random() % 100000) * std::pow(10.0, static_cast<double>(random() % 40) - 20.0);
    if (!std::isfinite(value)) continue;
    values.push_back(value);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  testing::write_file(directory / "values", bytes);
  testing::run_python(
      "import json, struct\n"
      "data = open('values', 'rb').read()\n"
      "open('text', 'w').write(json.dumps(list(struct.unpack(f'<{len(data) // 8}d', data))))\n",
      directory.path());
  EXPECT_EQ(dump_json(values), testing::read_file(directory / "text"));
}

TEST(ParseJson, ReadsWhatPythonWrites) {
  const Json value = parse_json(R"({"z": 1, "a": [true, null, 2.5, -3, "\u00e9\ud83d\ude00"], "n": 1e-06})", "test");
  EXPECT_EQ(dump_json(value), R"({"z": 1, "a": [true, null, 2.5, -3, "\u00e9\ud83d\ude00"], "n": 1e-06})");
}

TEST(ParseJson, ReadsNonFiniteNumbers) {
  const Json value =
      parse_json(R"({"a": NaN, "b": Infinity, "c": [-Infinity, -1, 0.0], "d": "NaN -Infinity \" NaN"})", "test");
  EXPECT_TRUE(std::isnan(value["a"].get<double>()));
  EXPECT_EQ(value["b"].get<double>(), std::numeric_limits<double>::infinity());
  EXPECT_EQ(dump_json(value), R"({"a": NaN, "b": Infinity, "c": [-Infinity, -1, 0.0], "d": "NaN -Infinity \" NaN"})");
}

TEST(ParseJson, NamesSourceLineAndColumn) {
  EXPECT_EQ(error_of([] { parse_json("{\n  \"a\": 1,\n  b\n}", "config.json"); }),
            "config.json: not valid JSON (line 3, column 3)");
  EXPECT_EQ(error_of([] { parse_json("{\"a\": NaN, }", "x"); }), "x: not valid JSON (line 1, column 12)");
}

TEST(ParseJson, RefusesWhatIsNoJson) {
  for (const char* text : {"", " ", "{", "[1,]", "{\"a\" 1}", "nul", "NaNs", "Infinit", "01", "1 2", "\"\x01\"",
                           "\"\xff\"", "\"\\x\"", "[1e999]", "\"\\ud800\"", "{1: 2}", "'a'"}) {
    EXPECT_THAT(error_of([&] { parse_json(text, "test"); }), HasSubstr("test: not valid JSON")) << text;
  }
  EXPECT_THAT(error_of([] { parse_json(std::string_view("\0\0", 2), "test"); }), HasSubstr("not valid JSON"));
}

TEST(ParseJson, LimitsDepth) {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_NO_THROW(parse_json(nested(256), "test"));
  EXPECT_THAT(error_of([&] { parse_json(nested(257), "test"); }), HasSubstr("nested more than 256 levels"));
  EXPECT_THAT(error_of([] { parse_json(std::string(1000000, '['), "test"); }), HasSubstr("nested"));
  EXPECT_THAT(error_of([&] { parse_json(nested(4), "test", {.max_depth = 3}); }), HasSubstr("nested more than 3"));
}

TEST(ParseJson, KeepsTheLastOfEqualKeysInTheFirstPlace) {
  EXPECT_EQ(dump_json(parse_json(R"({"a": 1, "b": 2, "a": 3, "c": {"x": 1, "x": 2}, "a": 4})", "test")),
            R"({"a": 4, "b": 2, "c": {"x": 2}})");
}

TEST(ParseJson, RefusesEqualKeysOnRequest) {
  EXPECT_EQ(error_of([] { parse_json(R"({"a": 1, "b": 2, "a": 1})", "test", {.refuse_duplicate_keys = true}); }),
            "test: the key 'a' occurs twice");
}

TEST(ParseJson, TakesLinearTime) {
  std::string text = "{";
  for (int i = 0; i < 200000; ++i) text += fmt::format("{}\"key.{}\": {}", i ? "," : "", i, i);
  text += "}";
  EXPECT_EQ(parse_json(text, "test").size(), 200000U);  // a search per key would take minutes
}

}  // namespace
}  // namespace exformer
