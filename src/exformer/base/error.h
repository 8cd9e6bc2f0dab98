// The one exception type that leaves the library, and the four ways a user can meet it.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>

namespace exformer {

/// Why an operation ended; the value is the program's exit code.
enum class ErrorKind { Failed = 1, Usage = 2, Unsupported = 3, VerificationFailed = 4 };

/// A fault the user can act on. The message says what was received, what is allowed, and where.
class ExportError : public std::runtime_error {
 public:
  ExportError(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }
  int exit_code() const { return static_cast<int>(kind_); }

 private:
  ErrorKind kind_;
};

/// Throws an ExportError of kind Failed (exit code 1) with a formatted message.
template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw ExportError(ErrorKind::Failed, fmt::format(format, std::forward<Args>(args)...));
}

/// Throws an ExportError of kind Unsupported (exit code 3): a model, op or option that is not built.
template <class... Args>
[[noreturn]] void unsupported(fmt::format_string<Args...> format, Args&&... args) {
  throw ExportError(ErrorKind::Unsupported, fmt::format(format, std::forward<Args>(args)...));
}

/// Throws an ExportError of kind Usage (exit code 2): the command line itself is wrong.
template <class... Args>
[[noreturn]] void usage_error(fmt::format_string<Args...> format, Args&&... args) {
  throw ExportError(ErrorKind::Usage, fmt::format(format, std::forward<Args>(args)...));
}

/// Ends the process with a message: a fault of this library, never of its input.
[[noreturn]] void internal_error(const char* file, int line, const char* condition);

#define EXFORMER_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::exformer::internal_error(__FILE__, __LINE__, #condition))

}  // namespace exformer
