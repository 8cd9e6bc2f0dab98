// What the structure tests know of the source tree: its hand-written files and the layers' arrows.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace exformer::structure {

/// Folder of src/exformer -> the folders that its files may include.
using Arrows = std::map<std::string, std::set<std::string>>;

/// The arrows as the architecture states them, one step each.
Arrows declared_arrows();

/// `arrows` with everything that a folder reaches in any number of steps.
Arrows transitive(const Arrows& arrows);

/// The folder of a path below src/exformer: "backends/pt2/zip_reader.h" -> "backends/pt2", "ir/graph.h" -> "ir", "" for
/// files in src/exformer itself (the umbrella header).
std::string folder_of(const std::string& path_in_source);

/// Paths that a source text includes with quotes or brackets, in order; text inside comments does not count.
std::vector<std::string> includes_of(const std::string& text);

/// One line per include of `text` that `allowed` (transitive) does not let a file of `folder` have.
std::vector<std::string> layer_faults(const std::string& folder, const std::string& text, const Arrows& allowed);

/// The checkout's root.
std::filesystem::path source_root();

/// All regular files below `directory` of the checkout, as paths relative to the root, sorted; built and hidden folders
/// left out.
std::vector<std::string> files_below(const std::string& directory);

/// The content of a file, by its path relative to the root.
std::string read_source(const std::string& path);

}  // namespace exformer::structure
