// One HTTP request at a time through libcurl, without redirects: who follows them decides what to send where.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "exformer/base/file.h"

namespace exformer {

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case; the last of equal ones

  std::optional<std::string> header(const std::string& name) const;
  bool is_redirect() const { return status >= 300 && status < 400 && headers.contains("location"); }
};

struct HttpRequest {
  std::string url;
  bool head = false;
  std::vector<std::string> headers;  // "Name: value"
  /// Called with the status and headers and the next part of the body, for every status. May throw.
  std::function<void(const HttpResponse&, Bytes)> body;
};

/// No answer: the network, the name or the connection failed.
class NetworkError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class HttpClient {
 public:
  HttpClient();
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Any status is an answer. Throws NetworkError, what the request's `body` threw, or ExportError when interrupted.
  HttpResponse perform(const HttpRequest& request);

 private:
  void* handle_;
};

/// `location` of a redirect, seen from `url`; nothing when it is no http(s) URL.
std::optional<std::string> redirect_target(const std::string& url, const std::string& location);
/// Same scheme, host and port.
bool is_same_origin(const std::string& a, const std::string& b);
/// Percent-encoded for one component of a path.
std::string url_component(const std::string& text);

}  // namespace exformer
