// The Hub cache on disk, in huggingface_hub's layout: models--<organisation>--<name>/{blobs,refs,snapshots} and .locks.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace exformer {

/// "organisation/name@revision", taken apart and checked.
struct HubId {
  std::string repository;
  std::string revision = "main";
};

/// Nothing when the text cannot be a Hub id (validate_repo_id of huggingface_hub) or its revision no git reference.
std::optional<HubId> parse_hub_id(const std::string& text);
/// Forty hexadecimal digits.
bool is_commit_hash(const std::string& text);

class HubCache {
 public:
  HubCache(const std::filesystem::path& root, const HubId& id);

  /// The commit that the revision stood for when it was last downloaded.
  std::optional<std::string> commit() const;
  std::filesystem::path snapshot(const std::string& commit) const { return folder_ / "snapshots" / commit; }
  std::filesystem::path blob(const std::string& etag) const { return folder_ / "blobs" / etag; }
  std::filesystem::path lock(const std::string& etag) const { return locks_ / (etag + ".lock"); }
  const std::filesystem::path& folder() const { return folder_; }

  /// Creates the folders that downloads go to.
  void prepare(const std::string& commit) const;
  /// Makes the blob appear as `file` of the snapshot: a relative symbolic link, or the blob itself where there are
  /// none.
  void link(const std::string& commit, const std::string& file, const std::string& etag) const;
  /// Remembers what the revision stands for.
  void remember(const std::string& commit) const;

 private:
  std::filesystem::path folder_;
  std::filesystem::path locks_;
  std::string revision_;
};

/// The files that a snapshot lacks of what a checkpoint needs, as far as it says: empty when it is complete. `code`:
/// with the Python files that auto_map names.
std::vector<std::string> missing_files(const std::filesystem::path& snapshot, bool code = false);
/// The shards that an index names; refuses names outside the directory.
std::vector<std::string> shards_of_index(const std::string& text, const std::string& source);

}  // namespace exformer
