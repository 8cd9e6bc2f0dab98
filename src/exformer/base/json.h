// JSON values keep the order of their keys: files are written the same way each time.
#pragma once

#include <nlohmann/json.hpp>

#include <string_view>

namespace exformer {

using Json = nlohmann::ordered_json;

struct JsonOptions {
  int max_depth = 256;  // nested lists and objects
  /// A key that occurs twice in one object is an error; otherwise the last value counts, as in Python.
  bool refuse_duplicate_keys = false;
};

/// Parses untrusted text, in time linear in its length. NaN, Infinity and -Infinity are read as the numbers that Python
/// means by them. Throws ExportError naming `source`, the line and the column.
Json parse_json(std::string_view text, std::string_view source, JsonOptions options = {});
/// Python's json.dumps with its default separators (", " and ": ") and ensure_ascii, byte for byte; `indent` < 0 for
/// one line. Bytes that are not UTF-8 (in a path, say) become U+FFFD.
std::string dump_json(const Json& value, int indent = -1);

}  // namespace exformer
