// The texts here were written by torch 2.13 and transformers 5.23 (treespec_dumps, get_leaf_tensors).
#include "exformer/ir/pytree.h"

#include <gmock/gmock.h>

#include "exformer/base/error.h"

namespace exformer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const char kCacheContext[] =
    R"({"_t": "obj", "p": "transformers.cache_utils:DynamicCache", "s": {"layers": [{"_t": "obj", "p": )"
    R"("transformers.cache_utils:DynamicLayer", "s": {"keys": {"_t": "tensor", "i": 0}, "values": {"_t": "tensor", "i": 1}, )"
    R"("is_initialized": true, "dtype": {"_t": "dtype", "n": "float32"}, "device": {"_t": "device", "s": "cpu"}}}], )"
    R"("layer_class_to_replicate": null, "offloading": false}})";

TreeSpec cache_output() {
  return TreeSpec::model_output(
      "transformers.modeling_outputs.CausalLMOutputWithPast", {"logits", "past_key_values"},
      {TreeSpec::leaf(),
       TreeSpec::custom("transformers.cache_utils:DynamicCache", kCacheContext, {TreeSpec::leaf(), TreeSpec::leaf()})});
}

TEST(TreeSpecDumps, WritesKwargsAsTorchDoes) {
  const TreeSpec spec = TreeSpec::tuple(
      {TreeSpec::tuple({}), TreeSpec::dict({"input_ids", "attention_mask"}, {TreeSpec::leaf(), TreeSpec::leaf()})});
  EXPECT_EQ(
      treespec_dumps(spec),
      R"([1, {"type": "builtins.tuple", "context": "null", "children_spec": [{"type": "builtins.tuple", "context": "null", )"
      R"("children_spec": []}, {"type": "builtins.dict", "context": "[\"input_ids\", \"attention_mask\"]", )"
      R"("children_spec": [{"type": null, "context": null, "children_spec": []}, {"type": null, "context": null, )"
      R"("children_spec": []}]}]}])");
}

TEST(TreeSpecDumps, WritesACacheContextAsAnEscapedText) {
  const std::string text = treespec_dumps(cache_output());
  EXPECT_THAT(
      text,
      HasSubstr(
          R"("type": "transformers.modeling_outputs.CausalLMOutputWithPast", "context": "[\"logits\", \"past_key_values\"]")"));
  EXPECT_THAT(
      text,
      HasSubstr(
          R"("context": "{\"_t\": \"obj\", \"p\": \"transformers.cache_utils:DynamicCache\", \"s\": {\"layers\": [{)"));
}

TEST(TreeSpecLoads, ReadsBackWhatWasWritten) {
  for (const TreeSpec& spec :
       {cache_output(), TreeSpec::leaf(), TreeSpec::list({TreeSpec::leaf(), TreeSpec::tuple({})})}) {
    EXPECT_EQ(treespec_loads(treespec_dumps(spec)), spec);
  }
}

TEST(TreeSpecLoads, KeepsContextsThatAreNoJsonText) {
  const std::string named_tuple =
      R"([1, {"type": "collections.namedtuple", "context": "my.Point", "children_spec": [{"type": null, "context": null, )"
      R"("children_spec": []}]}])";
  const std::string default_dict =
      R"([1, {"type": "collections.defaultdict", "context": {"default_factory_module": "builtins", "default_factory_name": "list", )"
      R"("dict_context": ["a"]}, "children_spec": [{"type": null, "context": null, "children_spec": []}]}])";
  EXPECT_EQ(treespec_dumps(treespec_loads(named_tuple)), named_tuple);
  EXPECT_EQ(treespec_dumps(treespec_loads(default_dict)), default_dict);
}

TEST(TreeSpecLoads, RefusesWhatIsNoSpec) {
  for (const char* text : {"", "[]", "{}", "[1, 2]", "[2, {\"type\": null, \"context\": null, \"children_spec\": []}]",
                           R"([1, {"type": null, "context": "x", "children_spec": []}])",
                           R"([1, {"type": 3, "context": "x", "children_spec": []}])",
                           R"([1, {"type": "builtins.dict", "context": "[\"a\"]", "children_spec": []}])",
                           R"([1, {"type": "builtins.list", "context": "null", "children_spec": {}}])"}) {
    EXPECT_THROW(treespec_loads(text), ExportError) << text;
  }
}

TEST(LeafPaths, NameModelOutputsAndCachesAsTransformersDoes) {
  EXPECT_THAT(leaf_paths(cache_output()),
              ElementsAre("logits", "past_key_values.layers.0.keys", "past_key_values.layers.0.values"));
}

TEST(LeafPaths, NameEncoderDecoderCaches) {
  const char context[] =
      R"({"_t": "obj", "p": "transformers.cache_utils:EncoderDecoderCache", "s": {"self_attention_cache": {"_t": "obj", "p": "x", )"
      R"("s": {"layers": [{"_t": "obj", "p": "x", "s": {"keys": {"_t": "tensor", "i": 0}}}]}}, "cross_attention_cache": )"
      R"({"_t": "obj", "p": "x", "s": {"layers": [{"_t": "obj", "p": "x", "s": {"keys": {"_t": "tensor", "i": 1}}}]}}, )"
      R"("is_updated": {"_t": "items", "v": [[0, true], [1, {"_t": "tensor", "i": 2}]]}}})";
  const TreeSpec cache = TreeSpec::custom("transformers.cache_utils:EncoderDecoderCache", context,
                                          {TreeSpec::leaf(), TreeSpec::leaf(), TreeSpec::leaf()});
  EXPECT_THAT(leaf_paths(cache),
              ElementsAre("self_attention_cache.layers.0.keys", "cross_attention_cache.layers.0.keys", "is_updated.1"));
}

TEST(LeafPaths, CountListsAndTuples) {
  const TreeSpec spec = TreeSpec::dict({"hidden_states"}, {TreeSpec::tuple({TreeSpec::leaf(), TreeSpec::leaf()})});
  EXPECT_THAT(leaf_paths(spec), ElementsAre("hidden_states.0", "hidden_states.1"));
  EXPECT_THAT(leaf_paths(TreeSpec::leaf()), ElementsAre("output"));
}

TEST(InputPaths, LeaveOutTheArgumentTuple) {
  const TreeSpec spec =
      TreeSpec::tuple({TreeSpec::tuple({TreeSpec::leaf()}), TreeSpec::dict({"input_ids"}, {TreeSpec::leaf()})});
  EXPECT_THAT(input_paths(spec), ElementsAre("0", "input_ids"));
}

TEST(TreeSpec, CountsLeaves) { EXPECT_EQ(cache_output().leaf_count(), 3U); }

}  // namespace
}  // namespace exformer
