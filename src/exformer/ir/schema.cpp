#include "exformer/ir/schema.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "exformer/base/error.h"

namespace exformer {
namespace {

/// Reads the notation of native_functions.yaml from left to right.
class SchemaParser {
 public:
  explicit SchemaParser(std::string_view text) : text_(text) {}

  OpSchema parse() {
    OpSchema schema;
    schema.name = std::string(take_until('('));
    if (!at(")")) {
      bool keyword_only = false;
      do {
        skip_spaces();
        if (accept("*")) {
          keyword_only = true;
          continue;
        }
        SchemaArgument argument = parse_argument();
        argument.keyword_only = keyword_only;
        schema.arguments.push_back(std::move(argument));
      } while (accept(","));
    }
    expect(")");
    skip_spaces();
    expect("->");
    skip_spaces();
    if (accept("(")) {
      skip_spaces();
      if (!at(")")) {
        do {
          schema.returns.push_back(parse_return());
          skip_spaces();
        } while (accept(","));
      }
      expect(")");
    } else {
      schema.returns.push_back(parse_return());
    }
    return schema;
  }

 private:
  struct Type {
    ArgType type;
    bool optional = false, mutated = false, aliased = false;
    int64_t fixed_length = 0;
  };

  Type parse_type() {
    skip_spaces();
    const std::string_view word = take_word();
    Type result{scalar_type(word)};
    if (accept("(")) {  // alias annotation: (a), (a!), (a -> *)
      const std::string_view alias = take_until(')');
      result.aliased = true;
      result.mutated = alias.find('!') != std::string_view::npos;
      expect(")");
    }
    const bool element_optional = at("?[");
    if (element_optional) accept("?");
    if (accept("[")) {
      const std::string_view length = take_until(']');
      if (!length.empty()) result.fixed_length = parse_integer(length);
      expect("]");
      result.type = list_type(result.type, element_optional);
    }
    if (accept("?")) result.optional = true;
    return result;
  }

  ArgType scalar_type(std::string_view word) {
    if (word == "Tensor") return ArgType::Tensor;
    if (word == "SymInt") return ArgType::SymInt;
    if (word == "int") return ArgType::Int;
    if (word == "float") return ArgType::Float;
    if (word == "bool") return ArgType::Bool;
    if (word == "Scalar") return ArgType::Scalar;
    if (word == "str") return ArgType::String;
    if (word == "ScalarType") return ArgType::DType;
    if (word == "Layout") return ArgType::Layout;
    if (word == "Device") return ArgType::Device;
    if (word == "MemoryFormat") return ArgType::MemoryFormat;
    if (word == "Generator") return ArgType::Generator;
    fault("unknown type '" + std::string(word) + "'");
  }

  ArgType list_type(ArgType element, bool element_optional) {
    switch (element) {
      case ArgType::Tensor: return element_optional ? ArgType::OptionalTensorList : ArgType::TensorList;
      case ArgType::SymInt: return ArgType::SymIntList;
      case ArgType::Int: return ArgType::IntList;
      case ArgType::Float: return ArgType::FloatList;
      case ArgType::Bool: return ArgType::BoolList;
      case ArgType::Scalar: return ArgType::ScalarList;
      default: fault("no lists of this type");
    }
  }

  SchemaArgument parse_argument() {
    const Type type = parse_type();
    SchemaArgument argument;
    argument.type = type.type;
    argument.optional = type.optional;
    argument.mutated = type.mutated;
    argument.aliased = type.aliased;
    argument.fixed_length = type.fixed_length;
    skip_spaces();
    argument.name = std::string(take_word());
    skip_spaces();
    if (accept("=")) {
      argument.has_default = true;
      argument.default_value = parse_default(type.type);
    }
    return argument;
  }

  BasicArgument<std::nullptr_t> parse_default(ArgType type) {
    if (accept("None")) return None{};
    if (accept("True")) return true;
    if (accept("False")) return false;
    if (accept("[")) {
      const std::string_view items = take_until(']');
      expect("]");
      std::vector<SymInt> values;
      size_t start = 0;
      while (start < items.size()) {
        const size_t comma = std::min(items.find(',', start), items.size());
        values.emplace_back(parse_integer(items.substr(start, comma - start)));
        start = comma + 1;
      }
      return values;
    }
    if (at("\"") || at("'")) {
      const char quote = text_[position_++];
      std::string value(take_until(quote));
      ++position_;
      return value;
    }
    const std::string_view word = take_number_or_word();
    if (word == "contiguous_format") return MemoryFormat::Contiguous;
    if (word == "preserve_format") return MemoryFormat::Preserve;
    if (word == "long") return DType::Int64;
    if (word == "float") return DType::Float32;
    if (word == "Mean") return 1;  // at::Reduction::Mean
    if (word.find_first_of(".eE") != std::string_view::npos) return std::stod(std::string(word));
    const int64_t integer = parse_integer(word);
    if (type == ArgType::Float) return static_cast<double>(integer);
    if (type == ArgType::IntList || type == ArgType::SymIntList) return std::vector<SymInt>{SymInt(integer)};
    return integer;
  }

  SchemaReturn parse_return() {
    const Type type = parse_type();
    skip_spaces();
    if (position_ < text_.size() &&
        (std::isalpha(static_cast<unsigned char>(text_[position_])) || text_[position_] == '_'))
      take_word();
    return {type.type, type.mutated, type.aliased};
  }

  int64_t parse_integer(std::string_view word) {
    while (!word.empty() && word.front() == ' ') word.remove_prefix(1);
    int64_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size())
      fault("'" + std::string(word) + "' is not an integer");
    return value;
  }

  std::string_view take_word() {
    const size_t start = position_;
    while (position_ < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[position_])) || text_[position_] == '_'))
      ++position_;
    if (start == position_) fault("a word is missing");
    return text_.substr(start, position_ - start);
  }

  std::string_view take_number_or_word() {
    const size_t start = position_;
    while (position_ < text_.size() && text_[position_] != ',' && text_[position_] != ')') ++position_;
    return text_.substr(start, position_ - start);
  }

  std::string_view take_until(char end) {
    const size_t found = text_.find(end, position_);
    if (found == std::string_view::npos) fault(std::string("'") + end + "' is missing");
    const std::string_view result = text_.substr(position_, found - position_);
    position_ = found + (end == '(' ? 1 : 0);
    return result;
  }

  bool at(std::string_view token) const { return text_.substr(position_).starts_with(token); }
  bool accept(std::string_view token) {
    if (!at(token)) return false;
    position_ += token.size();
    return true;
  }
  void expect(std::string_view token) {
    if (!accept(token)) fault("'" + std::string(token) + "' is missing");
  }
  void skip_spaces() {
    while (position_ < text_.size() && text_[position_] == ' ') ++position_;
  }
  [[noreturn]] void fault(const std::string& what) {
    fail("op schema '{}': {} at position {}", text_, what, position_);
  }

  std::string_view text_;
  size_t position_ = 0;
};

}  // namespace

size_t OpSchema::position(std::string_view argument) const {
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].name == argument) return i;
  }
  fail("{} has no argument '{}'", name, argument);
}

std::string OpSchema::base_name() const {
  const size_t start = name.find("::");
  const std::string bare = start == std::string::npos ? name : name.substr(start + 2);
  return bare.substr(0, bare.find('.'));
}

std::string OpSchema::torch_target() const {
  const size_t start = name.find("::");
  const std::string space = start == std::string::npos ? "aten" : name.substr(0, start);
  const std::string bare = start == std::string::npos ? name : name.substr(start + 2);
  return "torch.ops." + space + "." + bare + (bare.find('.') == std::string::npos ? ".default" : "");
}

OpSchema parse_schema(std::string_view text) { return SchemaParser(text).parse(); }

}  // namespace exformer
