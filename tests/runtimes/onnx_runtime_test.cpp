// Runs two tiny models made with onnx.helper (Add of an initializer, Mul), in memory and from files. Skipped where no
// ONNX Runtime is found.
#include "exformer/runtimes/onnx_runtime.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <functional>

#include "exformer/base/error.h"

namespace exformer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// y[batch, 2] = x + {10, 20}; s[1] = n * n. Opset 18.
constexpr unsigned char kModel[] = {
    8,   8,  18,  0,   58, 140, 1,   10, 14,  10, 1,  120, 10, 1,   119, 18,  1,   121, 34, 3,   65,  100,
    100, 10, 14,  10,  1,  110, 10,  1,  110, 18, 1,  115, 34, 3,   77,  117, 108, 18,  1,  103, 42,  17,
    8,   2,  16,  1,   66, 1,   119, 74, 8,   0,  0,  32,  65, 0,   0,   160, 65,  90,  24, 10,  1,   120,
    18,  19, 10,  17,  8,  1,   18,  13, 10,  7,  18, 5,   98, 97,  116, 99,  104, 10,  2,  8,   2,   90,
    15,  10, 1,   110, 18, 10,  10,  8,  8,   7,  18, 4,   10, 2,   8,   1,   98,  24,  10, 1,   121, 18,
    19,  10, 17,  8,   1,  18,  13,  10, 7,   18, 5,  98,  97, 116, 99,  104, 10,  2,   8,  2,   98,  15,
    10,  1,  115, 18,  10, 10,  8,   8,  7,   18, 4,  10,  2,  8,   1,   66,  4,   10,  0,  16,  18};

// The first half, with {10, 20} in the file w.bin.
constexpr unsigned char kExternalModel[] = {
    8,   8,   58,  127, 10,  14,  10,  1,  120, 10,  1,   119, 18,  1,   121, 34, 3,  65,  100, 100, 18,  1,  103,
    42,  54,  8,   2,   16,  1,   66,  1,  119, 106, 17,  10,  8,   108, 111, 99, 97, 116, 105, 111, 110, 18, 5,
    119, 46,  98,  105, 110, 106, 11,  10, 6,   111, 102, 102, 115, 101, 116, 18, 1,  48,  106, 11,  10,  6,  108,
    101, 110, 103, 116, 104, 18,  1,   56, 112, 1,   90,  24,  10,  1,   120, 18, 19, 10,  17,  8,   1,   18, 13,
    10,  7,   18,  5,   98,  97,  116, 99, 104, 10,  2,   8,   2,   98,  24,  10, 1,  121, 18,  19,  10,  17, 8,
    1,   18,  13,  10,  7,   18,  5,   98, 97,  116, 99,  104, 10,  2,   8,   2,  66, 4,   10,  0,   16,  18};

template <size_t N>
Bytes bytes_of(const unsigned char (&array)[N]) {
  return std::as_bytes(std::span(array));
}

void write_file(const std::filesystem::path& path, Bytes bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const ExportError& error) {
    return error.what();
  }
  return "no error";
}

class OnnxRuntimeTest : public testing::Test {
 protected:
  void SetUp() override {
    try {
      runtime_ = OnnxRuntime::load();
    } catch (const ExportError& error) {
      GTEST_SKIP() << error.what();
    }
    folder_ = std::filesystem::path(testing::TempDir()) / ("onnx_runtime_test-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  static std::map<std::string, HostTensor> inputs() {
    return {{"x", HostTensor::from(DType::Float32, {3, 2}, std::vector<float>{1, 2, 3, 4, 5, 6})},
            {"n", HostTensor::from(DType::Int64, {1}, std::vector<int64_t>{-7})}};
  }

  std::shared_ptr<OnnxRuntime> runtime_;
  std::filesystem::path folder_;
};

TEST_F(OnnxRuntimeTest, SaysItsVersion) {
  EXPECT_THAT(runtime_->version(), testing::MatchesRegex("1\\.[0-9]+\\.[0-9]+.*"));
}

TEST_F(OnnxRuntimeTest, DescribesInputsAndOutputs) {
  const OnnxSession session(runtime_, bytes_of(kModel));
  ASSERT_EQ(session.inputs().size(), 2U);
  EXPECT_EQ(session.inputs()[0].name, "x");
  EXPECT_EQ(session.inputs()[0].dtype, DType::Float32);
  EXPECT_THAT(session.inputs()[0].sizes, ElementsAre(std::nullopt, std::optional<int64_t>(2)));
  EXPECT_THAT(session.inputs()[0].symbols, ElementsAre("batch", ""));
  EXPECT_EQ(session.inputs()[1].dtype, DType::Int64);
  ASSERT_EQ(session.outputs().size(), 2U);
  EXPECT_EQ(session.outputs()[0].name, "y");
  EXPECT_EQ(session.outputs()[1].name, "s");
}

TEST_F(OnnxRuntimeTest, RunsAModelInMemory) {
  const OnnxSession session(runtime_, bytes_of(kModel), {}, {.threads = 1});
  const auto outputs = session.run(inputs());
  ASSERT_EQ(outputs.size(), 2U);
  EXPECT_EQ(outputs[0].first, "y");
  EXPECT_THAT(outputs[0].second.sizes(), ElementsAre(3, 2));
  EXPECT_THAT(std::vector<float>(outputs[0].second.data<float>(), outputs[0].second.data<float>() + 6),
              ElementsAre(11, 22, 13, 24, 15, 26));
  EXPECT_EQ(outputs[1].second.item_int(), 49);
}

TEST_F(OnnxRuntimeTest, OutputsOutliveTheSession) {
  HostTensor result;
  {
    const OnnxSession session(std::exchange(runtime_, nullptr), bytes_of(kModel));
    result = session.run(inputs())[0].second;
  }
  EXPECT_EQ(result.item_double(5), 26.0);
}

TEST_F(OnnxRuntimeTest, TakesInputsThatAreNotContiguous) {
  const OnnxSession session(runtime_, bytes_of(kModel));
  auto given = inputs();
  given["x"] =
      HostTensor::from(DType::Float32, {2, 3}, std::vector<float>{1, 3, 5, 2, 4, 6}).as_strided({3, 2}, {1, 3}, 0);
  EXPECT_EQ(session.run(given)[0].second.item_double(1), 22.0);
}

TEST_F(OnnxRuntimeTest, TakesAnEmptyBatch) {
  const OnnxSession session(runtime_, bytes_of(kModel));
  auto given = inputs();
  given["x"] = HostTensor::empty(DType::Float32, {0, 2});
  EXPECT_THAT(session.run(given)[0].second.sizes(), ElementsAre(0, 2));
}

TEST_F(OnnxRuntimeTest, FindsExternalData) {
  const float weights[] = {10, 20};
  write_file(folder_ / "w.bin", std::as_bytes(std::span(weights)));
  write_file(folder_ / "model.onnx", bytes_of(kExternalModel));
  const std::map<std::string, HostTensor> given{
      {"x", HostTensor::from(DType::Float32, {1, 2}, std::vector<float>{1, 2})}};
  EXPECT_EQ(OnnxSession(runtime_, folder_ / "model.onnx").run(given)[0].second.item_double(1), 22.0);
  EXPECT_EQ(OnnxSession(runtime_, bytes_of(kExternalModel), folder_).run(given)[0].second.item_double(1), 22.0);
}

TEST_F(OnnxRuntimeTest, ReportsWhatTheRuntimeSaysOfABadModel) {
  const unsigned char junk[] = {1, 2, 3, 4};
  EXPECT_THAT(message_of([&] { OnnxSession(runtime_, bytes_of(junk)); }), HasSubstr("cannot load the model in memory"));
  EXPECT_THAT(message_of([&] { OnnxSession(runtime_, folder_ / "absent.onnx"); }), HasSubstr("absent.onnx"));
}

TEST_F(OnnxRuntimeTest, RefusesInputsThatDoNotFit) {
  const OnnxSession session(runtime_, bytes_of(kModel));
  auto given = inputs();
  given.erase("n");
  EXPECT_THAT(message_of([&] { session.run(given); }), HasSubstr("input 'n' is missing; the model takes x, n"));
  given = inputs();
  given["m"] = given["n"];
  EXPECT_THAT(message_of([&] { session.run(given); }), HasSubstr("has no input 'm'"));
  given = inputs();
  given["n"] = HostTensor::scalar(DType::Float32, 1);
  EXPECT_THAT(message_of([&] { session.run(given); }), HasSubstr("input 'n' is float32, the model takes int64"));
  given = inputs();
  given["x"] = HostTensor::empty(DType::Float32, {3, 4});
  EXPECT_THAT(message_of([&] { session.run(given); }),
              HasSubstr("input 'x' has sizes [3, 4], the model takes [batch, 2]"));
  given["x"] = HostTensor();
  EXPECT_THAT(message_of([&] { session.run(given); }), HasSubstr("input 'x' has no tensor"));
}

TEST(OnnxRuntimeLoad, SaysWhyANamedLibraryCannotBeUsed) {
  EXPECT_THAT(message_of([] { OnnxRuntime::load("/nowhere/libonnxruntime.so"); }),
              HasSubstr("/nowhere/libonnxruntime.so"));
  EXPECT_THAT(message_of([] { OnnxRuntime::load(testing::TempDir()); }), HasSubstr("holds no libonnxruntime.so"));
  EXPECT_THAT(message_of([] { OnnxRuntime::load("libc.so.6"); }), HasSubstr("is not ONNX Runtime"));
}

TEST(OnnxRuntimeLoad, HonoursTheEnvironment) {
  const char* before = std::getenv("EXFORMER_ONNXRUNTIME");
  const std::string saved = before ? before : "";
  setenv("EXFORMER_ONNXRUNTIME", "/nowhere/else.so", 1);
  EXPECT_THAT(message_of([] { OnnxRuntime::load(); }),
              HasSubstr("EXFORMER_ONNXRUNTIME cannot be used: /nowhere/else.so"));
  before ? setenv("EXFORMER_ONNXRUNTIME", saved.c_str(), 1) : unsetenv("EXFORMER_ONNXRUNTIME");
}

TEST(OnnxRuntimeLoad, LooksIntoPipsFolders) {
  const std::filesystem::path prefix = std::filesystem::path(testing::TempDir()) / ("venv-" + std::to_string(getpid()));
  const std::filesystem::path capi = prefix / "lib/python3.12/site-packages/onnxruntime/capi";
  std::filesystem::create_directories(capi);
  write_file(capi / "libonnxruntime.so.1.30.0", {});
  write_file(capi / "libonnxruntime_providers_shared.so", {});
  const char* before = std::getenv("VIRTUAL_ENV");
  const std::string saved = before ? before : "";
  setenv("VIRTUAL_ENV", prefix.c_str(), 1);
  EXPECT_THAT(onnx_runtime_candidates(), testing::Contains(capi / "libonnxruntime.so.1.30.0"));
  EXPECT_THAT(onnx_runtime_candidates(), testing::Not(testing::Contains(capi / "libonnxruntime_providers_shared.so")));
  before ? setenv("VIRTUAL_ENV", saved.c_str(), 1) : unsetenv("VIRTUAL_ENV");
  std::filesystem::remove_all(prefix);
}

}  // namespace
}  // namespace exformer
