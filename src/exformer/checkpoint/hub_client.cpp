#include "exformer/checkpoint/hub_client.h"

#include <algorithm>
#include <charconv>
#include <thread>

#include "exformer/base/error.h"
#include "exformer/base/json.h"
#include "exformer/checkpoint/partial_file.h"

namespace exformer {
namespace {

constexpr size_t kMaxAnswer = size_t{64} << 20;  // of the interface; files are not limited
constexpr int kMaxRedirects = 10;

std::optional<uint64_t> parse_size(const std::optional<std::string>& text) {
  uint64_t value = 0;
  if (!text) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  return error == std::errc() && end == text->data() + text->size() ? std::optional(value) : std::nullopt;
}

/// The tag without W/ and quotes; nothing when it cannot name a file.
std::optional<std::string> plain_etag(std::string etag) {
  if (etag.starts_with("W/")) etag.erase(0, 2);
  std::erase(etag, '"');
  const bool safe =
      std::all_of(etag.begin(), etag.end(), [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; });
  return safe && !etag.empty() && etag.size() <= 128 ? std::optional(etag) : std::nullopt;
}

bool is_sha256(const std::string& etag) {
  return etag.size() == 64 && etag.find_first_not_of("0123456789abcdef") == std::string::npos;
}

/// The first byte that a 206 answer sends: "bytes 100-199/200".
std::optional<uint64_t> first_byte(const HttpResponse& response) {
  const std::string range = response.header("content-range").value_or("");
  if (!range.starts_with("bytes ")) return std::nullopt;
  return parse_size(range.substr(6, range.find('-') - 6));
}

bool is_worth_another_try(int status) { return status == 408 || status == 429 || (status >= 500 && status != 501); }

/// An answer that may be another one next time.
struct BusyServer : NetworkError {
  BusyServer(int code, std::chrono::seconds delay)
      : NetworkError(fmt::format("the server answers {}", code)), wait(delay) {}
  std::chrono::seconds wait;  // what the server asks for
};

}  // namespace

struct HubClient::Request {
  std::string url;
  bool head = false;
  std::string range;
  std::function<void(const HttpResponse&, Bytes)> body;
};

std::string HubClient::file_url(const std::string& commit, const std::string& name) const {
  return fmt::format("{}/{}/resolve/{}/{}", access_.endpoint, id_.repository, commit, url_component(name));
}

/// Follows redirects; the token goes to the endpoint's origin only. A HEAD request ends where the endpoint sends it
/// elsewhere: that answer describes the file.
HttpResponse HubClient::follow(const Request& request) {
  std::string url = request.url;
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    HttpRequest step{.url = url, .head = request.head, .body = request.body};
    if (!access_.token.empty() && is_same_origin(url, access_.endpoint))
      step.headers.push_back("Authorization: Bearer " + access_.token);
    if (!request.range.empty()) step.headers.push_back("Range: " + request.range);
    HttpResponse response = http_.perform(step);
    if (is_worth_another_try(response.status)) {
      const uint64_t wait = parse_size(response.header("retry-after")).value_or(0);
      throw BusyServer(response.status, std::chrono::seconds(std::min<uint64_t>(wait, 30)));
    }
    if (!response.is_redirect()) return response;
    const auto next = redirect_target(url, response.headers.at("location"));
    if (!next) fail("{}: redirected to something that is no http or https address", url);
    if (request.head && (response.headers.contains("x-linked-etag") || !is_same_origin(*next, access_.endpoint)))
      return response;
    if (url.starts_with("https:") && !next->starts_with("https:")) fail("{}: redirected from https to http", url);
    url = *next;
  }
  fail("{}: redirected more than {} times", request.url, kMaxRedirects);
}

template <class Attempt>
void HubClient::retry(const std::string& what, Attempt&& attempt) {
  std::chrono::milliseconds delay = access_.retry_delay;
  for (int failures = 0;;) {
    std::chrono::milliseconds wait{0};
    try {
      // An attempt says whether it got further than the one before: then counting starts again.
      if (attempt()) return;
      failures = 0;
      delay = access_.retry_delay;
      continue;
    } catch (const BusyServer& busy) {
      if (++failures >= access_.attempts) fail("cannot get {} from {}: {}", what, access_.endpoint, busy.what());
      wait = busy.wait;
    } catch (const NetworkError& error) {
      if (++failures >= access_.attempts) fail("cannot get {} from {}: {}", what, access_.endpoint, error.what());
    }
    std::this_thread::sleep_for(std::max(wait, delay));
    delay *= 2;
  }
}

void HubClient::refuse(const HttpResponse& response, const std::string& what) const {
  const std::string code = response.header("x-error-code").value_or("");
  const std::string& name = id_.repository;
  const char* token =
      access_.token.empty() ? "no token is set (HF_TOKEN)" : "the token in HF_TOKEN or the token file was not accepted";
  if (code == "GatedRepo" || (response.status == 403 && code.empty())) {
    fail("no access to the Hub repository '{}': accept its terms at {}/{}; {}", name, access_.endpoint, name, token);
  }
  if (code == "RevisionNotFound") fail("the Hub repository '{}' has no revision '{}'", name, id_.revision);
  if (code == "EntryNotFound") fail("the Hub repository '{}' has no {}", name, what);
  if (code == "RepoNotFound" || response.status == 401 || response.status == 404) {
    fail("there is no Hub repository '{}' at {}, or it is private: {} (HTTP {})", name, access_.endpoint, token,
         response.status);
  }
  fail("cannot get {} of '{}' from {}: HTTP {}", what, name, access_.endpoint, response.status);
}

HubRevision HubClient::revision() {
  std::string text;
  retry(fmt::format("the Hub repository '{}'", id_.repository), [&] {
    text.clear();
    const auto keep = [&](const HttpResponse& response, Bytes bytes) {
      if (response.status != 200) return;
      if (text.size() + bytes.size() > kMaxAnswer) fail("{}: the answer is too large", access_.endpoint);
      text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    };
    const HttpResponse response = follow({.url = fmt::format("{}/api/models/{}/revision/{}", access_.endpoint,
                                                             id_.repository, url_component(id_.revision)),
                                          .body = keep});
    if (response.status != 200) refuse(response, "the list of files");
    return true;
  });
  const std::string source = fmt::format("{}: the description of '{}'", access_.endpoint, id_.repository);
  const Json answer = parse_json(text, source);
  HubRevision revision;
  if (answer.is_object() && answer.contains("sha") && answer["sha"].is_string())
    revision.commit = answer["sha"].get<std::string>();
  if (!is_commit_hash(revision.commit)) fail("{} has no commit ('sha')", source);
  if (!answer.contains("siblings") || !answer["siblings"].is_array())
    fail("{} has no list of files ('siblings')", source);
  for (const Json& sibling : answer["siblings"]) {
    if (sibling.is_object() && sibling.contains("rfilename") && sibling["rfilename"].is_string()) {
      revision.files.push_back(sibling["rfilename"].get<std::string>());
    }
  }
  return revision;
}

HubFile HubClient::file(const std::string& commit, const std::string& name) {
  HubFile file;
  retry(fmt::format("'{}' of '{}'", name, id_.repository), [&] {
    const HttpResponse response = follow({.url = file_url(commit, name), .head = true});
    if (response.status >= 400) refuse(response, "file '" + name + "'");
    const auto tag = response.header("x-linked-etag") ? response.header("x-linked-etag") : response.header("etag");
    const auto etag = plain_etag(tag.value_or(""));
    if (!etag) fail("{}: '{}' has no ETag that names a file: '{}'", access_.endpoint, name, tag.value_or(""));
    file.etag = *etag;
    file.size = parse_size(response.header("x-linked-size"));
    if (!file.size && !response.is_redirect()) file.size = parse_size(response.header("content-length"));
    return true;
  });
  return file;
}

void HubClient::receive(const std::string& commit, const std::string& name, const HubFile& file, PartialFile& partial) {
  bool started = false;
  const auto keep = [&](const HttpResponse& response, Bytes bytes) {
    if (response.status != 200 && response.status != 206) return;
    if (!started && response.status == 200) partial.clear();  // the server sends all of it
    if (!started && response.status == 206 && first_byte(response) != partial.size()) {
      fail("{}: '{}' continues at another byte than was asked for", access_.endpoint, name);
    }
    started = true;
    if (file.size && partial.size() + bytes.size() > *file.size) {
      partial.clear();
      fail("{}: '{}' has more than the {} bytes that were announced", access_.endpoint, name, *file.size);
    }
    partial.append(bytes);
    if (access_.progress) access_.progress({.file = name, .received = partial.size(), .total = file.size});
  };
  Request request{.url = file_url(commit, name), .body = keep};
  if (partial.size() > 0) request.range = fmt::format("bytes={}-", partial.size());
  const HttpResponse response = follow(request);
  if (response.status == 416) {  // what is here is not the beginning of what is there
    partial.clear();
    throw NetworkError("the server cannot continue the download");
  }
  if (response.status != 200 && response.status != 206) refuse(response, "file '" + name + "'");
  if (response.status == 200 && !started) partial.clear();  // an empty file
  if (file.size && partial.size() < *file.size) throw NetworkError("the connection ended early");
}

void HubClient::download(const std::string& commit, const std::string& name, const HubFile& file,
                         const std::filesystem::path& target) {
  const std::filesystem::path aside = target.string() + ".incomplete";
  PartialFile partial(aside);
  if (file.size && partial.size() > *file.size) partial.clear();
  const auto is_whole = [&] { return file.size && partial.size() == *file.size; };
  bool is_fresh = partial.size() == 0;
  for (bool done = false; !done;) {
    if (!is_whole() || is_fresh) {
      uint64_t before = partial.size();
      retry(fmt::format("'{}' of '{}'", name, id_.repository), [&] {
        try {
          receive(commit, name, file, partial);
          return true;
        } catch (const NetworkError&) {
          if (partial.size() <= before) throw;
          before = partial.size();
          return false;
        }
      });
    }
    done = !is_sha256(file.etag) || partial.sha256() == file.etag;
    if (!done && is_fresh) {
      partial.clear();
      fail("'{}' of '{}' from {} is damaged: its SHA-256 sum is not the announced one", name, id_.repository,
           access_.endpoint);
    }
    if (!done) partial.clear();  // what was continued was not the beginning of this file
    is_fresh = true;
  }
  partial.move_to(target);
}

}  // namespace exformer
