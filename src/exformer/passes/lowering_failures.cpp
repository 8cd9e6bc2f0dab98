#include "exformer/passes/lowering_failures.h"

#include <fmt/format.h>

#include <vector>

#include "exformer/base/error.h"
#include "exformer/base/strings.h"

namespace exformer {

void LoweringFailures::add(const Node& node, const std::string& reason) {
  Entry& entry = entries_[fmt::format("{}: {}", node.schema().torch_target(), reason)];
  if (entry.count++ == 0) entry.place = node.module_path;
}

void LoweringFailures::report(std::string_view format, std::string_view way_out) const {
  if (entries_.empty()) return;
  std::vector<std::string> lines;
  for (const auto& [what, entry] : entries_) {
    const std::string place = entry.place.empty() ? "" : fmt::format(" at {}", entry.place);
    const std::string more = entry.count > 1 ? fmt::format(" and {} more", entry.count - 1) : "";
    lines.push_back(fmt::format("{}{}{}", what, place, more));
  }
  const std::string end = way_out.empty() ? "" : fmt::format("\n{}", way_out);
  unsupported("no {} form for:\n  {}{}", format, join(lines, "\n  "), end);
}

}  // namespace exformer
