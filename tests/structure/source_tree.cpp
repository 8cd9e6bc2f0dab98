#include "source_tree.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <regex>
#include <stdexcept>

namespace exformer::structure {

Arrows declared_arrows() {
  return {
      {"base", {}},
      {"symbolic", {"base"}},
      {"tensor", {"base"}},
      {"ir", {"symbolic", "tensor"}},
      {"ops", {"ir"}},
      {"trace", {"ops"}},
      {"nn", {"trace"}},
      {"checkpoint", {"tensor"}},
      {"models", {"nn", "checkpoint"}},
      {"tasks", {"models"}},
      {"passes", {"ops"}},
      {"interpreter", {"ops"}},
      {"runtimes", {"tensor"}},
      {"backends/pt2", {"passes"}},
      {"backends/onnx", {"passes"}},
      {"backends/executorch", {"passes"}},
      {"exporters", {"tasks", "interpreter", "runtimes", "backends/pt2", "backends/onnx", "backends/executorch"}},
      {"cli", {"exporters"}},
  };
}

Arrows transitive(const Arrows& arrows) {
  Arrows closed = arrows;
  for (bool changed = true; changed;) {
    changed = false;
    for (auto& [folder, reached] : closed) {
      const std::set<std::string> before = reached;
      for (const std::string& next : before) {
        const auto found = closed.find(next);
        if (found == closed.end()) throw std::invalid_argument(folder + " points at the unknown folder " + next);
        reached.insert(found->second.begin(), found->second.end());
      }
      changed |= reached.size() != before.size();
    }
  }
  return closed;
}

std::string folder_of(const std::string& path_in_source) {
  const std::filesystem::path path(path_in_source);
  std::filesystem::path folder;
  // Two levels only where the architecture has two; a deeper folder belongs to its layer.
  for (const auto& part : path.parent_path()) {
    if (!folder.empty() && folder != "backends") break;
    folder /= part;
  }
  return folder.generic_string();
}

std::vector<std::string> includes_of(const std::string& text) {
  static const std::regex comments(R"(/\*[\s\S]*?\*/|//[^\n]*)");
  static const std::regex include(R"re((^|\n)[ \t]*#[ \t]*include[ \t]*["<]([^">\n]+)[">])re");
  const std::string code = std::regex_replace(text, comments, "");
  std::vector<std::string> paths;
  for (auto match = std::sregex_iterator(code.begin(), code.end(), include); match != std::sregex_iterator(); ++match) {
    paths.push_back((*match)[2]);
  }
  return paths;
}

std::vector<std::string> layer_faults(const std::string& folder, const std::string& text, const Arrows& allowed) {
  const std::string prefix = "exformer/";
  std::vector<std::string> faults;
  for (const std::string& path : includes_of(text)) {
    if (!path.starts_with(prefix)) {
      if (path.find("../") != std::string::npos)
        faults.push_back(path + ": include by the path from src, not relatively");
      continue;
    }
    const std::string target = folder_of(path.substr(prefix.size()));
    if (target == folder) continue;
    const auto own = allowed.find(folder);
    if (own == allowed.end()) {
      faults.push_back("the folder '" + folder + "' has no place in the layers");
      break;
    }
    if (!own->second.contains(target)) faults.push_back(folder + " may not include " + path);
  }
  return faults;
}

std::filesystem::path source_root() { return EXFORMER_SOURCE_ROOT; }

std::vector<std::string> files_below(const std::string& directory) {
  std::vector<std::string> paths;
  const std::filesystem::path start = source_root() / directory;
  if (!std::filesystem::exists(start)) return paths;
  auto entries = std::filesystem::recursive_directory_iterator(start);
  for (auto entry = std::filesystem::begin(entries); entry != std::filesystem::end(entries); ++entry) {
    const std::string name = entry->path().filename().string();
    if (entry->is_directory() && (name.starts_with(".") || name == "build" || name == "__pycache__")) {
      entry.disable_recursion_pending();
    } else if (entry->is_regular_file()) {
      paths.push_back(std::filesystem::relative(entry->path(), source_root()).generic_string());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string read_source(const std::string& path) {
  std::ifstream file(source_root() / path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace exformer::structure
