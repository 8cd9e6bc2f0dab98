#include "exformer/checkpoint/hub.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "exformer/base/error.h"
#include "exformer/base/file.h"
#include "exformer/base/strings.h"
#include "exformer/checkpoint/checkpoint.h"
#include "exformer/checkpoint/checkpoint_check.h"
#include "exformer/checkpoint/hub_cache.h"
#include "exformer/checkpoint/hub_client.h"
#include "exformer/checkpoint/partial_file.h"

namespace exformer {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSingleFile = "model.safetensors";
constexpr const char* kIndexFile = "model.safetensors.index.json";
constexpr const char* kAdapterFile = "adapter_config.json";

/// Unset and empty are the same.
std::optional<std::string> environment(const char* name) {
  const char* value = std::getenv(name);
  return value && *value != '\0' ? std::optional<std::string>(value) : std::nullopt;
}

bool is_on(const char* name) {
  std::string value = environment(name).value_or("");
  std::transform(value.begin(), value.end(), value.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

/// "~" and "~/..." by HOME.
fs::path expanded(const std::string& path) {
  if (path != "~" && !path.starts_with("~/")) return path;
  const auto home = environment("HOME");
  if (!home) fail("HOME is not set: '{}' cannot be found; set HF_HOME or HF_HUB_CACHE", path);
  return fs::path(*home) / path.substr(std::min<size_t>(path.size(), 2));
}

fs::path hub_home() {
  if (const auto home = environment("HF_HOME")) return expanded(*home);
  return expanded(environment("XDG_CACHE_HOME").value_or("~/.cache")) / "huggingface";
}

fs::path cache_root(const HubOptions& options) {
  if (options.cache) return *options.cache;
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
    if (const auto path = environment(name)) return expanded(*path);
  }
  return hub_home() / "hub";
}

std::string stripped(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  return begin == std::string::npos ? std::string() : text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::string find_token(const HubOptions& options) {
  std::string token;
  if (options.token) {
    token = *options.token;
  } else if (!is_on("HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
    const auto set = environment("HF_TOKEN") ? environment("HF_TOKEN") : environment("HUGGING_FACE_HUB_TOKEN");
    std::error_code ignored;
    if (set) {
      token = *set;
    } else if (const auto path = environment("HF_TOKEN_PATH");
               path || environment("HF_HOME") || environment("XDG_CACHE_HOME") || environment("HOME")) {
      const fs::path file = path ? expanded(*path) : hub_home() / "token";
      if (fs::is_regular_file(file, ignored)) token = read_text_file(file, 4096);
    }
  }
  token = stripped(token);
  const auto is_printable = [](unsigned char c) { return c > ' ' && c < 127; };
  if (!std::all_of(token.begin(), token.end(), is_printable))
    fail("the Hub token (HF_TOKEN or token file) holds characters that no token has");
  return token;
}

HubAccess access_of(const HubOptions& options) {
  std::string endpoint = options.endpoint.value_or(environment("HF_ENDPOINT").value_or("https://huggingface.co"));
  while (endpoint.ends_with('/')) endpoint.pop_back();
  if (!endpoint.starts_with("http://") && !endpoint.starts_with("https://")) {
    fail("the Hub's endpoint (HF_ENDPOINT) is '{}', allowed is an http or https address", endpoint);
  }
  return {.endpoint = endpoint,
          .token = find_token(options),
          .retry_delay = options.retry_delay,
          .attempts = std::max(options.attempts, 1),
          .progress = options.progress};
}

class Downloader {
 public:
  Downloader(const HubCache& cache, const HubId& id, HubClient& client, bool code)
      : cache_(cache), id_(id), client_(client), code_(code) {}

  /// The snapshot's directory, with everything a checkpoint needs.
  fs::path run() {
    revision_ = client_.revision();
    const bool is_adapter = has(kAdapterFile);  // refused by what its config says, with or without a base beside it
    if (!is_adapter) require("config.json");
    cache_.prepare(revision_.commit);
    if (is_adapter) get(kAdapterFile);
    if (!has("config.json")) return cache_.snapshot(revision_.commit);
    get("config.json");
    for (const std::string& file : revision_.files) {
      if (code_ && file.ends_with(".py") && is_plain_file_name(file)) get(file);
    }
    if (has("generation_config.json")) get("generation_config.json");
    if (has(kSingleFile)) {
      get(kSingleFile);
    } else if (has(kIndexFile)) {
      get(kIndexFile);
      const fs::path index = cache_.snapshot(revision_.commit) / kIndexFile;
      const std::vector<std::string> shards = shards_of_index(read_text_file(index), id_.repository + "/" + kIndexFile);
      for (const std::string& shard : shards) require(shard);
      for (const std::string& shard : shards) get(shard);
    } else {
      refuse_without_weights(fmt::format("the Hub repository '{}'", id_.repository), revision_.files);
    }
    cache_.remember(revision_.commit);
    return cache_.snapshot(revision_.commit);
  }

 private:
  bool has(const std::string& name) const {
    return std::find(revision_.files.begin(), revision_.files.end(), name) != revision_.files.end();
  }

  void require(const std::string& name) const {
    if (!has(name)) fail("the Hub repository '{}' has no {}", id_.repository, name);
  }

  void get(const std::string& name) {
    std::error_code ignored;
    if (fs::exists(cache_.snapshot(revision_.commit) / name, ignored)) return;
    const HubFile file = client_.file(revision_.commit, name);
    const FileLock lock(cache_.lock(file.etag));  // the one that huggingface_hub takes
    const fs::path blob = cache_.blob(file.etag);
    if (!fs::exists(blob, ignored)) client_.download(revision_.commit, name, file, blob);
    cache_.link(revision_.commit, name, file.etag);
  }

  const HubCache& cache_;
  const HubId& id_;
  HubClient& client_;
  bool code_;
  HubRevision revision_;
};

}  // namespace

fs::path resolve_checkpoint(const std::string& id_or_path, const HubOptions& options) {
  std::error_code error;
  if (fs::is_directory(id_or_path, error)) return id_or_path;
  if (fs::exists(id_or_path, error)) fail("'{}' is not a directory", id_or_path);
  const auto id = parse_hub_id(id_or_path);
  if (!id)
    fail("there is no directory '{}', and it is no Hub id (name, organisation/name, with @revision)", id_or_path);

  const HubCache cache(cache_root(options), *id);
  std::vector<std::string> missing;
  const auto commit = cache.commit();
  if (commit && fs::is_directory(cache.snapshot(*commit), error)) {
    missing = missing_files(cache.snapshot(*commit), options.code);
    if (missing.empty()) return cache.snapshot(*commit);
  }
  if (options.offline.value_or(is_on("HF_HUB_OFFLINE") || is_on("TRANSFORMERS_OFFLINE"))) {
    fail(
        "there is no directory '{}', and the Hub repository of that name is not in the cache '{}'{}; it is not asked "
        "for, as "
        "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set",
        id_or_path, cache.folder().string(),
        missing.empty() ? "" : " as a whole (without " + join(missing, ", ") + ")");
  }
  HubClient client(access_of(options), *id);
  return Downloader(cache, *id, client, options.code).run();
}

}  // namespace exformer
