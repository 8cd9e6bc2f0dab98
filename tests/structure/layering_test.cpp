// Holds every #include of src/exformer to the architecture's arrows.
#include <gmock/gmock.h>

#include "source_tree.h"

namespace exformer::structure {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

bool is_source(const std::string& path) {
  return path.ends_with(".cpp") || path.ends_with(".h") || path.ends_with(".inc") || path.ends_with(".hpp");
}

TEST(Layering, EveryIncludeFollowsTheArrows) {
  const Arrows allowed = transitive(declared_arrows());
  const std::string root = "src/exformer/";
  size_t files = 0;
  for (const std::string& path : files_below("src/exformer")) {
    const std::string folder = folder_of(path.substr(root.size()));
    if (!is_source(path) || folder.empty()) continue;
    ++files;
    EXPECT_THAT(layer_faults(folder, read_source(path), allowed), IsEmpty()) << "in " << path;
  }
  EXPECT_GT(files, 20U) << "the sources were not found";
}

TEST(Layering, EveryFolderHasAPlace) {
  const Arrows arrows = declared_arrows();
  const std::string root = "src/exformer/";
  for (const std::string& path : files_below("src/exformer")) {
    const std::string folder = folder_of(path.substr(root.size()));
    EXPECT_TRUE(!is_source(path) || folder.empty() || arrows.contains(folder)) << path << " is in no layer";
  }
}

TEST(Layering, BackendsNeverReachEachOther) {
  const Arrows allowed = transitive(declared_arrows());
  for (const auto& [folder, reached] : allowed) {
    if (!folder.starts_with("backends/")) continue;
    for (const std::string& target : reached)
      EXPECT_FALSE(target.starts_with("backends/")) << folder << " -> " << target;
  }
}

TEST(Layering, ArrowsHaveNoCycle) {
  for (const auto& [folder, reached] : transitive(declared_arrows())) EXPECT_FALSE(reached.contains(folder)) << folder;
}

TEST(Layering, FaultsNameTheInclude) {
  const Arrows allowed = transitive(declared_arrows());
  EXPECT_THAT(layer_faults("ir", "#include \"exformer/ops/registry.h\"\n#include \"exformer/base/error.h\"\n", allowed),
              ElementsAre("ir may not include exformer/ops/registry.h"));
  EXPECT_THAT(layer_faults("backends/pt2", "#include <exformer/backends/onnx/writer.h>\n", allowed),
              ElementsAre("backends/pt2 may not include exformer/backends/onnx/writer.h"));
  EXPECT_THAT(layer_faults("ir", "#include \"../ops/registry.h\"\n", allowed),
              ElementsAre("../ops/registry.h: include by the path from src, not relatively"));
}

TEST(Layering, CommentedIncludesDoNotCount) {
  EXPECT_THAT(includes_of("// #include \"a.h\"\n/*\n#include \"b.h\"\n*/\n  #  include <c.h>\n"), ElementsAre("c.h"));
}

TEST(Layering, FoldersAreReadFromPaths) {
  EXPECT_EQ(folder_of("ir/graph.h"), "ir");
  EXPECT_EQ(folder_of("backends/onnx/lower_softmax.cpp"), "backends/onnx");
  EXPECT_EQ(folder_of("backends/onnx/deep/file.h"), "backends/onnx");
  EXPECT_EQ(folder_of("exformer.h"), "");
}

}  // namespace
}  // namespace exformer::structure
