#include "exformer/base/strings.h"

#include <gmock/gmock.h>

namespace exformer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(NearestNames, PutsTheNearestFirst) {
  EXPECT_THAT(nearest_names("lama", {"bert", "mllama", "llama", "mistral"}), ElementsAre("llama", "mllama"));
  EXPECT_THAT(nearest_names("qwen", {"qwen3", "qwen2", "qwen2_moe"}, 2), ElementsAre("qwen3", "qwen2"));
}

TEST(NearestNames, LeavesOutWhatIsFar) {
  EXPECT_THAT(nearest_names("zzzzzz", {"bert", "llama"}), IsEmpty());
  EXPECT_EQ(nearest_hint("zzzzzz", {"bert", "llama"}), "");
}

TEST(NearestNames, IgnoresAbsurdlyLongNames) { EXPECT_THAT(nearest_names(std::string(100000, 'a'), {"a"}), IsEmpty()); }

TEST(NearestHint, ListsThem) { EXPECT_EQ(nearest_hint("lama", {"llama"}), " (nearest: llama)"); }

TEST(Split, KeepsEmptyParts) {
  EXPECT_THAT(split("a,,b,", ','), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(split("", ','), ElementsAre(""));
}

TEST(Join, PutsSeparatorsBetween) {
  EXPECT_EQ(join({"a", "b", "c"}, ", "), "a, b, c");
  EXPECT_EQ(join({}, ", "), "");
}

TEST(ReplaceAll, ReplacesEveryOccurrenceOnce) {
  EXPECT_EQ(replace_all("a/b/c", "/", "--"), "a--b--c");
  EXPECT_EQ(replace_all("aaa", "a", "aa"), "aaaaaa");
  EXPECT_EQ(replace_all("abc", "", "x"), "abc");
}

}  // namespace
}  // namespace exformer
