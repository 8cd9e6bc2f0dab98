#include "exformer/base/json.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "exformer/base/error.h"

namespace exformer {
namespace {

constexpr int kMaxDepth = 256;

/// Python writes NaN, Infinity and -Infinity into config.json; they are read as null, nothing here uses them.
std::string without_nonfinite_literals(std::string_view text) {
  std::string result(text);
  bool in_string = false;
  for (size_t i = 0; i < result.size(); ++i) {
    if (in_string) {
      if (result[i] == '\\') ++i;
      else if (result[i] == '"') in_string = false;
      continue;
    }
    if (result[i] == '"') in_string = true;
    for (const std::string_view literal : {std::string_view("-Infinity"), std::string_view("Infinity"), std::string_view("NaN")}) {
      if (std::string_view(result).substr(i).starts_with(literal)) {
        result.replace(i, literal.size(), "null" + std::string(literal.size() > 4 ? literal.size() - 4 : 0, ' '));
      }
    }
  }
  return result;
}

std::pair<size_t, size_t> line_and_column(std::string_view text, size_t byte) {
  size_t line = 1, column = 1;
  for (size_t i = 0; i + 1 < byte && i < text.size(); ++i) {
    column = text[i] == '\n' ? 1 : column + 1;
    line += text[i] == '\n' ? 1 : 0;
  }
  return {line, column};
}

/// repr(float): the shortest digits that read back, with an exponent outside [1e-4, 1e16).
std::string python_float(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  std::string digits = fmt::format("{:e}", value);
  char buffer[64];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific);
  (void)error;
  digits.assign(buffer, end);
  const size_t exponent_at = digits.find('e');
  const int exponent = std::stoi(digits.substr(exponent_at + 1));
  if (exponent < -4 || exponent >= 16) {
    std::string mantissa = digits.substr(0, exponent_at);
    return fmt::format("{}e{}{:02}", mantissa, exponent < 0 ? "-" : "+", std::abs(exponent));
  }
  const auto [fixed_end, fixed_error] = std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::fixed);
  (void)fixed_error;
  std::string fixed(buffer, fixed_end);
  if (fixed.find('.') == std::string::npos) fixed += ".0";
  return fixed;
}

void dump(const Json& value, int indent, int level, std::string& out) {
  const auto new_line = [&](int at) {
    if (indent < 0) return;
    out += '\n';
    out.append(static_cast<size_t>(indent) * static_cast<size_t>(at), ' ');
  };
  const char* separator = indent < 0 ? ", " : ",";
  if (value.is_object()) {
    if (value.empty()) {
      out += "{}";
      return;
    }
    out += '{';
    bool first = true;
    for (const auto& [key, item] : value.items()) {
      if (!first) out += separator;
      first = false;
      new_line(level + 1);
      out += Json(key).dump(-1, ' ', true);
      out += ": ";
      dump(item, indent, level + 1, out);
    }
    new_line(level);
    out += '}';
  } else if (value.is_array()) {
    if (value.empty()) {
      out += "[]";
      return;
    }
    out += '[';
    bool first = true;
    for (const Json& item : value) {
      if (!first) out += separator;
      first = false;
      new_line(level + 1);
      dump(item, indent, level + 1, out);
    }
    new_line(level);
    out += ']';
  } else if (value.is_number_float()) {
    out += python_float(value.get<double>());
  } else {
    out += value.dump(-1, ' ', true);
  }
}

}  // namespace

Json parse_json(std::string_view text, std::string_view source) {
  const bool needs_cleaning = text.find("NaN") != std::string_view::npos || text.find("Infinity") != std::string_view::npos;
  const std::string cleaned = needs_cleaning ? without_nonfinite_literals(text) : std::string();
  const std::string_view input = needs_cleaning ? std::string_view(cleaned) : text;
  bool too_deep = false;
  const auto limit_depth = [&](int depth, Json::parse_event_t, Json&) {
    if (depth > kMaxDepth) too_deep = true;
    if (too_deep) fail("{}: JSON is nested more than {} levels deep", source, kMaxDepth);
    return true;
  };
  try {
    return Json::parse(input.begin(), input.end(), limit_depth);
  } catch (const nlohmann::json::parse_error& error) {
    const auto [line, column] = line_and_column(text, error.byte);
    fail("{}: not valid JSON (line {}, column {})", source, line, column);
  } catch (const nlohmann::json::exception&) {
    fail("{}: not valid JSON", source);
  }
}

std::string dump_json(const Json& value, int indent) {
  std::string out;
  dump(value, indent, 0, out);
  return out;
}

}  // namespace exformer
