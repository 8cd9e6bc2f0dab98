// Matches the rules of torch.fx.graph._Namespace.
#include "exformer/backends/pt2/names.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include <fmt/format.h>

namespace exformer::pt2 {
namespace {

constexpr std::array<std::string_view, 35> kKeywords{
    "False",  "None", "True",     "and",    "as",   "assert", "async",   "await",  "break", "class",  "continue", "def",
    "del",    "elif", "else",     "except", "for",  "from",   "finally", "global", "if",    "import", "in",       "is",
    "lambda", "not",  "nonlocal", "or",     "pass", "raise",  "return",  "try",    "while", "with",   "yield"};

// Lower-case Python builtins and the names that generated code imports; a node of that name would hide them.
constexpr std::array<std::string_view, 79> kTaken{
    "abs",       "aiter",   "all",       "anext",      "any",          "ascii",   "bin",     "bool",      "breakpoint",
    "bytearray", "bytes",   "callable",  "chr",        "classmethod",  "compile", "complex", "copyright", "credits",
    "delattr",   "dict",    "dir",       "divmod",     "enumerate",    "eval",    "exec",    "exit",      "filter",
    "float",     "format",  "frozenset", "getattr",    "globals",      "hasattr", "hash",    "help",      "hex",
    "id",        "input",   "int",       "isinstance", "issubclass",   "iter",    "len",     "license",   "list",
    "locals",    "map",     "max",       "memoryview", "min",          "next",    "object",  "oct",       "open",
    "ord",       "pow",     "print",     "property",   "quit",         "range",   "repr",    "reversed",  "round",
    "set",       "setattr", "slice",     "sorted",     "staticmethod", "str",     "sum",     "super",     "tuple",
    "type",      "vars",    "zip",       "inf",        "nan",          "torch",   "device"};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::string identifier(std::string_view name) {
  std::string result;
  for (const char c : name) {
    if (is_word(c)) {
      result.push_back(c);
    } else if (result.empty() || result.back() != '_') {
      result.push_back('_');
    }
  }
  if (result.empty()) result = "_unnamed";
  if (std::isdigit(static_cast<unsigned char>(result[0])) != 0) result.insert(0, "_");
  return result;
}

bool is_keyword(std::string_view name) {
  return std::find(kKeywords.begin(), kKeywords.end(), name) != kKeywords.end();
}

bool is_taken(std::string_view name) {
  return is_keyword(name) || name == "fx_pytree" || name == "pytree" || name == "NoneType" ||
         std::find(kTaken.begin(), kTaken.end(), name) != kTaken.end();
}

}  // namespace

bool is_python_identifier(std::string_view name) {
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
         std::all_of(name.begin(), name.end(), is_word) && !is_keyword(name);
}

Names::Names(const Graph& graph) {
  // Names that can stay come first, so that a made-up name never takes one of them.
  std::vector<const Value*> others;
  const auto keep_or_defer = [&](const Value* value, bool keep) {
    if (keep && used_.insert(value->name).second) {
      names_.emplace(value, value->name);
    } else {
      others.push_back(value);
    }
  };
  // A placeholder is named as forward() names its argument, be it a builtin ("input"); only keywords cannot stay.
  for (const Value* input : graph.inputs()) keep_or_defer(input, is_python_identifier(input->name));
  for (const auto& node : graph.nodes()) {
    for (const Value* output : node->outputs()) {
      keep_or_defer(output, is_python_identifier(output->name) && !is_taken(output->name));
    }
  }
  for (const Value* value : others) names_.emplace(value, fresh(value->name));
}

std::string Names::fresh(std::string_view base) {
  const std::string stem = identifier(base);
  std::string candidate = stem;
  int& count = counts_[stem];
  while (is_taken(candidate) || !used_.insert(candidate).second) candidate = fmt::format("{}_{}", stem, ++count);
  return candidate;
}

}  // namespace exformer::pt2
