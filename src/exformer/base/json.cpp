#include "exformer/base/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "exformer/base/error.h"

namespace exformer {
namespace {

/// What Python writes for a non-finite number, and a number of the same length that stands for it while parsing: one
/// that no program writes, and that the parser hands over as it is spelled.
struct NonFinite {
  std::string_view literal;
  std::string_view stand_in;
  double value;
};
constexpr std::array<NonFinite, 3> kNonFinite = {{
    {"-Infinity", "-0.0E+007", -std::numeric_limits<double>::infinity()},
    {"Infinity", "0.0E+007", std::numeric_limits<double>::infinity()},
    {"NaN", "0E7", std::numeric_limits<double>::quiet_NaN()},
}};

std::string with_stand_ins(std::string_view text) {
  std::string result(text);
  bool in_string = false;
  for (size_t i = 0; i < result.size(); ++i) {
    if (in_string) {
      if (result[i] == '\\') {
        ++i;
      } else if (result[i] == '"') {
        in_string = false;
      }
      continue;
    }
    if (result[i] == '"') in_string = true;
    if (result[i] != 'N' && result[i] != 'I' && result[i] != '-') continue;
    for (const NonFinite& row : kNonFinite) {
      if (!text.substr(i).starts_with(row.literal)) continue;
      result.replace(i, row.literal.size(), row.stand_in);
      i += row.literal.size() - 1;
      break;
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

/// Builds the value from the parser's events. Objects are filled without a search per key: a header with a hundred
/// thousand keys must not take quadratic time.
class ValueBuilder final : public nlohmann::json_sax<Json> {
 public:
  ValueBuilder(std::string_view text, std::string_view source, const JsonOptions& options, bool has_stand_ins)
      : text_(text), source_(source), options_(options), has_stand_ins_(has_stand_ins) {}

  bool null() override { return add(Json(nullptr)); }
  bool boolean(bool value) override { return add(Json(value)); }
  bool number_integer(int64_t value) override { return add(Json(value)); }
  bool number_unsigned(uint64_t value) override { return add(Json(value)); }
  bool number_float(double value, const std::string& spelling) override {
    if (has_stand_ins_) {
      for (const NonFinite& row : kNonFinite) {
        if (spelling == row.stand_in) return add(Json(row.value));
      }
    }
    return add(Json(value));
  }
  bool string(std::string& value) override { return add(Json(std::move(value))); }
  bool binary(Json::binary_t& value) override { return add(Json(std::move(value))); }

  bool start_object(size_t) override { return open(Json::object()); }
  bool key(std::string& value) override {
    key_ = std::move(value);
    return true;
  }
  bool end_object() override {
    settle_duplicates(open_.back()->get_ref<Json::object_t&>());
    open_.pop_back();
    return true;
  }
  bool start_array(size_t) override { return open(Json::array()); }
  bool end_array() override {
    open_.pop_back();
    return true;
  }
  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception&) override {
    const auto [line, column] = line_and_column(text_, position);
    fail("{}: not valid JSON (line {}, column {})", source_, line, column);
  }

  Json take() { return std::move(root_); }

 private:
  using Members = Json::object_t::Container;  // the vector that an ordered object is: its emplace_back does not search

  Json* place(Json&& value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& parent = *open_.back();
    if (parent.is_array()) {
      auto& items = parent.get_ref<Json::array_t&>();
      items.push_back(std::move(value));
      return &items.back();
    }
    Members& members = parent.get_ref<Json::object_t&>();
    members.emplace_back(std::move(key_), std::move(value));
    return &members.back().second;
  }

  bool add(Json&& value) {
    place(std::move(value));
    return true;
  }

  bool open(Json&& value) {
    if (open_.size() >= static_cast<size_t>(options_.max_depth)) {
      fail("{}: JSON is nested more than {} levels deep", source_, options_.max_depth);
    }
    open_.push_back(place(std::move(value)));
    return true;
  }

  /// Of equal keys the first keeps its place and the last its value, as in a Python dict.
  void settle_duplicates(Members& members) const {
    if (members.size() < 2) return;
    std::vector<size_t> order(members.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      const int compared = members[a].first.compare(members[b].first);
      return compared != 0 ? compared < 0 : a < b;
    });
    std::vector<bool> superseded(members.size(), false);
    bool any = false;
    for (size_t i = 1, first = order[0]; i < order.size(); ++i) {
      if (members[order[i]].first != members[first].first) {
        first = order[i];
        continue;
      }
      if (options_.refuse_duplicate_keys) fail("{}: the key '{}' occurs twice", source_, members[first].first);
      members[first].second = std::move(members[order[i]].second);
      superseded[order[i]] = any = true;
    }
    if (!any) return;
    Members kept;
    for (size_t i = 0; i < members.size(); ++i) {
      if (!superseded[i]) kept.emplace_back(members[i].first, std::move(members[i].second));
    }
    members = std::move(kept);
  }

  std::string_view text_;
  std::string_view source_;
  const JsonOptions& options_;
  bool has_stand_ins_;
  Json root_;
  std::string key_;
  std::vector<Json*> open_;  // a parent does not grow while a child is open, so these stay valid
};

/// repr(float): the shortest digits that read back, with an exponent outside [1e-4, 1e16).
void append_float(double value, std::string& out) {
  if (!std::isfinite(value)) {
    out += std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
    return;
  }
  const double size = std::abs(value);
  const bool fixed = size == 0.0 || (size >= 1e-4 && size < 1e16);
  std::array<char, 32> buffer{};
  const auto format = fixed ? std::chars_format::fixed : std::chars_format::scientific;
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format);
  const std::string_view digits(buffer.data(), static_cast<size_t>(result.ptr - buffer.data()));
  out += digits;
  if (fixed && digits.find('.') == std::string_view::npos) out += ".0";
}

void append_string(const std::string& text, std::string& out) {
  out += Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
}

void dump(const Json& value, int indent, int level, std::string& out) {
  const auto separate = [&](bool first, int at) {
    if (!first) out += indent < 0 ? ", " : ",";
    if (indent < 0) return;
    out += '\n';
    out.append(static_cast<size_t>(indent) * static_cast<size_t>(at), ' ');
  };
  if ((value.is_object() || value.is_array()) && value.empty()) {
    out += value.is_object() ? "{}" : "[]";
  } else if (value.is_object()) {
    out += '{';
    bool first = true;
    for (const auto& [key, item] : value.get_ref<const Json::object_t&>()) {
      separate(first, level + 1);
      first = false;
      append_string(key, out);
      out += ": ";
      dump(item, indent, level + 1, out);
    }
    separate(true, level);
    out += '}';
  } else if (value.is_array()) {
    out += '[';
    bool first = true;
    for (const Json& item : value) {
      separate(first, level + 1);
      first = false;
      dump(item, indent, level + 1, out);
    }
    separate(true, level);
    out += ']';
  } else if (value.is_number_float()) {
    append_float(value.get<double>(), out);
  } else if (value.is_string()) {
    append_string(value.get_ref<const std::string&>(), out);
  } else {
    out += value.dump();
  }
}

}  // namespace

Json parse_json(std::string_view text, std::string_view source, JsonOptions options) {
  const bool has_stand_ins =
      text.find("NaN") != std::string_view::npos || text.find("Infinity") != std::string_view::npos;
  const std::string replaced = has_stand_ins ? with_stand_ins(text) : std::string();
  const std::string_view input = has_stand_ins ? std::string_view(replaced) : text;
  ValueBuilder builder(text, source, options, has_stand_ins);
  Json::sax_parse(input.begin(), input.end(), &builder);
  return builder.take();
}

std::string dump_json(const Json& value, int indent) {
  std::string out;
  dump(value, indent, 0, out);
  return out;
}

}  // namespace exformer
