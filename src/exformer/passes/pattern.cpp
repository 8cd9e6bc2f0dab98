#include "exformer/passes/pattern.h"

#include <algorithm>
#include <charconv>

#include "exformer/base/error.h"

namespace exformer {
namespace {

class PatternParser {
 public:
  PatternParser(std::string_view text, const OpRegistry& ops, std::string_view source)
      : text_(text), ops_(ops), source_(source) {}

  Pattern parse() {
    Pattern pattern;
    expect("graph");
    expect("(");
    while (!accept(")")) {
      pattern.inputs.push_back(value_name());
      accept(",");
    }
    expect(":");
    while (!accept("return")) pattern.nodes.push_back(node());
    pattern.result = value_name();
    skip();
    if (position_ != text_.size()) fault("the end");
    return pattern;
  }

 private:
  PatternNode node() {
    PatternNode result;
    do result.results.push_back(value_name());
    while (accept(","));
    expect("=");
    result.op = &ops_.get(word());
    expect("(");
    size_t position = 0;
    while (!accept(")")) {
      const size_t before = position_;
      const std::string name = word();
      if (!name.empty() && accept("=")) {
        result.arguments.emplace_back(result.op->schema.position(name), argument());
      } else {
        position_ = before;
        if (position >= result.op->schema.arguments.size()) fault("at most " + std::to_string(position) + " arguments");
        result.arguments.emplace_back(position++, argument());
      }
      accept(",");
    }
    return result;
  }

  PatternArgument argument() {
    skip();
    if (peek() == '%') return {PatternArgument::Kind::Value, value_name(), {}};
    if (accept("?")) return {PatternArgument::Kind::AnyConstant, word(), {}};
    if (accept("sizes(")) {
      PatternArgument sizes{PatternArgument::Kind::Sizes, value_name(), {}};
      expect(")");
      return sizes;
    }
    return {PatternArgument::Kind::Constant, "", constant()};
  }

  Argument constant() {
    if (accept("None")) return None{};
    if (accept("True")) return true;
    if (accept("False")) return false;
    if (accept("'")) {
      const size_t end = text_.find('\'', position_);
      if (end == std::string_view::npos) fault("a closing quote");
      std::string value(text_.substr(position_, end - position_));
      position_ = end + 1;
      return value;
    }
    if (accept("[")) {
      std::vector<SymInt> items;
      while (!accept("]")) {
        const Argument item = number();
        items.push_back(item.as<SymInt>());
        accept(",");
      }
      return items;
    }
    skip();
    if (peek() == '-' || peek() == '.' || (peek() >= '0' && peek() <= '9')) return number();
    const std::string name = word();
    if (const auto dtype = parse_dtype(name)) return *dtype;
    fault("a constant");
  }

  Argument number() {
    skip();
    const char* begin = text_.data() + position_;
    const char* end = text_.data() + text_.size();
    double real = 0;
    const auto as_real = std::from_chars(begin, end, real);
    int64_t integer = 0;
    const auto as_integer = std::from_chars(begin, end, integer);
    if (as_real.ec != std::errc()) fault("a number");
    position_ = static_cast<size_t>(as_real.ptr - text_.data());
    if (as_integer.ptr == as_real.ptr) return integer;
    return real;
  }

  std::string value_name() {
    expect("%");
    return word();
  }

  std::string word() {
    skip();
    const size_t begin = position_;
    const auto is_word = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    };
    while (position_ < text_.size() && is_word(text_[position_])) ++position_;
    return std::string(text_.substr(begin, position_ - begin));
  }

  void skip() {
    while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\n')) ++position_;
  }
  char peek() const { return position_ < text_.size() ? text_[position_] : '\0'; }
  bool accept(std::string_view token) {
    skip();
    if (text_.substr(position_, token.size()) != token) return false;
    position_ += token.size();
    return true;
  }
  void expect(std::string_view token) {
    if (!accept(token)) fault(std::string("'") + std::string(token) + "'");
  }
  [[noreturn]] void fault(const std::string& expected) const {
    fail("rewrite {}: expected {} before '{}'", source_, expected, text_.substr(position_, 40));
  }

  std::string_view text_;
  const OpRegistry& ops_;
  std::string_view source_;
  size_t position_ = 0;
};

}  // namespace

const PatternNode* Pattern::producer(std::string_view value) const {
  for (const PatternNode& node : nodes) {
    if (std::find(node.results.begin(), node.results.end(), value) != node.results.end()) return &node;
  }
  return nullptr;
}

Pattern parse_pattern(std::string_view text, const OpRegistry& ops, std::string_view source) {
  return PatternParser(text, ops, source).parse();
}

}  // namespace exformer
