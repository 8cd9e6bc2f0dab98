#include "exformer/ops/text_parser.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>

#include "exformer/ir/text.h"
#include "exformer/ops/builder.h"
#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

class TextParser {
 public:
  TextParser(std::string_view text, const OpRegistry& ops)
      : text_(text), ops_(ops), graph_(std::make_unique<Graph>()) {}

  std::unique_ptr<Graph> parse() {
    skip();
    if (accept("symbols:")) parse_symbols();
    expect("graph");
    expect("(");
    if (!peek(")")) {
      do parse_input();
      while (accept(","));
    }
    expect(")");
    expect(":");
    while (!peek("return")) parse_node();
    expect("return");
    std::vector<Argument> outputs;
    const bool parenthesised = accept("(");
    if (!parenthesised || !peek(")")) {
      do outputs.push_back(parse_argument());
      while (accept(","));
    }
    if (parenthesised) expect(")");
    graph_->set_outputs(std::move(outputs));
    skip();
    if (position_ != text_.size()) fault("text after the end of the graph");
    return std::move(graph_);
  }

 private:
  void parse_symbols() {
    do {
      Symbol symbol;
      symbol.name = take_word();
      expect("in");
      expect("[");
      symbol.min = take_integer();
      expect(",");
      symbol.max = accept("inf") ? kUnbounded : take_integer();
      expect("]");
      if (accept("by")) symbol.divisor = take_integer();
      if (accept("unbacked")) symbol.unbacked = true;
      graph_->symbols().symbol(symbol);
    } while (accept(","));
  }

  void parse_input() {
    const std::string name = take_value_name();
    expect(":");
    graph_->add_input(name, parse_meta());
  }

  TensorMeta parse_meta() {
    const std::string word = take_word();
    const auto dtype = parse_dtype(word);
    if (!dtype) fault("unknown dtype '" + word + "'");
    TensorMeta meta = contiguous_meta(*dtype, parse_sizes());
    if (accept("strides")) meta.strides = parse_sizes();
    return meta;
  }

  std::vector<SymInt> parse_sizes() {
    std::vector<SymInt> sizes;
    expect("[");
    if (!peek("]")) {
      do sizes.push_back(parse_sym());
      while (accept(","));
    }
    expect("]");
    return sizes;
  }

  /// An expression up to the next top-level ',', ')' or ']'; symbols not seen before are declared as dims >= 1.
  SymInt parse_sym() {
    skip();
    const size_t start = position_;
    int depth = 0;
    while (position_ < text_.size()) {
      const char c = text_[position_];
      if (depth == 0 && (c == ',' || c == ')' || c == ']' || c == '\n')) break;
      if (c == '(') ++depth;
      if (c == ')') --depth;
      ++position_;
    }
    const std::string_view expression = text_.substr(start, position_ - start);
    declare_symbols(expression);
    return graph_->symbols().parse(expression);
  }

  void declare_symbols(std::string_view expression) {
    size_t i = 0;
    while (i < expression.size()) {
      if (!is_word_start(expression[i])) {
        i += std::isdigit(static_cast<unsigned char>(expression[i])) ? digits(expression.substr(i)) : 1;
        continue;
      }
      const size_t start = i;
      while (i < expression.size() && is_word(expression[i])) ++i;
      const bool is_function = i < expression.size() && expression[i] == '(';
      const std::string name(expression.substr(start, i - start));
      if (!is_function && !graph_->symbols().find(name)) graph_->symbols().symbol({.name = name});
    }
  }

  void parse_node() {
    struct Result {
      std::string name;
      std::optional<TensorMeta> meta;
    };
    std::vector<Result> results;
    if (peek("%")) {
      do {
        Result result{take_value_name(), std::nullopt};
        if (accept(":")) result.meta = parse_meta();
        results.push_back(std::move(result));
      } while (accept(","));
      expect("=");
    }
    std::string op_name = take_word();
    while (position_ < text_.size() && (text_[position_] == '.' || text_[position_] == ':')) {
      op_name += text_[position_++];
      if (is_word_start(text_[position_])) op_name += take_word();
    }
    const Op& op = ops_.get(op_name);
    expect("(");
    std::vector<Argument> positional;
    std::vector<std::pair<std::string_view, Argument>> named;
    if (!peek(")")) {
      do {
        if (const auto name = take_argument_name()) {
          named.emplace_back(*name, parse_argument());
        } else {
          positional.push_back(parse_argument());
        }
      } while (accept(","));
    }
    expect(")");
    GraphBuilder builder(*graph_, nullptr, ops_);
    Node* node = builder.append(op, bind_arguments<Value*>(op.schema, std::move(positional), std::move(named)));
    if (!results.empty() && results.size() != node->outputs().size()) {
      fault(op.schema.name + " has " + std::to_string(node->outputs().size()) + " results");
    }
    for (size_t i = 0; i < results.size(); ++i) {
      Value* output = node->output(i);
      if (results[i].meta && *results[i].meta != output->meta) {
        fault("%" + results[i].name + " is " + to_text(output->meta) + ", not " + to_text(*results[i].meta));
      }
      if (output->name != results[i].name && graph_->find_value(results[i].name))
        fault("%" + results[i].name + " is defined twice");
      graph_->rename(output, results[i].name);
    }
  }

  /// "name=" of a keyword argument, if that is what comes next.
  std::optional<std::string_view> take_argument_name() {
    skip();
    size_t end = position_;
    while (end < text_.size() && is_word(text_[end])) ++end;
    if (end == position_ || end >= text_.size() || text_[end] != '=') return std::nullopt;
    const std::string_view name = text_.substr(position_, end - position_);
    position_ = end + 1;
    return name;
  }

  Argument parse_argument() {
    skip();
    if (peek("%")) return parse_value();
    if (accept_word("None")) return None{};
    if (accept_word("True")) return true;
    if (accept_word("False")) return false;
    if (accept_word("cpu")) return Device::Cpu;
    if (accept_word("strided")) return Layout::Strided;
    if (accept_word("contiguous_format")) return MemoryFormat::Contiguous;
    if (accept_word("preserve_format")) return MemoryFormat::Preserve;
    if (accept_word("channels_last_3d")) return MemoryFormat::ChannelsLast3d;
    if (accept_word("channels_last")) return MemoryFormat::ChannelsLast;
    if (accept("'")) {
      const size_t end = text_.find('\'', position_);
      if (end == std::string_view::npos) fault("a string does not end");
      std::string value(text_.substr(position_, end - position_));
      position_ = end + 1;
      return value;
    }
    if (accept("[")) return parse_list();
    if (const auto real = take_real()) return *real;
    if (const auto dtype = take_dtype()) return *dtype;
    return parse_sym();
  }

  Argument parse_list() {
    std::vector<Argument> items;
    if (!peek("]")) {
      do items.push_back(parse_argument());
      while (accept(","));
    }
    expect("]");
    bool any_value = false, any_real = false, any_bool = false;
    for (const Argument& item : items) {
      any_value = any_value || item.is<Value*>();
      any_real = any_real || item.is<double>();
      any_bool = any_bool || item.is<bool>();
    }
    if (any_value) {
      std::vector<Value*> values;
      for (const Argument& item : items) values.push_back(item.is_none() ? nullptr : item.as<Value*>());
      return values;
    }
    if (any_bool) {
      std::vector<bool> values;
      for (const Argument& item : items) values.push_back(item.as<bool>());
      return values;
    }
    if (any_real) {
      std::vector<double> values;
      for (const Argument& item : items)
        values.push_back(item.is<double>() ? item.as<double>() : static_cast<double>(item.as<SymInt>().value()));
      return values;
    }
    std::vector<SymInt> values;
    for (const Argument& item : items) {
      if (!item.is<SymInt>()) fault("a list of this kind of items is not known");
      values.push_back(item.as<SymInt>());
    }
    return values;
  }

  Value* parse_value() {
    const std::string name = take_value_name();
    Value* value = graph_->find_value(name);
    if (!value) fault("%" + name + " is not defined");
    return value;
  }

  std::optional<double> take_real() {
    skip();
    size_t end = position_;
    bool is_real = false;
    if (text_.substr(end).starts_with("inf") || text_.substr(end).starts_with("-inf") ||
        text_.substr(end).starts_with("nan")) {
      const bool negative = text_[end] == '-';
      const bool nan = text_[end] == 'n';
      const size_t length = negative ? 4 : 3;
      if (end + length < text_.size() && is_word(text_[end + length])) return std::nullopt;
      position_ += length;
      if (nan) return std::numeric_limits<double>::quiet_NaN();
      return negative ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
    }
    while (end < text_.size()) {
      const char c = text_[end];
      const bool sign = (c == '-' || c == '+') && (end == position_ || text_[end - 1] == 'e');
      if (!std::isdigit(static_cast<unsigned char>(c)) && c != '.' && !(c == 'e' && end > position_) && !sign) break;
      is_real = is_real || c == '.' || c == 'e';
      ++end;
    }
    if (!is_real) return std::nullopt;
    double value = 0.0;
    const auto [rest, error] = std::from_chars(text_.data() + position_, text_.data() + end, value);
    if (error != std::errc() || rest != text_.data() + end) return std::nullopt;
    position_ = end;
    return value;
  }

  std::optional<DType> take_dtype() {
    skip();
    size_t end = position_;
    while (end < text_.size() && is_word(text_[end])) ++end;
    const auto dtype = parse_dtype(text_.substr(position_, end - position_));
    if (dtype) position_ = end;
    return dtype;
  }

  std::string take_value_name() {
    expect("%");
    return take_word();
  }

  std::string take_word() {
    skip();
    const size_t start = position_;
    while (position_ < text_.size() && is_word(text_[position_])) ++position_;
    if (start == position_) fault("a name is missing");
    return std::string(text_.substr(start, position_ - start));
  }

  int64_t take_integer() {
    skip();
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text_.data() + position_, text_.data() + text_.size(), value);
    if (error != std::errc()) fault("an integer is missing");
    position_ = static_cast<size_t>(end - text_.data());
    return value;
  }

  static bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }
  static bool is_word_start(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; }
  static size_t digits(std::string_view text) {
    size_t n = 0;
    while (n < text.size() && std::isdigit(static_cast<unsigned char>(text[n]))) ++n;
    return n;
  }

  void skip() {
    while (position_ < text_.size()) {
      if (std::isspace(static_cast<unsigned char>(text_[position_]))) {
        ++position_;
      } else if (text_[position_] == '#') {
        position_ = std::min(text_.find('\n', position_), text_.size());
      } else {
        break;
      }
    }
  }
  bool peek(std::string_view token) {
    skip();
    return text_.substr(position_).starts_with(token);
  }
  bool accept(std::string_view token) {
    if (!peek(token)) return false;
    position_ += token.size();
    return true;
  }
  bool accept_word(std::string_view word) {
    if (!peek(word)) return false;
    const size_t end = position_ + word.size();
    if (end < text_.size() && is_word(text_[end])) return false;
    position_ = end;
    return true;
  }
  void expect(std::string_view token) {
    if (!accept(token)) fault("'" + std::string(token) + "' is missing");
  }
  [[noreturn]] void fault(const std::string& what) {
    size_t line = 1, column = 1;
    for (size_t i = 0; i < std::min(position_, text_.size()); ++i) {
      column = text_[i] == '\n' ? 1 : column + 1;
      line += text_[i] == '\n' ? 1 : 0;
    }
    fail("graph text, line {}, column {}: {}", line, column, what);
  }

  std::string_view text_;
  size_t position_ = 0;
  const OpRegistry& ops_;
  std::unique_ptr<Graph> graph_;
};

}  // namespace

std::unique_ptr<Graph> parse_graph(std::string_view text, const OpRegistry& ops) {
  return TextParser(text, ops).parse();
}

}  // namespace exformer
