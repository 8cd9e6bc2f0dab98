// Other programs: their input and output, their end, and what happens when they do not end.
#include "exformer/base/process.h"

#include <gmock/gmock.h>

#include "exformer/base/error.h"

namespace exformer {
namespace {

using testing::HasSubstr;

TEST(Process, TextGoesInAndComesOut) {
  const std::string text(300000, 'x');  // more than a pipe holds
  const ProcessResult result = run_process({.command = {"cat"}, .input = text});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.output, text);
}

TEST(Process, ErrorsAndExitCodeAreKept) {
  const ProcessResult result = run_process({.command = {"sh", "-c", "echo trouble >&2; exit 7"}});
  EXPECT_EQ(result.exit_code, 7);
  EXPECT_EQ(result.errors, "trouble\n");
}

TEST(Process, TheEnvironmentIsAddedTo) {
  const ProcessResult result =
      run_process({.command = {"sh", "-c", "echo $EXFORMER_TEST $HOME"}, .environment = {{"EXFORMER_TEST", "here"}}});
  EXPECT_THAT(result.output, HasSubstr("here /"));
}

TEST(Process, OneThatDoesNotReadItsInputIsNoFault) {
  const ProcessResult result = run_process({.command = {"true"}, .input = std::string(300000, 'x')});
  EXPECT_EQ(result.exit_code, 0);
}

TEST(Process, ASignalIsReported) {
  const ProcessResult result = run_process({.command = {"sh", "-c", "kill -9 $$"}});
  EXPECT_EQ(result.signal, 9);
}

TEST(Process, TheLimitEndsItAndAllThatItStarted) {
  const auto start = std::chrono::steady_clock::now();
  const ProcessResult result =
      run_process({.command = {"sh", "-c", "echo begun >&2; sleep 60 & sleep 60"}, .limit = std::chrono::seconds(1)});
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.errors, "begun\n");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(Process, AMissingProgramIsNamed) {
  try {
    run_process({.command = {"no-such-program"}});
    FAIL() << "it ran";
  } catch (const ExportError& error) {
    EXPECT_THAT(error.what(), HasSubstr("no-such-program"));
  }
  EXPECT_TRUE(find_program("no-such-program").empty());
  EXPECT_FALSE(find_program("sh").empty());
}

}  // namespace
}  // namespace exformer
