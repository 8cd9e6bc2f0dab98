#include "exformer/base/file.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/test_files.h"

namespace exformer {
namespace {

using ::testing::AllOf;
using testing::error_of;
using ::testing::HasSubstr;
using testing::read_file;
using testing::TemporaryDirectory;
using testing::write_file;

std::string text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

TEST(MappedFileOpen, GivesTheBytes) {
  const TemporaryDirectory directory;
  write_file(directory / "a", "hello");
  const auto file = MappedFile::open(directory / "a");
  EXPECT_EQ(text_of(file->bytes()), "hello");
  EXPECT_EQ(file->path(), directory / "a");
}

TEST(MappedFileOpen, AcceptsAnEmptyFile) {
  const TemporaryDirectory directory;
  write_file(directory / "a", "");
  EXPECT_TRUE(MappedFile::open(directory / "a")->bytes().empty());
}

TEST(MappedFileOpen, SaysWhyItCannot) {
  const TemporaryDirectory directory;
  EXPECT_THAT(error_of([&] { MappedFile::open(directory / "none"); }),
              AllOf(HasSubstr("none"), HasSubstr("No such file")));
  EXPECT_THAT(error_of([&] { MappedFile::open(directory.path()); }), HasSubstr("not a regular file"));
  ASSERT_EQ(::mkfifo((directory / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(error_of([&] { MappedFile::open(directory / "pipe"); }),
              HasSubstr("not a regular file"));  // and does not hang
}

TEST(MappedFileReleasePages, LeavesTheContents) {
  const TemporaryDirectory directory;
  std::string text(100000, 'x');
  text[50000] = 'y';
  write_file(directory / "a", text);
  const auto file = MappedFile::open(directory / "a");
  EXPECT_EQ(text_of(file->bytes()), text);
  file->release_pages(file->bytes().subspan(10, 60000));
  EXPECT_EQ(text_of(file->bytes()), text);
}

TEST(MappedFileReleasePages, DoesNotTouchMemoryOfOthers) {
  const TemporaryDirectory directory;
  write_file(directory / "a", "hello");
  std::string other(100000, 'x');
  MappedFile::open(directory / "a")->release_pages(std::as_bytes(std::span(other.data(), other.size())));
  EXPECT_EQ(other, std::string(100000, 'x'));
}

TEST(ReadTextFile, ReadsFilesOfEverySize) {
  const TemporaryDirectory directory;
  for (const size_t size : {0U, 1U, 4095U, 4096U, 4097U, 100000U}) {
    const std::string text(size, 'x');
    write_file(directory / "a", text);
    EXPECT_EQ(read_text_file(directory / "a"), text);
    EXPECT_EQ(read_text_file(directory / "a", size), text);
  }
}

TEST(ReadTextFile, ReadsFilesWithoutASize) { EXPECT_THAT(read_text_file("/proc/self/status"), HasSubstr("Name:")); }

TEST(ReadTextFile, RefusesWhatIsTooLargeOrNoFile) {
  const TemporaryDirectory directory;
  write_file(directory / "a", std::string(100, 'x'));
  EXPECT_THAT(error_of([&] { read_text_file(directory / "a", 99); }), AllOf(HasSubstr("too large"), HasSubstr("99")));
  EXPECT_THAT(error_of([] { read_text_file("/dev/zero", 100000); }), HasSubstr("too large"));
  EXPECT_THAT(error_of([&] { read_text_file(directory.path()); }), HasSubstr("directory"));
  EXPECT_THAT(error_of([&] { read_text_file(directory / "none"); }), HasSubstr("No such file"));
}

TEST(OutputFileWrite, KeepsTrackOfTheOffset) {
  const TemporaryDirectory directory;
  OutputFile file(directory / "a");
  file.write("abc");
  EXPECT_EQ(file.offset(), 3U);
  file.align(8);
  EXPECT_EQ(file.offset(), 8U);
  file.align(8);
  EXPECT_EQ(file.offset(), 8U);
  file.write("d");
  file.align(10000);
  EXPECT_EQ(file.offset(), 10000U);
  const std::string patch = "XY";
  file.write_at(1, std::as_bytes(std::span(patch.data(), patch.size())));
  EXPECT_EQ(file.offset(), 10000U);
  file.close();
  file.close();
  std::string expected = "aXY" + std::string(5, '\0') + "d";
  expected.resize(10000, '\0');
  EXPECT_EQ(read_file(directory / "a"), expected);
}

TEST(OutputFileWrite, ReplacesAnEarlierFile) {
  const TemporaryDirectory directory;
  write_file(directory / "a", "a long text");
  OutputFile(directory / "a").write("short");
  EXPECT_EQ(read_file(directory / "a"), "short");
}

TEST(OutputFileWrite, SaysWhyItCannot) {
  const TemporaryDirectory directory;
  EXPECT_THAT(error_of([&] { OutputFile(directory / "none" / "a"); }),
              AllOf(HasSubstr("none/a"), HasSubstr("No such file")));
  OutputFile full("/dev/full");
  EXPECT_THAT(error_of([&] { full.write("x"); }), AllOf(HasSubstr("/dev/full"), HasSubstr("No space left")));
}

TEST(OutputFileWrite, ReportsAWriteThatWasCutShort) {
  const TemporaryDirectory directory;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 5000, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  std::string message;
  {
    OutputFile file(directory / "a");
    message = error_of([&] { file.write(std::string(10000, 'x')); });  // 5000 bytes are written, then none
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, old);
  EXPECT_THAT(message, AllOf(HasSubstr("/a"), HasSubstr("File too large")));
}

}  // namespace
}  // namespace exformer
