// Runs fake_hub.py (Python's standard library only) beside a test.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "base/test_files.h"
#include "exformer/base/json.h"
#include "exformer/checkpoint/hub.h"

namespace exformer::testing {

inline std::string any_python() {
  const char* python = std::getenv("EXFORMER_PYTHON");
  return python && *python != '\0' ? python : "python3";
}

inline bool can_run_python() { return std::system((any_python() + " -c '' > /dev/null 2>&1").c_str()) == 0; }

class FakeHub {
 public:
  /// `scenario` as fake_hub.py describes it.
  explicit FakeHub(const Json& scenario) {
    write_file(directory_ / "scenario.json", dump_json(scenario));
    write_file(directory_ / "log", "");
    int input[2], output[2];
    EXPECT_TRUE(::pipe2(input, O_CLOEXEC) == 0 && ::pipe2(output, O_CLOEXEC) == 0);
    const std::string python = any_python(),
                      paths[] = {(directory_ / "scenario.json").string(), (directory_ / "log").string()};
    process_ = ::fork();
    if (process_ == 0) {
      ::dup2(input[0], 0);
      ::dup2(output[1], 1);
      ::execlp(python.c_str(), python.c_str(), EXFORMER_FAKE_HUB, paths[0].c_str(), paths[1].c_str(), nullptr);
      ::_exit(127);
    }
    ::close(input[0]);
    ::close(output[1]);
    input_ = input[1];
    std::string port;
    for (char c = 0; ::read(output[0], &c, 1) == 1 && c != '\n';) port += c;
    ::close(output[0]);
    endpoint_ = "http://127.0.0.1:" + port;
  }
  ~FakeHub() {
    ::close(input_);  // it ends by itself
    ::waitpid(process_, nullptr, 0);
  }
  FakeHub(const FakeHub&) = delete;
  FakeHub& operator=(const FakeHub&) = delete;

  const std::string& endpoint() const { return endpoint_; }
  std::vector<Json> requests() const {
    std::vector<Json> requests;
    std::ifstream log(directory_ / "log");
    for (std::string line; std::getline(log, line);) requests.push_back(parse_json(line, "log"));
    return requests;
  }
  /// "GET hub /path range" of each request.
  std::vector<std::string> request_lines() const {
    std::vector<std::string> lines;
    for (const Json& request : requests()) {
      std::string line = fmt::format("{} {} {}", request["method"].get<std::string>(),
                                     request["server"].get<std::string>(), request["path"].get<std::string>());
      if (request["headers"].contains("range")) line += " " + request["headers"]["range"].get<std::string>();
      lines.push_back(line);
    }
    return lines;
  }

 private:
  TemporaryDirectory directory_;
  pid_t process_ = -1;
  int input_ = -1;
  std::string endpoint_;
};

}  // namespace exformer::testing
