// Appends compact JSON to a text; for files of many megabytes, where a tree of values would be slow and large.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace exformer::pt2 {

/// Commas are placed by the writer; nesting is the caller's business.
class JsonText {
 public:
  JsonText& begin_object() { return open('{'); }
  JsonText& end_object() { return close('}'); }
  JsonText& begin_list() { return open('['); }
  JsonText& end_list() { return close(']'); }
  JsonText& key(std::string_view name) {
    value(name);
    text_.push_back(':');
    comma_ = false;
    return *this;
  }
  JsonText& value(std::string_view text) {
    separate();
    quote(text);
    return *this;
  }
  JsonText& value(const char* text) { return value(std::string_view(text)); }
  JsonText& value(const std::string& text) { return value(std::string_view(text)); }
  JsonText& value(bool flag) { return raw(flag ? "true" : "false"); }
  JsonText& value(int64_t number) {
    separate();
    fmt::format_to(std::back_inserter(text_), "{}", number);
    return *this;
  }
  /// Finite numbers always look like a float; the others are the strings that torch's reader turns back into floats.
  JsonText& value(double number) {
    if (std::isnan(number)) return value("NaN");
    if (std::isinf(number)) return value(number > 0 ? "Infinity" : "-Infinity");
    std::string digits = fmt::format("{}", number);
    if (digits.find_first_of(".e") == std::string::npos) digits += ".0";
    return raw(digits);
  }
  JsonText& null() { return raw("null"); }
  /// A piece of JSON that is complete in itself.
  JsonText& raw(std::string_view json) {
    separate();
    text_.append(json);
    return *this;
  }
  template <class T>
  JsonText& member(std::string_view name, T&& item) {
    return key(name).value(std::forward<T>(item));
  }

  bool empty() const { return text_.empty(); }
  const std::string& text() const { return text_; }

 private:
  JsonText& open(char bracket) {
    separate();
    text_.push_back(bracket);
    comma_ = false;
    return *this;
  }
  JsonText& close(char bracket) {
    text_.push_back(bracket);
    comma_ = true;
    return *this;
  }
  void separate() {
    if (comma_) text_.push_back(',');
    comma_ = true;
  }
  void quote(std::string_view text) {
    text_.push_back('"');
    for (const char c : text) {
      if (c == '"' || c == '\\') {
        text_.push_back('\\');
        text_.push_back(c);
      } else if (static_cast<unsigned char>(c) < 0x20) {
        fmt::format_to(std::back_inserter(text_), "\\u{:04x}", static_cast<unsigned>(c));
      } else {
        text_.push_back(c);
      }
    }
    text_.push_back('"');
  }

  std::string text_;
  bool comma_ = false;
};

}  // namespace exformer::pt2
