// The grammar that both text forms share: Python's integer operators, names and calls. Internal to symbolic/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "exformer/symbolic/sym_expr.h"

namespace exformer {

/// Recursive descent with Python's precedence: + -, then * // %, then unary -, then **.
class ExpressionParser {
 public:
  ExpressionParser(SymContext& context, std::string_view text) : context_(context), text_(text) {}
  virtual ~ExpressionParser() = default;

  /// The whole text as one expression; ExportError otherwise.
  SymInt parse_all();

 protected:
  /// `name(` has been read; reads the arguments and the closing parenthesis.
  virtual SymInt parse_call(std::string_view name) = 0;

  SymInt parse_sum();
  /// Expressions up to the closing parenthesis.
  std::vector<SymInt> parse_arguments();
  /// A declared symbol; unknown names throw with those that are declared.
  SymInt symbol(std::string_view name) const;
  /// Skips blanks and reads `token` if it comes next.
  bool accept(std::string_view token);
  void expect(std::string_view token);
  /// Letters, digits, '_' and '.', beginning with a letter or '_'; empty when none comes next.
  std::string_view read_name();
  char peek();
  size_t position() const { return position_; }
  std::string_view text() const { return text_; }
  void move_to(size_t position) { position_ = position; }
  [[noreturn]] void error(std::string_view expected);
  /// base ** exponent; the exponent must be a small constant.
  SymInt power(const SymInt& base, const SymInt& exponent) const;
  /// `arguments` folded with a binary operation; at least one is needed.
  SymInt fold(std::string_view name, const std::vector<SymInt>& arguments,
              SymInt (*operation)(const SymInt&, const SymInt&)) const;
  void need_arguments(std::string_view name, const std::vector<SymInt>& arguments, size_t count) const;

  SymContext& context_;

 private:
  SymInt parse_product();
  SymInt parse_unary();
  SymInt parse_power();
  SymInt parse_atom();
  SymInt parse_number(bool negated);

  std::string_view text_;
  size_t position_ = 0;
  int depth_ = 0;
};

}  // namespace exformer
