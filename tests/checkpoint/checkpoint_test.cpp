// Checkpoint directories: single files, shards, and what is wrong with them.
#include "exformer/checkpoint/checkpoint.h"

#include <gmock/gmock.h>

#include "base/test_files.h"
#include "checkpoint/sample_files.h"

namespace exformer {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::error_of;
using ::testing::HasSubstr;
using testing::one_tensor;
using testing::TemporaryDirectory;
using testing::write_file;

constexpr const char* kIndex = "model.safetensors.index.json";

/// A directory with a good config.json.
struct Directory : TemporaryDirectory {
  Directory() { write_file(*this / "config.json", R"({"model_type": "llama", "rope_theta": 1e-06})"); }
  std::string fault(ErrorKind kind = ErrorKind::Failed) const {
    return error_of([&] { Checkpoint::open(path()); }, kind);
  }
};

/// Two shards with the tensors "a" and "b".
struct Sharded : Directory {
  Sharded() {
    write_file(*this / "one.safetensors", one_tensor("a"));
    write_file(*this / "two.safetensors", one_tensor("b"));
    write_file(*this / kIndex, R"({"metadata": {}, "weight_map": {"a": "one.safetensors", "b": "two.safetensors"}})");
  }
  std::string fault_with_map(const std::string& map) const {
    write_file(*this / kIndex, "{\"weight_map\": " + map + "}");
    return fault();
  }
};

TEST(CheckpointOpen, ReadsASingleFile) {
  const Directory directory;
  write_file(directory / "model.safetensors", one_tensor("a"));
  const Checkpoint checkpoint = Checkpoint::open(directory.path());
  EXPECT_EQ(checkpoint.directory(), directory.path());
  EXPECT_EQ(checkpoint.config()["rope_theta"].get<double>(), 1e-6);
  EXPECT_EQ(checkpoint.tensor("a").item_double(1), 2.0);
  EXPECT_EQ(checkpoint.entry("a").byte_size, 8U);
  EXPECT_EQ(checkpoint.tensors().at("a")->path(), directory / "model.safetensors");
  EXPECT_THAT(error_of([&] { checkpoint.tensor("b"); }), HasSubstr("'b'"));
  EXPECT_THAT(error_of([&] { checkpoint.entry("b"); }), HasSubstr("'b'"));
}

TEST(CheckpointOpen, ReadsShards) {
  const Sharded directory;
  const Checkpoint checkpoint = Checkpoint::open(directory.path());
  EXPECT_EQ(checkpoint.tensors().size(), 2U);
  EXPECT_EQ(checkpoint.tensors().at("b")->path(), directory / "two.safetensors");
}

TEST(CheckpointOpen, PrefersTheSingleFile) {
  const Sharded directory;
  write_file(directory / "model.safetensors", one_tensor("c"));
  EXPECT_TRUE(Checkpoint::open(directory.path()).tensors().contains("c"));
}

TEST(CheckpointOpen, FollowsTheLinksOfTheHubCache) {
  const TemporaryDirectory cache;
  fs::create_directories(cache / "blobs");
  fs::create_directories(cache / "snapshots" / "1");
  write_file(cache / "blobs" / "x", one_tensor("a"));
  write_file(cache / "blobs" / "y", R"({"model_type": "llama"})");
  fs::create_symlink("../../blobs/x", cache / "snapshots" / "1" / "model.safetensors");
  fs::create_symlink("../../blobs/y", cache / "snapshots" / "1" / "config.json");
  EXPECT_EQ(Checkpoint::open(cache / "snapshots" / "1").tensors().size(), 1U);
}

TEST(CheckpointOpen, TakesTensorsThatTheIndexLeavesOut) {
  const Sharded directory;
  write_file(directory / "two.safetensors",
             testing::safetensors(R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                                  R"("c":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                                  "xy"));
  EXPECT_TRUE(Checkpoint::open(directory.path()).tensors().contains("c"));  // as transformers does
}

TEST(CheckpointFaults, NoDirectory) {
  const TemporaryDirectory directory;
  EXPECT_THAT(error_of([&] { Checkpoint::open(directory / "none"); }), HasSubstr("does not exist"));
  write_file(directory / "file", "");
  EXPECT_THAT(error_of([&] { Checkpoint::open(directory / "file"); }), HasSubstr("not a directory"));
}

TEST(CheckpointFaults, ConfigsThatAreNone) {
  const Directory directory;
  fs::remove(directory / "config.json");
  EXPECT_THAT(directory.fault(), HasSubstr("no config.json"));
  for (const char* text : {"[]", "1", "null"}) {
    write_file(directory / "config.json", text);
    EXPECT_THAT(directory.fault(), HasSubstr("not a JSON object"));
  }
  write_file(directory / "config.json", "{model_type: llama}");
  EXPECT_THAT(directory.fault(), AllOf(HasSubstr("config.json"), HasSubstr("line 1")));
  write_file(directory / "config.json", "{}");
  EXPECT_THAT(directory.fault(), AllOf(HasSubstr("model_type"), HasSubstr("absent")));
  write_file(directory / "config.json", R"({"model_type": 7})");
  EXPECT_THAT(directory.fault(), AllOf(HasSubstr("model_type"), HasSubstr("7")));
}

TEST(CheckpointFaults, NoWeights) {
  const Directory directory;
  EXPECT_THAT(directory.fault(), AllOf(HasSubstr("no weights"), HasSubstr("model.safetensors")));
  write_file(directory / "pytorch_model.bin", "never read");
  EXPECT_THAT(directory.fault(ErrorKind::Unsupported),
              AllOf(HasSubstr("pytorch_model.bin"), HasSubstr("never read"), HasSubstr("save_pretrained")));
}

TEST(CheckpointFaults, Indexes) {
  const Sharded directory;
  write_file(directory / kIndex, "{");
  EXPECT_THAT(directory.fault(), AllOf(HasSubstr(kIndex), HasSubstr("not valid JSON")));
  for (const char* text : {"[]", "{}", R"({"weight_map": []})"}) {
    write_file(directory / kIndex, text);
    EXPECT_THAT(directory.fault(), HasSubstr("weight_map"));
  }
  EXPECT_THAT(directory.fault_with_map(R"({"a": 1})"), HasSubstr("'a' is not a file name"));
}

TEST(CheckpointFaults, ShardsOutsideTheDirectory) {
  const Sharded directory;
  for (const char* name : {"../two.safetensors", "/etc/passwd", "..", ".", "", "sub/two.safetensors",
                           "sub\\\\two.safetensors", "a\\u0000b"}) {
    EXPECT_THAT(directory.fault_with_map(fmt::format(R"({{"a": "{}"}})", name)),
                HasSubstr("outside the checkpoint directory"))
        << name;
  }
}

TEST(CheckpointFaults, MissingShardsAndTensors) {
  const Sharded directory;
  EXPECT_THAT(directory.fault_with_map(R"({"a": "three.safetensors"})"), HasSubstr("'three.safetensors' is missing"));
  EXPECT_THAT(directory.fault_with_map(R"({"a": "one.safetensors", "x": "two.safetensors"})"),
              HasSubstr("'two.safetensors' has no tensor 'x'"));
  fs::create_symlink("nowhere", directory / "broken.safetensors");
  EXPECT_THAT(directory.fault_with_map(R"({"a": "broken.safetensors"})"), HasSubstr("missing"));
}

TEST(CheckpointFaults, ATensorInTwoShards) {
  const Sharded directory;
  write_file(directory / "two.safetensors", one_tensor("a"));
  EXPECT_THAT(directory.fault_with_map(R"({"a": "one.safetensors", "b": "two.safetensors"})"),
              AllOf(HasSubstr("in two shards"), HasSubstr("one.safetensors"), HasSubstr("two.safetensors")));
}

TEST(CheckpointGenerationConfig, IsOptional) {
  const Directory directory;
  write_file(directory / "model.safetensors", one_tensor("a"));
  const Checkpoint checkpoint = Checkpoint::open(directory.path());
  EXPECT_FALSE(checkpoint.generation_config());
  EXPECT_FALSE(checkpoint.text_file("generation_config.json"));
  write_file(directory / "generation_config.json", R"({"eos_token_id": 2})");
  EXPECT_EQ(checkpoint.generation_config()->at("eos_token_id"), 2);
  EXPECT_EQ(checkpoint.text_file("generation_config.json"), R"({"eos_token_id": 2})");
  write_file(directory / "generation_config.json", "[]");
  EXPECT_THAT(error_of([&] { checkpoint.generation_config(); }), HasSubstr("not a JSON object"));
}

TEST(PlainFileName, IsAFileOfTheDirectoryItself) {
  for (const char* name : {"a", "model-00001-of-00002.safetensors", ".hidden", "..."})
    EXPECT_TRUE(is_plain_file_name(name)) << name;
  for (const char* name : {"", ".", "..", "a/b", "/a", "a\\b"}) EXPECT_FALSE(is_plain_file_name(name)) << name;
  EXPECT_FALSE(is_plain_file_name(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace exformer
