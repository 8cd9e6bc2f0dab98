// One file under two names: made once, through symbolic links, never over somebody else's file.
#include "exformer/base/share_file.h"

#include <gmock/gmock.h>

#include "test_files.h"

namespace exformer {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::TemporaryDirectory;

TEST(ShareFile, GivesTheContentsASecondName) {
  const TemporaryDirectory directory;
  testing::write_file(directory / "weights", "bytes");
  EXPECT_TRUE(share_file(directory / "weights", directory / "again"));
  EXPECT_EQ(testing::read_file(directory / "again"), "bytes");
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(directory / "again")));
}

TEST(ShareFile, DoesNothingForTheSameFile) {
  const TemporaryDirectory directory;
  testing::write_file(directory / "weights", "bytes");
  EXPECT_FALSE(share_file(directory / "weights", directory / "weights"));
  EXPECT_EQ(testing::read_file(directory / "weights"), "bytes");
}

TEST(ShareFile, SharesTheFileBehindASymbolicLink) {
  const TemporaryDirectory directory;
  testing::write_file(directory / "blob", "bytes");
  fs::create_symlink("blob", directory / "weights");
  EXPECT_TRUE(share_file(directory / "weights", directory / "again"));
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(directory / "again")));
  fs::remove(directory / "blob");
  EXPECT_EQ(testing::read_file(directory / "again"), "bytes");
}

TEST(ShareFile, LeavesAnotherFileAlone) {
  const TemporaryDirectory directory;
  testing::write_file(directory / "weights", "bytes");
  testing::write_file(directory / "again", "others");
  try {
    share_file(directory / "weights", directory / "again");
    FAIL() << "no error";
  } catch (const ExportError& error) {
    EXPECT_THAT(error.what(), HasSubstr("is another file"));
  }
  EXPECT_EQ(testing::read_file(directory / "again"), "others");
}

TEST(ShareFile, NamesASourceThatIsNotThere) {
  const TemporaryDirectory directory;
  EXPECT_THROW(share_file(directory / "nothing", directory / "again"), ExportError);
  EXPECT_FALSE(fs::exists(directory / "again"));
}

}  // namespace
}  // namespace exformer
