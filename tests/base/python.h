// Asks real Python (with torch, safetensors, ...) for expected values: only where EXFORMER_PYTHON names an interpreter.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "base/test_files.h"

namespace exformer::testing {

inline bool has_python() {
  const char* python = std::getenv("EXFORMER_PYTHON");
  return python && *python != '\0';
}

/// Runs a script in `directory`; the test fails with what it printed unless it succeeds.
inline void run_python(const std::string& script, const std::filesystem::path& directory) {
  write_file(directory / "script.py", script);
  const std::string command = "cd '" + directory.string() + "' && OMP_NUM_THREADS=1 '" +
                              std::getenv("EXFORMER_PYTHON") + "' script.py > script.log 2>&1";
  const int status = std::system(command.c_str());
  ASSERT_EQ(status, 0) << read_file(directory / "script.log");
}

}  // namespace exformer::testing

#define SKIP_WITHOUT_PYTHON() \
  if (!::exformer::testing::has_python()) GTEST_SKIP() << "EXFORMER_PYTHON is not set"
