// Hub ids: the cache, downloads, and everything that may go wrong between here and there, against a server on loopback.
#include "exformer/checkpoint/hub.h"

#include <gmock/gmock.h>

#include <map>

#include "checkpoint/fake_hub.h"
#include "checkpoint/sample_files.h"

namespace exformer {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using testing::error_of;
using testing::FakeHub;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::listing;
using ::testing::Not;
using testing::read_file;
using testing::TemporaryDirectory;
using testing::write_file;

constexpr const char* kId = "someone/tiny";
constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";
constexpr const char* kWeights = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

/// JSON carries text only, so the weights of these tests are text, too.
std::string weights(size_t size = 3000) {
  return testing::safetensors(fmt::format(R"({{"a":{{"dtype":"U8","shape":[{}],"data_offsets":[0,{}]}}}})", size, size),
                              std::string(size, 'w'));
}

class Hub : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testing::can_run_python()) GTEST_SKIP() << "there is no python3";
    for (const char* name :
         {"HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_ENDPOINT", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN",
          "HF_TOKEN_PATH", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_IMPLICIT_TOKEN", "XDG_CACHE_HOME",
          "http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"}) {
      ::unsetenv(name);
    }
    ::setenv("HOME", directory.path().c_str(), 1);
    scenario = {
        {"repository", kId},
        {"files", {{"config.json", "{}"}, {"README.md", "no"}, {kWeights, weights()}, {"pytorch_model.bin", "no"}}}};
  }

  void start() { hub = std::make_unique<FakeHub>(scenario); }

  HubOptions options() const {
    return {.cache = directory / "cache",
            .endpoint = hub ? hub->endpoint() : "http://127.0.0.1:9",
            .retry_delay = std::chrono::milliseconds(1)};
  }
  fs::path resolve(const std::string& id = kId) const { return resolve_checkpoint(id, options()); }
  std::string fault(const std::string& id = kId, ErrorKind kind = ErrorKind::Failed) const {
    return error_of([&] { resolve(id); }, kind);
  }
  fs::path repository() const { return directory / "cache" / "models--someone--tiny"; }
  std::string blobs() const {
    std::string names;
    for (const std::string& name : listing(repository() / "blobs")) names += name + " ";
    return names;
  }

  TemporaryDirectory directory;
  Json scenario;
  std::unique_ptr<FakeHub> hub;
};

TEST_F(Hub, ADirectoryIsItself) {
  EXPECT_EQ(resolve(directory.path().string()), directory.path());
  write_file(directory / "file", "");
  EXPECT_THAT(fault((directory / "file").string()), HasSubstr("not a directory"));
}

TEST_F(Hub, WhatIsNoIdIsNoDirectoryEither) {
  for (const char* id : {"/no/such/checkpoint", "./checkpoint", "a/b/c", "", "../x", "a--b", "a/.b", "a b", "x/y@",
                         "x/y@../z", "x/y@a//b", "x.git", "x@-/..", "a/b@.hidden"}) {
    EXPECT_THAT(fault(id), AllOf(HasSubstr(id), HasSubstr("no directory"))) << id;
  }
}

TEST_F(Hub, DownloadsWhatACheckpointNeedsInTheCachesLayout) {
  scenario["files"]["generation_config.json"] = R"({"eos_token_id": 1})";
  start();
  const fs::path snapshot = resolve();
  EXPECT_EQ(snapshot, repository() / "snapshots" / kCommit);
  EXPECT_THAT(listing(snapshot), ElementsAre("config.json", "generation_config.json", kWeights));
  EXPECT_EQ(read_file(snapshot / kWeights), weights());
  EXPECT_EQ(read_file(repository() / "refs" / "main"), kCommit);
  const std::string link = fs::read_symlink(snapshot / "config.json").string();
  EXPECT_EQ(link, "../../blobs/44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");  // sha256sum of "{}"
  EXPECT_THAT(blobs(), Not(HasSubstr("incomplete")));
}

TEST_F(Hub, ACompleteSnapshotIsUsedWithoutAsking) {
  start();
  const fs::path snapshot = resolve();
  const size_t asked = hub->requests().size();
  EXPECT_EQ(resolve(), snapshot);
  EXPECT_EQ(resolve(std::string(kId) + "@" + kCommit), snapshot);
  EXPECT_EQ(hub->requests().size(), asked);
}

TEST_F(Hub, DownloadsOnlyWhatTheCacheLacks) {
  start();
  fs::remove(resolve() / kWeights);
  const size_t asked = hub->requests().size();
  EXPECT_EQ(read_file(resolve() / kWeights), weights());
  EXPECT_EQ(hub->requests().size(), asked + 2);  // the description and a HEAD: the blob is still there
}

TEST_F(Hub, ReportsProgress) {
  start();
  HubOptions with_progress = options();
  std::map<std::string, HubProgress> last;
  with_progress.progress = [&](const HubProgress& progress) { last[progress.file] = progress; };
  resolve_checkpoint(kId, with_progress);
  EXPECT_EQ(last[kWeights].received, weights().size());
  EXPECT_EQ(last[kWeights].total, weights().size());
}

TEST_F(Hub, RevisionsHaveTheirOwnReference) {
  start();
  EXPECT_EQ(resolve("someone/tiny@refs/pr/1"), repository() / "snapshots" / kCommit);
  EXPECT_EQ(read_file(repository() / "refs" / "refs" / "pr" / "1"), kCommit);
  EXPECT_THAT(hub->request_lines()[0], HasSubstr("/revision/refs%2Fpr%2F1"));
}

TEST_F(Hub, DownloadsShards) {
  scenario["files"] = {
      {"config.json", "{}"},
      {kIndex, R"({"weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors", "c": "m-1.safetensors"}})"},
      {"m-1.safetensors", weights(10)},
      {"m-2.safetensors", weights(20)},
      {"other.safetensors", "no"}};
  start();
  EXPECT_THAT(listing(resolve()), ElementsAre("config.json", "m-1.safetensors", "m-2.safetensors", kIndex));
  fs::remove(repository() / "snapshots" / kCommit / "m-2.safetensors");
  EXPECT_THAT(listing(resolve()), Contains("m-2.safetensors"));
}

TEST_F(Hub, ShardNamesAreJudgedBeforeAnythingIsWritten) {
  for (const char* name : {"../../../../m.safetensors", "/tmp/m.safetensors", "a/m.safetensors"}) {
    scenario["files"] = {
        {"config.json", "{}"}, {kIndex, dump_json({{"weight_map", {{"a", name}}}})}, {name, weights()}};
    start();
    EXPECT_THAT(fault(), HasSubstr("outside the checkpoint directory"));
    EXPECT_THAT(hub->request_lines(), Each(Not(HasSubstr("m.safetensors"))));
    fs::remove_all(directory / "cache");
  }
}

TEST_F(Hub, ShardsThatTheRepositoryLacks) {
  scenario["files"] = {{"config.json", "{}"}, {kIndex, R"({"weight_map": {"a": "m-1.safetensors"}})"}};
  start();
  EXPECT_THAT(fault(), HasSubstr("has no m-1.safetensors"));
  scenario["files"][kIndex] = R"({"weight_map": {"a": "pytorch_model.bin"}})";
  start();
  fs::remove_all(directory / "cache");
  EXPECT_THAT(fault(kId, ErrorKind::Unsupported), HasSubstr("not a safetensors file"));
}

TEST_F(Hub, OnlyPickledWeightsAreUnsupported) {
  scenario["files"].erase(kWeights);
  start();
  EXPECT_THAT(fault(kId, ErrorKind::Unsupported), AllOf(HasSubstr("pytorch_model.bin"), HasSubstr("never read")));
  scenario["files"].erase("pytorch_model.bin");
  start();
  EXPECT_THAT(fault(), HasSubstr("no weights"));
  scenario["files"].erase("config.json");
  start();
  EXPECT_THAT(fault(), HasSubstr("no config.json"));
}

TEST_F(Hub, ContinuesWhatBrokeOff) {
  scenario["cut"] = {{kWeights, {1000, 500}}};
  start();
  EXPECT_EQ(read_file(resolve() / kWeights), weights());
  EXPECT_THAT(hub->request_lines(), Contains(HasSubstr("bytes=1000-")));
  EXPECT_THAT(hub->request_lines(), Contains(HasSubstr("bytes=1500-")));
}

TEST_F(Hub, ContinuesWhatAnEarlierProcessLeft) {
  start();
  const fs::path snapshot = resolve();
  const fs::path blob = fs::canonical(snapshot / kWeights);
  fs::remove(snapshot / kWeights);
  fs::remove(blob);
  write_file(blob.string() + ".incomplete", weights().substr(0, 700));
  EXPECT_EQ(read_file(resolve() / kWeights), weights());
  EXPECT_THAT(hub->request_lines(), Contains(HasSubstr("bytes=700-")));
  // What it left was the whole file: only its sum is checked.
  fs::remove(snapshot / kWeights);
  fs::rename(blob, blob.string() + ".incomplete");
  const size_t asked = hub->requests().size();
  EXPECT_EQ(read_file(resolve() / kWeights), weights());
  EXPECT_EQ(hub->requests().size(), asked + 2);
}

TEST_F(Hub, StartsAgainWhenTheBeginningWasAnother) {
  start();
  const fs::path blob = fs::canonical(resolve() / kWeights);
  for (const std::string& left : {std::string(700, 'x'), std::string(weights().size(), 'x'), std::string(9000, 'x')}) {
    fs::remove(repository() / "snapshots" / kCommit / kWeights);
    fs::remove(blob);
    write_file(blob.string() + ".incomplete", left);
    EXPECT_EQ(read_file(resolve() / kWeights), weights());
  }
}

TEST_F(Hub, AServerWithoutRangesSendsAllAgain) {
  scenario["cut"] = {{kWeights, {1000}}};
  scenario["no_ranges"] = true;
  start();
  EXPECT_EQ(read_file(resolve() / kWeights), weights());
}

TEST_F(Hub, AnAnswerToAnotherRangeIsRefused) {
  scenario["cut"] = {{kWeights, {1000}}};
  scenario["wrong_range"] = true;
  start();
  EXPECT_THAT(fault(), HasSubstr("another byte"));
}

TEST_F(Hub, DamageIsNoticedAndNotKept) {
  const std::string other_sum(64, '0');
  scenario["etag"] = {{kWeights, other_sum}};
  start();
  EXPECT_THAT(fault(), AllOf(HasSubstr(kWeights), HasSubstr("SHA-256")));
  EXPECT_FALSE(fs::exists(repository() / "blobs" / other_sum));
  EXPECT_FALSE(fs::exists(repository() / "snapshots" / kCommit / kWeights));
  EXPECT_EQ(read_file(repository() / "blobs" / (other_sum + ".incomplete")), "");
}

TEST_F(Hub, ATagThatIsNoSumIsTaken) {
  scenario["etag"] = {{"config.json", "9e26dfeeb6e641a33dae4961196235bdb965b21b"}};
  start();
  EXPECT_TRUE(fs::exists(resolve() / "config.json"));
  EXPECT_TRUE(fs::exists(repository() / "blobs" / "9e26dfeeb6e641a33dae4961196235bdb965b21b"));
}

TEST_F(Hub, ATagThatIsAPathIsRefused) {
  for (const char* tag : {"../../../x", "a/b", ".."}) {
    scenario["etag"] = {{"config.json", tag}};
    start();
    EXPECT_THAT(fault(), HasSubstr("ETag")) << tag;
  }
}

TEST_F(Hub, SizesMustBeAsAnnounced) {
  scenario["size"] = {{kWeights, 100}};
  start();
  EXPECT_THAT(fault(), HasSubstr("more than the 100 bytes"));
  scenario["size"] = {{kWeights, 100000}};
  start();
  fs::remove_all(directory / "cache");
  EXPECT_THAT(fault(), HasSubstr(kWeights));
}

TEST_F(Hub, BusyServersAreAskedAgain) {
  scenario["status"] = {{"/api/", {503, 429}}, {kWeights, {500, 502}}};
  start();
  EXPECT_EQ(read_file(resolve() / kWeights), weights());
}

TEST_F(Hub, ServersThatStayBusyAreAnError) {
  scenario["status"] = {{"/api/", {503, 503, 503, 503, 503, 503}}};
  start();
  EXPECT_THAT(fault(), AllOf(HasSubstr(hub->endpoint()), HasSubstr("503")));
  EXPECT_EQ(hub->requests().size(), 4U);
}

TEST_F(Hub, AnUnreachableEndpointIsAnError) {
  EXPECT_THAT(fault(), AllOf(HasSubstr("http://127.0.0.1:9"), HasSubstr("onnect")));
}

TEST_F(Hub, AnEndpointMustBeAnAddress) {
  HubOptions wrong = options();
  wrong.endpoint = "ftp://127.0.0.1";
  EXPECT_THAT(error_of([&] { resolve_checkpoint(kId, wrong); }), HasSubstr("HF_ENDPOINT"));
}

TEST_F(Hub, MissingRepositoriesRevisionsAndRights) {
  const auto answer = [&](int status, const char* code) {
    scenario["status"] = {{"/api/", {status}}};
    scenario["error_code"] = code;
    start();
    return fault("someone/tiny@v9");
  };
  EXPECT_THAT(answer(404, "RepoNotFound"), AllOf(HasSubstr("no Hub repository 'someone/tiny'"), HasSubstr("HF_TOKEN")));
  EXPECT_THAT(answer(401, "RepoNotFound"), AllOf(HasSubstr("no Hub repository 'someone/tiny'"), HasSubstr("private")));
  EXPECT_THAT(answer(404, "RevisionNotFound"), HasSubstr("no revision 'v9'"));
  EXPECT_THAT(answer(403, "GatedRepo"),
              AllOf(HasSubstr("no access"), HasSubstr("accept its terms"), HasSubstr("HF_TOKEN")));
  EXPECT_THAT(answer(403, ""), HasSubstr("no access"));
  EXPECT_THAT(answer(401, ""), HasSubstr("HF_TOKEN"));
  EXPECT_THAT(answer(418, ""), HasSubstr("HTTP 418"));
}

TEST_F(Hub, FilesThatAreListedButNotThere) {
  scenario["status"] = {{kWeights, {404}}};
  scenario["error_code"] = "EntryNotFound";
  start();
  EXPECT_THAT(fault(), AllOf(HasSubstr("has no file"), HasSubstr(kWeights)));
}

TEST_F(Hub, DescriptionsThatMakeNoSense) {
  for (const char* text : {"", "[]", "{}", R"({"sha": "../../x", "siblings": []})",
                           R"({"sha": "0123456789abcdef0123456789abcdef01234567"})"}) {
    scenario["answer"] = text;
    start();
    EXPECT_THAT(fault(), HasSubstr("the description of 'someone/tiny'")) << text;
  }
  EXPECT_FALSE(fs::exists(directory / "cache"));
}

TEST_F(Hub, TheTokenIsSentAndNeverShown) {
  scenario["token"] = "hf_secret";
  start();
  EXPECT_THAT(fault(), HasSubstr("HF_TOKEN"));
  HubOptions with_token = options();
  with_token.token = "hf_wrong";
  EXPECT_THAT(error_of([&] { resolve_checkpoint(kId, with_token); }),
              AllOf(HasSubstr("not accepted"), Not(HasSubstr("hf_wrong"))));
  with_token.token = " hf_secret\n";
  EXPECT_TRUE(fs::exists(resolve_checkpoint(kId, with_token) / kWeights));
  with_token.token = "hf\nX-Injected: 1";
  with_token.cache = directory / "other";
  EXPECT_THAT(error_of([&] { resolve_checkpoint(kId, with_token); }), HasSubstr("characters that no token has"));
}

TEST_F(Hub, TheTokenIsFoundWhereHuggingFaceKeepsIt) {
  scenario["token"] = "hf_secret";
  start();
  const auto works = [&] {
    fs::remove_all(directory / "cache");
    try {
      resolve();
      return true;
    } catch (const ExportError&) {
      return false;
    }
  };
  EXPECT_FALSE(works());
  fs::create_directories(directory / ".cache" / "huggingface");
  write_file(directory / ".cache" / "huggingface" / "token", "hf_secret\n");
  EXPECT_TRUE(works());
  ::setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1", 1);
  EXPECT_FALSE(works());
  ::unsetenv("HF_HUB_DISABLE_IMPLICIT_TOKEN");
  ::setenv("HF_TOKEN", "hf_wrong", 1);
  EXPECT_FALSE(works());
  ::setenv("HF_TOKEN", "hf_secret", 1);
  EXPECT_TRUE(works());
  ::unsetenv("HF_TOKEN");
  write_file(directory / "elsewhere", "hf_secret");
  ::setenv("HF_HOME", (directory / "home").c_str(), 1);
  EXPECT_FALSE(works());
  ::setenv("HF_TOKEN_PATH", (directory / "elsewhere").c_str(), 1);
  EXPECT_TRUE(works());
  ::unsetenv("HF_TOKEN_PATH");
  ::unsetenv("HF_HOME");
}

TEST_F(Hub, TheTokenStaysWithTheEndpoint) {
  scenario["token"] = "hf_secret";
  scenario["elsewhere"] = true;
  scenario["moved"] = true;
  scenario["cut"] = {{kWeights, {1000}}};
  start();
  HubOptions with_token = options();
  with_token.token = "hf_secret";
  EXPECT_EQ(read_file(resolve_checkpoint(kId, with_token) / kWeights), weights());
  int elsewhere = 0;
  for (const Json& request : hub->requests()) {
    EXPECT_EQ(request["headers"].contains("authorization"), request["server"] == "hub") << dump_json(request);
    elsewhere += request["server"] == "elsewhere";
  }
  EXPECT_EQ(elsewhere, 3);  // config.json, and the weights in two parts
}

TEST_F(Hub, RedirectsMustEndAtAnAddress) {
  scenario["to"] = "file:///etc/passwd";
  start();
  EXPECT_THAT(fault(), HasSubstr("no http or https address"));
  scenario["to"] = "?again";
  start();
  EXPECT_THAT(fault(), HasSubstr("redirected more than"));
}

TEST_F(Hub, OfflineAsksNobody) {
  start();
  for (const char* name : {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"}) {
    ::setenv(name, "true", 1);
    EXPECT_THAT(fault(), AllOf(HasSubstr(kId), HasSubstr("HF_HUB_OFFLINE"), HasSubstr("models--someone--tiny")));
    ::unsetenv(name);
  }
  EXPECT_THAT(hub->requests(), IsEmpty());
  const fs::path snapshot = resolve();
  ::setenv("HF_HUB_OFFLINE", "1", 1);
  EXPECT_EQ(resolve(), snapshot);
  fs::remove(snapshot / kWeights);
  EXPECT_THAT(fault(), AllOf(HasSubstr("without"), HasSubstr(kWeights)));
  ::unsetenv("HF_HUB_OFFLINE");
}

TEST_F(Hub, TheCacheIsWhereHuggingFaceKeepsIt) {
  start();
  HubOptions nowhere = options();
  nowhere.cache.reset();
  const auto place = [&] { return resolve_checkpoint(kId, nowhere).parent_path().parent_path().parent_path(); };
  EXPECT_EQ(place(), directory / ".cache" / "huggingface" / "hub");
  ::setenv("XDG_CACHE_HOME", (directory / "xdg").c_str(), 1);
  EXPECT_EQ(place(), directory / "xdg" / "huggingface" / "hub");
  ::setenv("HF_HOME", "~/hf", 1);
  EXPECT_EQ(place(), directory / "hf" / "hub");
  ::setenv("HF_HUB_CACHE", (directory / "direct").c_str(), 1);
  EXPECT_EQ(place(), directory / "direct");
  for (const char* name : {"XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE"}) ::unsetenv(name);
  ::unsetenv("HOME");
  EXPECT_THAT(error_of([&] { resolve_checkpoint(kId, nowhere); }), HasSubstr("HF_HOME"));
}

TEST_F(Hub, ACacheThatCannotBeWrittenIsAnError) {
  start();
  write_file(directory / "cache", "a file");
  EXPECT_THAT(fault(), AllOf(HasSubstr("cannot create"), HasSubstr("Hub cache")));
}

TEST_F(Hub, ABrokenReferenceIsAskedForAgain) {
  start();
  resolve();
  write_file(repository() / "refs" / "main", "../../../etc");
  EXPECT_EQ(resolve(), repository() / "snapshots" / kCommit);
  EXPECT_EQ(read_file(repository() / "refs" / "main"), kCommit);
}

}  // namespace
}  // namespace exformer
