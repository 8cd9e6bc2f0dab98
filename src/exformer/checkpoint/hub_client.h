// What the Hub's HTTP interface offers a download: a repository's files at a revision, and the bytes of one file.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "exformer/checkpoint/http_client.h"
#include "exformer/checkpoint/hub.h"
#include "exformer/checkpoint/hub_cache.h"

namespace exformer {

/// Where and how to ask. The endpoint has no trailing slash; the token may be empty.
struct HubAccess {
  std::string endpoint;
  std::string token;
  std::chrono::milliseconds retry_delay{500};
  int attempts = 4;
  std::function<void(const HubProgress&)> progress;
};

struct HubRevision {
  std::string commit;
  std::vector<std::string> files;
};

/// What a HEAD request says of a file.
struct HubFile {
  std::string etag;  // the name of its blob; the SHA-256 sum of a large file
  std::optional<uint64_t> size;
};

/// Network failures and server errors (408, 429, 5xx) are retried with growing delays; what remains is an ExportError.
class HubClient {
 public:
  HubClient(HubAccess access, HubId id) : access_(std::move(access)), id_(std::move(id)) {}

  HubRevision revision();
  HubFile file(const std::string& commit, const std::string& name);
  /// Brings the file's bytes to `target`, by way of "<target>.incomplete", continuing what that already holds. Checks
  /// size and sum.
  void download(const std::string& commit, const std::string& name, const HubFile& file,
                const std::filesystem::path& target);

 private:
  struct Request;
  std::string file_url(const std::string& commit, const std::string& name) const;
  HttpResponse follow(const Request& request);
  template <class Attempt>
  void retry(const std::string& what, Attempt&& attempt);
  void receive(const std::string& commit, const std::string& name, const HubFile& file, class PartialFile& partial);
  [[noreturn]] void refuse(const HttpResponse& response, const std::string& what) const;

  HubAccess access_;
  HubId id_;
  HttpClient http_;
};

}  // namespace exformer
