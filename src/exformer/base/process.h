// Runs another program to its end: text in, text out, with a time limit.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace exformer {

struct ProcessRequest {
  std::vector<std::string> command;                // looked up in PATH
  std::map<std::string, std::string> environment;  // beside this process's own
  std::string input;
  std::chrono::seconds limit{600};
};

struct ProcessResult {
  int exit_code = 0;       // of a program that ended by itself
  int signal = 0;          // that ended it
  bool timed_out = false;  // ended because of the limit
  std::string output;
  std::string errors;
};

/// The program and what it starts are ended when the limit passes or an interrupt is requested (which throws, see
/// interrupt.h). Throws ExportError when it cannot be started.
ProcessResult run_process(const ProcessRequest& request);

/// The program's path as the shell would find it; empty when there is none.
std::filesystem::path find_program(const std::string& name);

}  // namespace exformer
