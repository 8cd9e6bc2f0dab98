// JSON values keep the order of their keys: files are written the same way each time.
#pragma once

#include <nlohmann/json.hpp>

#include <string_view>

namespace exformer {

using Json = nlohmann::ordered_json;

/// Parses untrusted text with a depth limit; throws ExportError naming `source`, the line and the column.
Json parse_json(std::string_view text, std::string_view source);
/// Python's json.dumps with its default separators (", " and ": ") and ensure_ascii; `indent` < 0 for one line.
std::string dump_json(const Json& value, int indent = -1);

}  // namespace exformer
