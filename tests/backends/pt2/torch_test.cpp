// Asks real torch: what we write must load and run there, what it writes must mean the same after a trip through our
// reader and writer. Runs only where EXFORMER_PYTHON names an interpreter with torch.
#include <gtest/gtest.h>

#include <cstdlib>

#include "exformer/backends/pt2/reader.h"
#include "exformer/backends/pt2/writer.h"
#include "exformer/base/error.h"
#include "sample_programs.h"
#include "temporary_folder.h"

namespace exformer {
namespace {

using exformer::testing::TemporaryFolder;

class TorchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::getenv("EXFORMER_PYTHON")) GTEST_SKIP() << "EXFORMER_PYTHON is not set";
  }
  // The script's exit status; what it prints goes to this test's output.
  int run(const std::string& command) const {
    const std::string line =
        fmt::format("OMP_NUM_THREADS=1 '{}' '{}/check_with_torch.py' {} '{}'", std::getenv("EXFORMER_PYTHON"),
                    EXFORMER_TEST_SCRIPTS, command, folder_.path().string());
    return std::system(line.c_str());
  }
  TemporaryFolder folder_;
};

TEST_F(TorchTest, LoadsAndRunsWhatWeWrite) {
  write_pt2(testing::kitchen_sink(), folder_ / "kitchen_sink.pt2");
  write_pt2(testing::derived_dims(), folder_ / "derived_dims.pt2");
  write_pt2(testing::with_cache(), folder_ / "with_cache.plain.pt2", {.pytree = Pt2Pytree::Plain});
  EXPECT_EQ(run("load"), 0);
}

TEST_F(TorchTest, MeansTheSameAfterATripThroughOurReader) {
  ASSERT_EQ(run("save"), 0);
  for (const char* name : {"mixed", "chain"}) {
    write_pt2(read_pt2(folder_ / (std::string(name) + ".pt2")), folder_ / (std::string(name) + ".ours.pt2"));
  }
  EXPECT_EQ(run("same"), 0);
}

}  // namespace
}  // namespace exformer
