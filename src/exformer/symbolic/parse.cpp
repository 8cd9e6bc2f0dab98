// The shared expression grammar, and the text form that to_string prints.
#include <algorithm>

#include "exformer/symbolic/expression_parser.h"

namespace exformer {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

class OwnParser : public ExpressionParser {
 public:
  using ExpressionParser::ExpressionParser;

 private:
  SymInt parse_call(std::string_view name) override {
    const size_t start = position();
    const std::vector<SymInt> arguments = parse_arguments();
    if (name == "min") return fold(name, arguments, sym_min);
    if (name == "max") return fold(name, arguments, sym_max);
    if (name == "floordiv" || name == "mod") {
      need_arguments(name, arguments, 2);
      return name == "mod" ? mod(arguments[0], arguments[1]) : floordiv(arguments[0], arguments[1]);
    }
    move_to(start - name.size() - 1);
    error("one of floordiv, mod, min, max");
  }
};

}  // namespace

void ExpressionParser::error(std::string_view expected) {
  const std::string found = position_ < text_.size() ? fmt::format("'{}'", text_.substr(position_, 20)) : "the end";
  fail("cannot read the size expression '{}': expected {} at offset {}, found {}", text_.substr(0, 200), expected,
       position_, found);
}

char ExpressionParser::peek() {
  while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\t')) ++position_;
  return position_ < text_.size() ? text_[position_] : '\0';
}

bool ExpressionParser::accept(std::string_view token) {
  peek();
  if (text_.substr(position_, token.size()) != token) return false;
  if (token == "*" && text_.substr(position_, 2) == "**") return false;
  position_ += token.size();
  return true;
}

void ExpressionParser::expect(std::string_view token) {
  if (!accept(token)) error(fmt::format("'{}'", token));
}

std::string_view ExpressionParser::read_name() {
  if (!is_letter(peek())) return {};
  const size_t start = position_;
  while (position_ < text_.size() &&
         (is_letter(text_[position_]) || is_digit(text_[position_]) || text_[position_] == '.')) {
    ++position_;
  }
  return text_.substr(start, position_ - start);
}

SymInt ExpressionParser::symbol(std::string_view name) const {
  if (const auto found = context_.find(name)) return *found;
  std::vector<std::string_view> known;
  constexpr size_t kMaxListed = 12;
  for (const Symbol& declared : context_.symbols()) {
    if (known.size() == kMaxListed) {
      known.push_back("...");
      break;
    }
    known.push_back(declared.name);
  }
  fail("unknown dimension '{}' in the size expression '{}'; declared: {}", name, text_.substr(0, 200),
       known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", ")));
}

void ExpressionParser::need_arguments(std::string_view name, const std::vector<SymInt>& arguments, size_t count) const {
  if (arguments.size() != count) {
    fail("{} takes {} arguments, {} given in the size expression '{}'", name, count, arguments.size(),
         text_.substr(0, 200));
  }
}

SymInt ExpressionParser::fold(std::string_view name, const std::vector<SymInt>& arguments,
                              SymInt (*operation)(const SymInt&, const SymInt&)) const {
  if (arguments.empty()) fail("{} needs arguments in the size expression '{}'", name, text_.substr(0, 200));
  SymInt result = arguments[0];
  for (size_t i = 1; i < arguments.size(); ++i) result = operation(result, arguments[i]);
  return result;
}

SymInt ExpressionParser::power(const SymInt& base, const SymInt& exponent) const {
  constexpr int64_t kMaxExponent = 64;
  if (!exponent.is_constant() || exponent.value() < 0 || exponent.value() > kMaxExponent) {
    unsupported("a power in the size expression '{}': the exponent must be a constant from 0 to {}",
                text_.substr(0, 200), kMaxExponent);
  }
  SymInt result = 1;
  for (int64_t i = 0; i < exponent.value(); ++i) result = result * base;
  return result;
}

SymInt ExpressionParser::parse_all() {
  const SymInt result = parse_sum();
  if (peek() != '\0' || position_ != text_.size()) error("an operator or the end");
  return result;
}

std::vector<SymInt> ExpressionParser::parse_arguments() {
  std::vector<SymInt> arguments;
  if (accept(")")) return arguments;
  do {
    arguments.push_back(parse_sum());
  } while (accept(","));
  expect(")");
  return arguments;
}

SymInt ExpressionParser::parse_sum() {
  SymInt result = parse_product();
  while (true) {
    if (accept("+")) {
      result = result + parse_product();
    } else if (accept("-")) {
      result = result - parse_product();
    } else {
      return result;
    }
  }
}

SymInt ExpressionParser::parse_product() {
  SymInt result = parse_unary();
  while (true) {
    if (accept("*")) {
      result = result * parse_unary();
    } else if (accept("//")) {
      result = floordiv(result, parse_unary());
    } else if (accept("%")) {
      result = mod(result, parse_unary());
    } else {
      return result;
    }
  }
}

SymInt ExpressionParser::parse_unary() {
  constexpr int kMaxDepth = 256;  // bounds the recursion over parentheses and signs
  if (++depth_ > kMaxDepth) error(fmt::format("at most {} levels", kMaxDepth));
  SymInt result;
  if (accept("+")) {
    result = parse_unary();
  } else if (accept("-")) {
    // The smallest integer has no positive counterpart.
    const size_t start = position_;
    if (is_digit(peek())) {
      result = parse_number(true);
      if (accept("**")) {
        position_ = start;
        result = -parse_power();
      }
    } else {
      result = -parse_unary();
    }
  } else {
    result = parse_power();
  }
  --depth_;
  return result;
}

SymInt ExpressionParser::parse_power() {
  const SymInt base = parse_atom();
  return accept("**") ? power(base, parse_unary()) : base;
}

SymInt ExpressionParser::parse_number(bool negated) {
  uint64_t value = 0;
  const uint64_t limit = static_cast<uint64_t>(kInt64Max) + (negated ? 1 : 0);
  const size_t start = position_;
  for (; position_ < text_.size() && is_digit(text_[position_]); ++position_) {
    const uint64_t digit = static_cast<uint64_t>(text_[position_] - '0');
    if (value > (limit - digit) / 10) {
      position_ = start;
      error("an integer of 64 bits");
    }
    value = value * 10 + digit;
  }
  return negated ? static_cast<int64_t>(~value + 1) : static_cast<int64_t>(value);
}

SymInt ExpressionParser::parse_atom() {
  if (is_digit(peek())) return parse_number(false);
  if (accept("(")) {
    const SymInt inner = parse_sum();
    expect(")");
    return inner;
  }
  const std::string_view name = read_name();
  if (name.empty()) error("a number, a dimension or '('");
  if (accept("(")) return parse_call(name);
  return symbol(name);
}

SymInt SymContext::parse(std::string_view text) { return OwnParser(*this, text).parse_all(); }

}  // namespace exformer
