// Finds symbols in the sizes themselves: torch's range_constraints need not list all of them.
#include "exformer/backends/pt2/symbol_reader.h"

#include <algorithm>
#include <cctype>
#include <limits>

#include "exformer/backends/pt2/json_access.h"
#include "exformer/backends/pt2/torch_schema.h"
#include "exformer/symbolic/printers.h"

namespace exformer::pt2 {
namespace {

constexpr std::string_view kOpen = "Symbol('";
constexpr int64_t kTorchSmallestSize = 2;  // what export writes when a dim has no lower bound

// Calls visit(name, rest of the text after the name) for each Symbol('name' of an srepr text.
template <class Visit>
void for_each_symbol(const std::string& text, Visit&& visit) {
  for (size_t start = text.find(kOpen); start != std::string::npos; start = text.find(kOpen, start + 1)) {
    const size_t name = start + kOpen.size();
    const size_t end = text.find('\'', name);
    if (end == std::string::npos) return;
    visit(text.substr(name, end - name), start, end + 1);
  }
}

bool is_unbacked(const std::string& name) {
  return name.size() > 1 && name[0] == 'u' &&
         std::all_of(name.begin() + 1, name.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

bool is_name(const std::string& name) {
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.'; });
}

}  // namespace

SymbolReader::SymbolReader(const Json& model, SymContext& context) : context_(&context) {
  const Json& graph_module = member(model, "graph_module");
  scan_graph(member(graph_module, "graph"));
  if (const Json* metadata = optional_member(graph_module, "metadata")) {
    if (const Json* table = optional_member(*metadata, kSymbolNamesKey)) {
      const Json names = parse_json(text_of(*table, kSymbolNamesKey), kSymbolNamesKey);
      if (!names.is_object()) fail(".pt2: '{}' must be an object", kSymbolNamesKey);
      for (const auto& [torch_name, ours] : names.items()) {
        if (!is_name(text_of(ours, torch_name))) fail(".pt2: '{}' is no name for a size", ours.get<std::string>());
        names_[torch_name] = ours.get<std::string>();
      }
    }
  }
  declare(model);
}

void SymbolReader::scan_graph(const Json& graph) {
  for (const auto& [name, meta] : object_member(graph, "tensor_values").items()) {
    for (const Json& size : list_member(meta, "sizes")) scan(size);
    for (const Json& stride : list_member(meta, "strides")) scan(stride);
  }
  for (const auto& [name, value] : object_member(graph, "sym_int_values").items()) scan(value);
  for (const Json& node : list_member(graph, "nodes")) {
    for (const Json& input : list_member(node, "inputs")) {
      if (const Json* inner = optional_member(member(input, "arg"), "as_graph")) scan_graph(member(*inner, "graph"));
    }
  }
}

void SymbolReader::scan(const Json& value) {
  const Json* expression = optional_member(value, "as_expr");
  if (!expression) return;
  const std::string& text = text_member(*expression, "expr_str");
  for_each_symbol(text, [&](const std::string& name, size_t start, size_t rest) {
    const auto [entry, is_new] = found_.try_emplace(name);
    if (is_new) order_.push_back(name);
    const size_t close = text.find(')', rest);
    if (close == std::string::npos) return;
    entry->second.positive =
        entry->second.positive || text.substr(rest, close - rest).find("positive=True") != std::string::npos;
    if (start != 0 || close + 1 != text.size()) return;
    if (const Json* hint = optional_member(*expression, "hint")) {
      if (const Json* sample = optional_member(*hint, "as_int")) entry->second.hint = integer_of(*sample, "as_int");
    }
  });
}

void SymbolReader::declare(const Json& model) {
  const Json* ranges = optional_member(model, "range_constraints");
  for (const std::string& name : order_) {
    const Found& found = found_[name];
    Symbol symbol;
    symbol.unbacked = is_unbacked(name);
    symbol.hint = found.hint;
    symbol.min = found.positive ? 1 : symbol.unbacked ? std::numeric_limits<int64_t>::min() : 0;
    if (const Json* range = ranges ? optional_member(*ranges, name) : nullptr) {
      if (const Json* low = optional_member(*range, "min_val")) {
        const int64_t value = integer_of(*low, "min_val");
        symbol.min = !symbol.unbacked && value == kTorchSmallestSize ? 1 : value;
      }
      if (const Json* high = optional_member(*range, "max_val")) symbol.max = integer_of(*high, "max_val");
    }
    const auto ours = names_.find(name);
    symbol.name = ours == names_.end() ? name : ours->second;
    if (!is_name(symbol.name)) fail(".pt2: '{}' is no name for a size", symbol.name);
    if (symbol.min > symbol.max)
      fail(".pt2: size '{}' has the empty range [{}, {}]", symbol.name, symbol.min, symbol.max);
    if (context_->find(symbol.name)) fail(".pt2: two sizes are named '{}'", symbol.name);
    context_->symbol(symbol);
  }
}

std::string SymbolReader::renamed(const std::string& expression) const {
  if (names_.empty()) return expression;
  std::string result;
  size_t position = 0;
  for_each_symbol(expression, [&](const std::string& name, size_t start, size_t rest) {
    const auto ours = names_.find(name);
    if (ours == names_.end()) return;
    result.append(expression, position, start + kOpen.size() - position).append(ours->second).push_back('\'');
    position = rest;
  });
  return result.append(expression, position);
}

SymInt SymbolReader::read(const Json& value) {
  const auto [kind, content] = union_of(value, "SymInt");
  if (kind == "as_int") return integer_of(content, kind);
  if (kind != "as_expr") fail(".pt2: a size is '{}', expected as_int or as_expr", kind);
  const std::string& text = text_member(content, "expr_str");
  const auto cached = cache_.find(text);
  if (cached != cache_.end()) return cached->second;
  const SymInt expression = parse_sympy(*context_, renamed(text));
  cache_.emplace(text, expression);
  return expression;
}

std::optional<SymInt> SymbolReader::read_condition(const Json& value) {
  const auto [kind, content] = union_of(value, "SymBool");
  if (kind == "as_bool") return SymInt(bool_of(content, kind) ? 1 : 0);
  if (kind != "as_expr") fail(".pt2: a condition is '{}', expected as_bool or as_expr", kind);
  const std::string& text = text_member(content, "expr_str");
  if (text == "true") return SymInt(1);
  if (text == "false") return SymInt(0);
  try {
    return parse_sympy(*context_, renamed(text));
  } catch (const ExportError&) {
    return std::nullopt;
  }
}

TensorMeta SymbolReader::read_meta(const Json& meta) {
  TensorMeta result;
  const int64_t number = integer_member(meta, "dtype");
  const auto dtype = dtype_of_scalar_type(number);
  if (!dtype) unsupported(".pt2: scalar type {} of torch is not supported", number);
  result.dtype = *dtype;
  if (integer_member(meta, "layout") != kStridedLayout) unsupported(".pt2: only strided tensors are supported");
  for (const Json& size : list_member(meta, "sizes")) {
    const SymInt value = read(size);
    if (value.is_constant() && value.value() < 0) fail(".pt2: negative size {}", value.value());
    result.sizes.push_back(value);
  }
  for (const Json& stride : list_member(meta, "strides")) result.strides.push_back(read(stride));
  if (result.sizes.size() != result.strides.size()) {
    fail(".pt2: a tensor has {} sizes and {} strides", result.sizes.size(), result.strides.size());
  }
  return result;
}

}  // namespace exformer::pt2
