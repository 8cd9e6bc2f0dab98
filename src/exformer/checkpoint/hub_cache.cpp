#include "exformer/checkpoint/hub_cache.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "exformer/base/error.h"
#include "exformer/base/file.h"
#include "exformer/base/json.h"
#include "exformer/base/strings.h"
#include "exformer/checkpoint/checkpoint.h"
#include "exformer/checkpoint/checkpoint_check.h"

namespace exformer {
namespace {

namespace fs = std::filesystem;

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_name(std::string_view name) {
  if (name.empty() || name.size() > 96 || name.find("--") != std::string_view::npos ||
      name.find("..") != std::string_view::npos)
    return false;
  if (!is_word_character(name.front()) || !is_word_character(name.back())) return false;
  return std::all_of(name.begin(), name.end(), [](char c) { return is_word_character(c) || c == '-' || c == '.'; });
}

/// A branch, tag or commit: a path below refs/ that leads nowhere else.
bool is_revision(std::string_view text) {
  const auto allowed = [](char c) { return is_word_character(c) || c == '-' || c == '.' || c == '/' || c == '+'; };
  if (text.empty() || text.size() > 200 || !std::all_of(text.begin(), text.end(), allowed)) return false;
  const std::vector<std::string> parts = split(text, '/');
  return std::all_of(parts.begin(), parts.end(),
                     [](const std::string& part) { return !part.empty() && part.front() != '.'; }) &&
         text.find("..") == std::string_view::npos;
}

void create(const fs::path& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) fail("cannot create '{}' in the Hub cache: {}", directory.string(), error.message());
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

}  // namespace

std::optional<HubId> parse_hub_id(const std::string& text) {
  HubId id;
  const size_t at = text.find('@');
  id.repository = text.substr(0, at);
  if (at != std::string::npos) id.revision = text.substr(at + 1);
  const std::vector<std::string> parts = split(id.repository, '/');
  const bool names = parts.size() <= 2 &&
                     std::all_of(parts.begin(), parts.end(), [](const std::string& part) { return is_name(part); });
  if (!names || id.repository.size() > 96 || id.repository.ends_with(".git") || !is_revision(id.revision))
    return std::nullopt;
  return id;
}

bool is_commit_hash(const std::string& text) {
  return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

HubCache::HubCache(const fs::path& root, const HubId& id) : revision_(id.revision) {
  const std::string name = "models--" + replace_all(id.repository, "/", "--");
  folder_ = root / name;
  locks_ = root / ".locks" / name;
}

std::optional<std::string> HubCache::commit() const {
  if (is_commit_hash(revision_)) return revision_;
  const fs::path reference = folder_ / "refs" / revision_;
  if (!is_there(reference)) return std::nullopt;
  std::string commit = read_text_file(reference, 256);
  while (!commit.empty() && std::isspace(static_cast<unsigned char>(commit.back()))) commit.pop_back();
  return is_commit_hash(commit) ? std::optional(commit) : std::nullopt;
}

void HubCache::prepare(const std::string& commit) const {
  create(snapshot(commit));
  create(folder_ / "blobs");
  create(locks_);
}

void HubCache::link(const std::string& commit, const std::string& file, const std::string& etag) const {
  const fs::path pointer = snapshot(commit) / file;
  const fs::path target = fs::path("..") / ".." / "blobs" / etag;
  const fs::path aside = pointer.string() + fmt::format(".{}.tmp", ::getpid());
  std::error_code error;
  fs::remove(aside, error);
  fs::create_symlink(target, aside, error);
  if (!error) fs::rename(aside, pointer, error);
  if (error) fs::rename(blob(etag), pointer, error);  // no links here
  if (error) fail("cannot create '{}' in the Hub cache: {}", pointer.string(), error.message());
}

void HubCache::remember(const std::string& commit) const {
  if (revision_ == commit) return;
  const fs::path reference = folder_ / "refs" / revision_;
  create(reference.parent_path());
  const fs::path aside = reference.string() + fmt::format(".{}.tmp", ::getpid());
  OutputFile file(aside);
  file.write(commit);
  file.close();
  std::error_code error;
  fs::rename(aside, reference, error);
  if (error) fail("cannot write '{}' in the Hub cache: {}", reference.string(), error.message());
}

std::vector<std::string> shards_of_index(const std::string& text, const std::string& source) {
  const Json index = parse_json(text, source);
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object()) {
    fail("{}: there is no object 'weight_map'", source);
  }
  std::set<std::string> shards;
  for (const auto& [name, shard] : index["weight_map"].items()) {
    if (!shard.is_string()) fail("{}: the shard of '{}' is not a file name", source, name);
    const auto file = shard.get<std::string>();
    if (!is_plain_file_name(file))
      fail("{}: the shard {} lies outside the checkpoint directory", source, dump_json(file));
    if (!file.ends_with(".safetensors")) unsupported("{}: the shard '{}' is not a safetensors file", source, file);
    shards.insert(file);
  }
  return {shards.begin(), shards.end()};
}

std::vector<std::string> missing_files(const fs::path& snapshot, bool code) {
  std::vector<std::string> missing;
  const fs::path config = snapshot / "config.json";
  if (!is_there(config)) {
    if (is_there(snapshot / "adapter_config.json")) return missing;  // refused whatever else is there
    missing.emplace_back("config.json");
  } else if (code) {
    for (const OwnCode& own : own_code(Json::parse(read_text_file(config), nullptr, /*allow_exceptions=*/false))) {
      if (own.repository.empty() && !is_there(snapshot / own.file)) missing.push_back(own.file);
    }
  }
  if (is_there(snapshot / "model.safetensors")) return missing;
  const fs::path index = snapshot / "model.safetensors.index.json";
  if (!is_there(index)) {
    missing.emplace_back("model.safetensors");
    return missing;
  }
  for (const std::string& shard : shards_of_index(read_text_file(index), index.string())) {
    if (!is_there(snapshot / shard)) missing.push_back(shard);
  }
  return missing;
}

}  // namespace exformer
