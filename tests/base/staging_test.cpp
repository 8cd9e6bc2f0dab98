// Outputs that appear whole or not at all, also when others write to the same place or are killed.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "base/test_files.h"
#include "exformer/base/file.h"
#include "exformer/base/interrupt.h"

namespace exformer {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::listing;
using testing::read_file;
using testing::TemporaryDirectory;
using testing::write_file;

/// What an export holds.
void fill(const fs::path& directory, const std::string& text) {
  write_file(directory / "export.json", text);
  write_file(directory / "model", text);
}

void export_to(const fs::path& target, const std::string& text) {
  StagedDirectory staged(target);
  fill(staged.path(), text);
  staged.commit();
}

TEST(StagedDirectoryCommit, MovesItIntoPlace) {
  const TemporaryDirectory directory;
  {
    StagedDirectory staged(directory / "out");
    fill(staged.path(), "1");
    EXPECT_FALSE(fs::exists(directory / "out"));
    staged.commit();
    EXPECT_EQ(read_file(directory / "out" / "model"), "1");
  }
  EXPECT_THAT(listing(directory.path()), ElementsAre("out"));
  EXPECT_THAT(listing(directory / "out"), ElementsAre("export.json", "model"));
}

TEST(StagedDirectoryCommit, AcceptsATrailingSlashAndAnEmptyDirectory) {
  const TemporaryDirectory directory;
  fs::create_directory(directory / "out");
  export_to((directory / "out").string() + "/", "1");
  EXPECT_EQ(read_file(directory / "out" / "model"), "1");
}

TEST(StagedDirectoryCommit, ReplacesAnEarlierExportWhole) {
  const TemporaryDirectory directory;
  export_to(directory / "out", "1");
  write_file(directory / "out" / "more", "x");
  export_to(directory / "out", "2");
  EXPECT_EQ(read_file(directory / "out" / "model"), "2");
  EXPECT_THAT(listing(directory / "out"), ElementsAre("export.json", "model"));
  EXPECT_THAT(listing(directory.path()), ElementsAre("out"));
}

TEST(StagedDirectoryCommit, WritesThroughASymbolicLink) {
  const TemporaryDirectory directory;
  export_to(directory / "real", "1");
  fs::create_directory_symlink("real", directory / "link");
  export_to(directory / "link", "2");
  EXPECT_TRUE(fs::is_symlink(directory / "link"));
  EXPECT_EQ(read_file(directory / "real" / "model"), "2");
}

TEST(StagedDirectoryCommit, LeavesFilesAloneThatCameMeanwhile) {
  const TemporaryDirectory directory;
  StagedDirectory staged(directory / "out");
  fill(staged.path(), "1");
  fs::create_directory(directory / "out");
  write_file(directory / "out" / "thesis", "mine");
  EXPECT_THAT(error_of([&] { staged.commit(); }), HasSubstr("left alone"));
  EXPECT_THAT(listing(directory / "out"), ElementsAre("thesis"));
}

TEST(StagedDirectory, LeavesNothingWithoutCommit) {
  const TemporaryDirectory directory;
  { fill(StagedDirectory(directory / "a" / "b" / "out").path(), "1"); }
  EXPECT_THAT(listing(directory.path()), IsEmpty());
  fs::create_directory(directory / "a");
  { StagedDirectory staged(directory / "a" / "b" / "out"); }
  EXPECT_THAT(listing(directory.path()), ElementsAre("a"));
}

TEST(StagedDirectory, CreatesParents) {
  const TemporaryDirectory directory;
  export_to(directory / "a" / "b" / "out", "1");
  EXPECT_EQ(read_file(directory / "a" / "b" / "out" / "model"), "1");
}

TEST(StagedDirectory, RefusesDirectoriesOfOthers) {
  const TemporaryDirectory directory;
  fs::create_directory(directory / "out");
  write_file(directory / "out" / "thesis", "mine");
  EXPECT_THAT(error_of([&] { StagedDirectory staged(directory / "out"); }),
              AllOf(HasSubstr("out"), HasSubstr("not an earlier export")));
  EXPECT_THAT(listing(directory.path()), ElementsAre("out"));
  EXPECT_EQ(read_file(directory / "out" / "thesis"), "mine");
  write_file(directory / "file", "mine");
  EXPECT_THAT(error_of([&] { StagedDirectory staged(directory / "file"); }), HasSubstr("not an earlier export"));
}

TEST(StagedDirectory, SaysWhereItCannotWrite) {
  const TemporaryDirectory directory;
  write_file(directory / "file", "mine");
  EXPECT_THAT(error_of([&] { StagedDirectory staged(directory / "file" / "out"); }), HasSubstr("file"));
  EXPECT_THAT(error_of([] { StagedDirectory staged("/proc/no-such-place/out"); }), HasSubstr("/proc"));
  EXPECT_THAT(error_of([] { StagedDirectory staged("/proc/out"); }), HasSubstr("/proc"));
  EXPECT_THAT(error_of([] { StagedDirectory staged("/"); }), HasSubstr("no name"));
  EXPECT_THAT(listing(directory.path()), ElementsAre("file"));
}

TEST(StagedDirectory, ConcurrentExportsLeaveOneWhole) {
  const TemporaryDirectory directory;
  std::atomic<bool> stop = false;
  std::atomic<int> torn = 0;
  std::thread reader([&] {
    while (!stop) {
      // One open directory is one export, whatever the name stands for by then.
      const int descriptor = ::open((directory / "out").c_str(), O_RDONLY | O_DIRECTORY);
      if (descriptor < 0) continue;
      const fs::path held = "/proc/self/fd/" + std::to_string(descriptor);
      const std::string a = read_file(held / "export.json"), b = read_file(held / "model");
      if (!a.empty() && !b.empty() && a != b) ++torn;
      ::close(descriptor);
    }
  });
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&, writer] {
      for (int i = 0; i < 50; ++i) export_to(directory / "out", fmt::format("{}-{}", writer, i));
    });
  }
  for (std::thread& writer : writers) writer.join();
  stop = true;
  reader.join();
  EXPECT_EQ(torn, 0);
  EXPECT_THAT(listing(directory.path()), ElementsAre("out"));
  EXPECT_THAT(listing(directory / "out"), ElementsAre("export.json", "model"));
  EXPECT_EQ(read_file(directory / "out" / "export.json"), read_file(directory / "out" / "model"));
}

/// Starts an export in another process, which holds it open until it is killed.
pid_t start_stuck_export(const fs::path& target) {
  int ready[2];
  EXPECT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    StagedDirectory staged(target);
    fill(staged.path(), "half");
    if (::write(ready[1], "x", 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  char byte = 0;
  EXPECT_EQ(::read(ready[0], &byte, 1), 1);
  ::close(ready[0]);
  ::close(ready[1]);
  return child;
}

TEST(StagedDirectory, AKilledExportIsClearedAwayByTheNext) {
  const TemporaryDirectory directory;
  const pid_t child = start_stuck_export(directory / "out");
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ASSERT_EQ(listing(directory.path()).size(), 1U);
  EXPECT_THAT(*listing(directory.path()).begin(), HasSubstr(".out.partial-"));
  export_to(directory / "out", "1");
  EXPECT_THAT(listing(directory.path()), ElementsAre("out"));
}

TEST(StagedDirectory, ALivingExportIsLeftAlone) {
  const TemporaryDirectory directory;
  const pid_t child = start_stuck_export(directory / "out");
  export_to(directory / "out", "1");
  EXPECT_EQ(listing(directory.path()).size(), 2U);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  export_to(directory / "other", "1");  // not its business
  EXPECT_EQ(listing(directory.path()).size(), 3U);
}

TEST(StagedDirectory, AnInterruptedExportLeavesNothing) {
  const TemporaryDirectory directory;
  const pid_t child = ::fork();  // the request is the process's own and stays
  if (child == 0) {
    int failures = 0;
    try {
      StagedDirectory staged(directory / "out");
      OutputFile file(staged.path() / "model");
      file.write("begun");
      request_interrupt();
      try {
        file.write("more");
      } catch (const ExportError&) {
        ++failures;
      }
      staged.commit();
    } catch (const ExportError&) {
      ++failures;
    }
    ::_exit(failures);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 2);
  EXPECT_THAT(listing(directory.path()), IsEmpty());
}

TEST(StagedFileCommit, PutsOneFileInPlace) {
  const TemporaryDirectory directory;
  {
    StagedFile staged(directory / "a");
    write_file(staged.path(), "1");
    EXPECT_FALSE(fs::exists(directory / "a"));
    staged.commit();
  }
  EXPECT_THAT(listing(directory.path()), ElementsAre("a"));
  {
    StagedFile staged(directory / "a");
    write_file(staged.path(), "2");
  }
  EXPECT_EQ(read_file(directory / "a"), "1");
  EXPECT_THAT(listing(directory.path()), ElementsAre("a"));
}

TEST(StagedFile, RefusesWhatIsNoRegularFile) {
  const TemporaryDirectory directory;
  fs::create_directory(directory / "a");
  EXPECT_THAT(error_of([&] { StagedFile staged(directory / "a"); }), HasSubstr("not a regular file"));
  EXPECT_THAT(error_of([] { StagedFile staged("/dev/null"); }), HasSubstr("/dev/null"));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  EXPECT_THAT(listing(directory.path()), ElementsAre("a"));
}

TEST(StagedFileCommit, SaysWhyItCannot) {
  const TemporaryDirectory directory;
  StagedFile staged(directory / "a");
  fs::create_directory(directory / "a");
  EXPECT_THAT(error_of([&] { staged.commit(); }), HasSubstr("cannot move"));
}

}  // namespace
}  // namespace exformer
