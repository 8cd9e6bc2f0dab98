// Small string helpers: nearest names for error messages, joining, splitting.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace exformer {

/// Up to `count` of `candidates` closest to `name` by edit distance, best first; candidates too far away are left out.
std::vector<std::string> nearest_names(std::string_view name, const std::vector<std::string>& candidates,
                                       size_t count = 3);
/// " (nearest: a, b, c)" from nearest_names, or an empty string.
std::string nearest_hint(std::string_view name, const std::vector<std::string>& candidates);

std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
/// `text` with every occurrence of `from` replaced.
std::string replace_all(std::string text, std::string_view from, std::string_view to);

}  // namespace exformer
