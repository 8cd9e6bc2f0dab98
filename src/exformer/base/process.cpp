#include "exformer/base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "exformer/base/error.h"
#include "exformer/base/interrupt.h"

extern char** environ;

namespace exformer {
namespace {

using Clock = std::chrono::steady_clock;

class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) fail("cannot make a pipe: {}", std::strerror(errno));
  }
  ~Pipe() {
    close(0);
    close(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int end(size_t which) const { return ends_[which]; }
  void close(size_t which) {
    if (ends_[which] >= 0) ::close(ends_[which]);
    ends_[which] = -1;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

std::vector<std::string> environment_of(const ProcessRequest& request) {
  std::vector<std::string> variables;
  for (char** entry = environ; *entry; ++entry) {
    const std::string text = *entry;
    if (!request.environment.contains(text.substr(0, text.find('=')))) variables.push_back(text);
  }
  for (const auto& [name, value] : request.environment) variables.push_back(name + "=" + value);
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

/// The child's side after fork: only calls that are safe there.
[[noreturn]] void become(const std::string& program, char** arguments, char** environment, const Pipe& input,
                         const Pipe& output, const Pipe& errors) {
  ::setpgid(0, 0);
  ::dup2(input.end(0), 0);
  ::dup2(output.end(1), 1);
  ::dup2(errors.end(1), 2);
  ::signal(SIGPIPE, SIG_DFL);
  ::execve(program.c_str(), arguments, environment);
  ::_exit(127);
}

/// Ends the whole group of a child that is not to run on.
class ChildGuard {
 public:
  explicit ChildGuard(pid_t pid) : pid_(pid) {}
  ~ChildGuard() {
    if (pid_ <= 0) return;
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ChildGuard(const ChildGuard&) = delete;
  ChildGuard& operator=(const ChildGuard&) = delete;
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return status;
  }

 private:
  pid_t pid_;
};

/// Appends what is there to read; false at the end.
bool drain(int descriptor, std::string& text) {
  char buffer[1 << 16];
  const ssize_t count = ::read(descriptor, buffer, sizeof buffer);
  if (count < 0) return errno == EINTR || errno == EAGAIN;
  text.append(buffer, static_cast<size_t>(count));
  return count > 0;
}

}  // namespace

std::filesystem::path find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return ::access(name.c_str(), X_OK) == 0 ? name : "";
  const char* path = std::getenv("PATH");
  std::string rest = path ? path : "/usr/bin:/bin";
  while (!rest.empty()) {
    const size_t colon = rest.find(':');
    const std::filesystem::path candidate = std::filesystem::path(rest.substr(0, colon)) / name;
    std::error_code ignored;
    if (::access(candidate.c_str(), X_OK) == 0 && !std::filesystem::is_directory(candidate, ignored)) return candidate;
    rest = colon == std::string::npos ? "" : rest.substr(colon + 1);
  }
  return {};
}

ProcessResult run_process(const ProcessRequest& request) {
  EXFORMER_ASSERT(!request.command.empty());
  const std::string program = find_program(request.command.front()).string();
  if (program.empty()) fail("there is no program '{}'", request.command.front());
  std::vector<std::string> arguments = request.command, variables = environment_of(request);
  const std::vector<char*> argument_pointers = pointers(arguments), variable_pointers = pointers(variables);
  Pipe input, output, errors;
  const pid_t pid = ::fork();
  if (pid < 0) fail("cannot start '{}': {}", program, std::strerror(errno));
  if (pid == 0) {
    become(program, const_cast<char**>(argument_pointers.data()), const_cast<char**>(variable_pointers.data()), input,
           output, errors);
  }
  ChildGuard child(pid);
  ::setpgid(pid, pid);
  input.close(0);
  output.close(1);
  errors.close(1);
  ::fcntl(input.end(1), F_SETFL, O_NONBLOCK);
  const auto old_handler = ::signal(SIGPIPE, SIG_IGN);  // a child that does not read its input

  ProcessResult result;
  size_t written = 0;
  const auto deadline = Clock::now() + request.limit;
  while (output.end(0) >= 0 || errors.end(0) >= 0) {
    throw_if_interrupted();
    if (Clock::now() >= deadline) {
      result.timed_out = true;
      break;
    }
    if (input.end(1) >= 0 && written == request.input.size()) input.close(1);
    std::array<pollfd, 3> waiting{{{output.end(0), POLLIN, 0}, {errors.end(0), POLLIN, 0}, {input.end(1), POLLOUT, 0}}};
    constexpr int kPollMilliseconds = 200;
    if (::poll(waiting.data(), waiting.size(), kPollMilliseconds) <= 0) continue;
    if (waiting[0].revents && !drain(output.end(0), result.output)) output.close(0);
    if (waiting[1].revents && !drain(errors.end(0), result.errors)) errors.close(0);
    if (waiting[2].revents) {
      const ssize_t count = ::write(input.end(1), request.input.data() + written, request.input.size() - written);
      if (count > 0) written += static_cast<size_t>(count);
      if (count < 0 && errno != EAGAIN && errno != EINTR) input.close(1);
    }
  }
  ::signal(SIGPIPE, old_handler);
  if (result.timed_out) return result;
  const int status = child.wait();
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  return result;
}

}  // namespace exformer
