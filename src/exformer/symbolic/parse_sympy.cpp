// Reads sympy expressions as torch 2.13 writes them: srepr in `.pt2` files, str in annotations and guards.
// Function names and their meaning follow torch/utils/_sympy/functions.py.
#include "exformer/symbolic/conditions.h"
#include "exformer/symbolic/expression_parser.h"
#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

SymInt add(const SymInt& a, const SymInt& b) { return a + b; }
SymInt multiply(const SymInt& a, const SymInt& b) { return a * b; }

class SympyParser : public ExpressionParser {
 public:
  using ExpressionParser::ExpressionParser;

 private:
  SymInt parse_call(std::string_view name) override {
    if (name == "Symbol") return parse_symbol();
    static constexpr std::string_view kKnown[] = {"Integer",     "Identity",
                                                  "Add",         "Mul",
                                                  "Pow",         "PowByNatural",
                                                  "Max",         "Min",
                                                  "Mod",         "PythonMod",
                                                  "FloorDiv",    "CleanDiv",
                                                  "CeilDiv",     "ModularIndexing",
                                                  "Equality",    "Unequality",
                                                  "GreaterThan", "StrictGreaterThan",
                                                  "LessThan",    "StrictLessThan",
                                                  "Not",         "And",
                                                  "Or"};
    bool known = false;
    for (const std::string_view candidate : kKnown) known = known || candidate == name;
    // Before the arguments are read: those of other functions need not be integers.
    if (!known) unsupported("the function '{}' in the size expression '{}'", name, text().substr(0, 200));

    const std::vector<SymInt> arguments = parse_arguments();
    if (name == "Add") return arguments.empty() ? SymInt(0) : fold(name, arguments, add);
    if (name == "Mul") return arguments.empty() ? SymInt(1) : fold(name, arguments, multiply);
    if (name == "Max") return fold(name, arguments, sym_max);
    if (name == "Min") return fold(name, arguments, sym_min);
    if (name == "And") return fold(name, arguments, sym_min);
    if (name == "Or") return fold(name, arguments, sym_max);
    if (name == "Not") {
      need_arguments(name, arguments, 1);
      return negated(arguments[0]);
    }
    if (name == "Integer" || name == "Identity") {
      need_arguments(name, arguments, 1);
      return arguments[0];
    }
    if (name == "ModularIndexing") {  // ModularIndexing(a, b, c) = (a // b) % c
      need_arguments(name, arguments, 3);
      return mod(floordiv(arguments[0], arguments[1]), arguments[2]);
    }
    need_arguments(name, arguments, 2);
    if (name == "Equality") return is_equal(arguments[0], arguments[1]);
    if (name == "Unequality") return negated(is_equal(arguments[0], arguments[1]));
    if (name == "GreaterThan") return at_least(arguments[0], arguments[1]);
    if (name == "LessThan") return at_least(arguments[1], arguments[0]);
    if (name == "StrictGreaterThan") return at_least(arguments[0], arguments[1] + 1);
    if (name == "StrictLessThan") return at_least(arguments[1], arguments[0] + 1);
    if (name == "Pow" || name == "PowByNatural") return power(arguments[0], arguments[1]);
    if (name == "Mod" || name == "PythonMod") return mod(arguments[0], arguments[1]);
    if (name == "CeilDiv") return floordiv(arguments[0] + (arguments[1] - 1), arguments[1]);
    return floordiv(arguments[0], arguments[1]);
  }

  // Symbol('s0', positive=True, integer=True): the assumptions are the declaration's business.
  SymInt parse_symbol() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') error("a quoted name");
    const size_t start = position() + 1;
    const size_t end = text().find(quote, start);
    if (end == std::string_view::npos) error("a closing quote");
    const std::string_view name = text().substr(start, end - start);
    move_to(end + 1);
    while (accept(",")) {
      if (read_name().empty()) error("an assumption such as integer=True");
      expect("=");
      if (const std::string_view value = read_name(); value != "True" && value != "False") error("True or False");
    }
    expect(")");
    return symbol(name);
  }
};

}  // namespace

SymInt parse_sympy(SymContext& context, std::string_view text) { return SympyParser(context, text).parse_all(); }

}  // namespace exformer
