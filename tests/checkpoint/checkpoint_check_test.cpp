// What no front end exports, and what is said of it.
#include "exformer/checkpoint/checkpoint_check.h"

#include <gmock/gmock.h>

#include "base/test_files.h"

namespace exformer {
namespace {

using ::testing::AllOf;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::TemporaryDirectory;
using testing::write_file;

/// A directory with this config.json and files without contents.
struct Files : TemporaryDirectory {
  explicit Files(const std::string& config, const std::vector<std::string>& names = {"model.safetensors"}) {
    if (!config.empty()) write_file(*this / "config.json", config);
    for (const std::string& name : names) write_file(*this / name, "");
  }
  std::string refusal(bool trust = false, ErrorKind kind = ErrorKind::Unsupported) const {
    return error_of([&] { check_checkpoint(path(), trust); }, kind);
  }
};

TEST(OwnCode, IsThatOfConfigsAndModels) {
  const Json config = Json::parse(R"({"auto_map": {"AutoConfig": "configuration_a.A", "AutoTokenizer": ["a.A", null],
      "AutoModelForCausalLM": "someone/code--modeling_a.A", "AutoProcessor": "p.P", "AutoModel": null}})");
  const std::vector<OwnCode> code = own_code(config);
  ASSERT_EQ(code.size(), 2U);
  EXPECT_EQ(code[0].file, "configuration_a.py");
  EXPECT_EQ(code[0].repository, "");
  EXPECT_EQ(code[1].auto_class, "AutoModelForCausalLM");
  EXPECT_EQ(code[1].file, "modeling_a.py");
  EXPECT_EQ(code[1].repository, "someone/code");
  for (const char* text : {"{}", "[]", R"({"auto_map": null})", R"({"auto_map": []})"})
    EXPECT_TRUE(own_code(Json::parse(text)).empty()) << text;
}

TEST(CheckCheckpoint, TrustsCodeWhenToldTo) {
  const Files files(R"({"model_type": "bert", "auto_map": {"AutoModel": "someone/code--modeling_a.A"}})");
  EXPECT_THAT(files.refusal(), AllOf(HasSubstr("modeling_a.py of someone/code"), HasSubstr("--trust-remote-code")));
  check_checkpoint(files.path(), true);
}

TEST(CheckCheckpoint, NamesTheMethodOfQuantizedWeights) {
  EXPECT_THAT(Files(R"({"quantization_config": {"quant_method": "awq"}})").refusal(), HasSubstr("awq"));
  EXPECT_THAT(Files(R"({"quantization_config": {"load_in_8bit": true}})").refusal(), HasSubstr("bitsandbytes"));
  check_checkpoint(Files(R"({"quantization_config": null})").path(), false);
}

TEST(CheckCheckpoint, SaysWhichWeightsAreThere) {
  EXPECT_THAT(Files("{}", {"model.fp16.safetensors"}).refusal(), AllOf(HasSubstr("'fp16'"), HasSubstr("rename")));
  EXPECT_THAT(Files("{}", {"model-00001-of-00002.safetensors"}).refusal(), Not(HasSubstr("variant")));
  EXPECT_THAT(Files("{}", {"a.gguf"}).refusal(), HasSubstr("only as GGUF ('a.gguf')"));
  EXPECT_THAT(Files("", {"a.gguf"}).refusal(), HasSubstr("only as GGUF"));
  EXPECT_THAT(Files("{}", {"optimizer.pt", "training_args.bin"}).refusal(false, ErrorKind::Failed),
              HasSubstr("has no weights"));
  EXPECT_THAT(Files("{}", {"training_args.bin", "tf_model.h5"}).refusal(), HasSubstr("only as 'tf_model.h5'"));
}

TEST(CheckCheckpoint, RefusesAdapters) {
  const Files alone("", {"adapter_model.safetensors"});
  write_file(alone / "adapter_config.json", R"({"peft_type": "LORA", "base_model_name_or_path": "someone/base"})");
  EXPECT_THAT(alone.refusal(), AllOf(HasSubstr("only an adapter"), HasSubstr("LORA"), HasSubstr("'someone/base'")));
  const Files beside("{}");
  write_file(beside / "adapter_config.json", "no JSON");
  EXPECT_THAT(beside.refusal(), AllOf(HasSubstr("a model and an adapter"), HasSubstr("take adapter_config.json out")));
}

}  // namespace
}  // namespace exformer
