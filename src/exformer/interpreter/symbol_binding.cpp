#include "exformer/interpreter/symbol_binding.h"

#include <fmt/format.h>

#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

std::string sizes_text(const std::vector<int64_t>& sizes) {
  return to_string(std::vector<SymInt>(sizes.begin(), sizes.end()));
}

std::string range_text(const Symbol& symbol) {
  std::string text = symbol.max == kUnbounded ? fmt::format("at least {}", symbol.min)
                                              : fmt::format("in [{}, {}]", symbol.min, symbol.max);
  if (symbol.divisor > 1) text += fmt::format(" and a multiple of {}", symbol.divisor);
  return text;
}

bool is_allowed(const Symbol& symbol, int64_t value) {
  return value >= symbol.min && (symbol.max == kUnbounded || value <= symbol.max) && value % symbol.divisor == 0;
}

const Symbol* find_symbol(const SymContext& symbols, std::string_view name) {
  for (const Symbol& symbol : symbols.symbols()) {
    if (symbol.name == name) return &symbol;
  }
  return nullptr;
}

}  // namespace

bool SymbolBinding::is_bound(const SymInt& expression) const {
  if (expression.is_constant()) return true;
  for (const std::string& name : free_symbols(expression)) {
    if (!values_.contains(name)) return false;
  }
  return true;
}

int64_t SymbolBinding::value(const SymInt& expression) const {
  if (expression.is_constant()) return expression.value();
  return evaluate(expression, [this](std::string_view name) {
    const auto found = values_.find(std::string(name));
    if (found == values_.end()) fail("the size {} is not known yet when it is needed", name);
    return found->second;
  });
}

void SymbolBinding::bind(std::string_view name, int64_t value) {
  const Symbol* symbol = find_symbol(*symbols_, name);
  if (symbol && !is_allowed(*symbol, value)) fail("size {} is {}, allowed is {}", name, value, range_text(*symbol));
  values_[std::string(name)] = value;
}

bool SymbolBinding::solve(const SymInt& expression, int64_t size) {
  std::vector<std::string> unknown;
  for (const std::string& name : free_symbols(expression)) {
    if (!values_.contains(name)) unknown.push_back(name);
  }
  if (unknown.size() != 1) return false;
  const auto at = [&](int64_t value) {
    return evaluate(expression,
                    [&](std::string_view name) { return name == unknown[0] ? value : values_.at(std::string(name)); });
  };
  // Linear ones only: two points give the line, a third shows that it is one.
  const int64_t slope = at(2) - at(1), start = at(1) - slope;
  if (slope == 0 || at(7) != start + 7 * slope || (size - start) % slope != 0) return false;
  const int64_t candidate = (size - start) / slope;
  if (at(candidate) != size) return false;
  values_[unknown[0]] = candidate;
  return true;
}

void SymbolBinding::bind_inputs(const ExportedProgram& program, const std::vector<HostTensor>& inputs) {
  const std::vector<const InputSpec*> specs = program.user_inputs();
  if (inputs.size() != specs.size()) {
    std::vector<std::string> names;
    for (const InputSpec* spec : specs) names.push_back(spec->target);
    fail("{} inputs were given, the program takes {}: {}", inputs.size(), specs.size(), fmt::join(names, ", "));
  }
  struct Pending {
    size_t input, dim;
  };
  std::vector<Pending> pending;
  for (size_t i = 0; i < specs.size(); ++i) {
    const TensorMeta& meta = specs[i]->value->meta;
    const HostTensor& tensor = inputs[i];
    const std::string& name = specs[i]->target;
    if (!tensor.defined())
      fail("input '{}' is missing; a {} tensor of sizes {} is expected", name, dtype_name(meta.dtype),
           to_string(meta.sizes));
    if (tensor.rank() != meta.rank()) {
      fail("input '{}' has {} dims (sizes {}), expected {} (sizes {})", name, tensor.rank(), sizes_text(tensor.sizes()),
           meta.rank(), to_string(meta.sizes));
    }
    if (tensor.dtype() != meta.dtype)
      fail("input '{}' is {}, expected {}", name, dtype_name(tensor.dtype()), dtype_name(meta.dtype));
    for (size_t dim = 0; dim < meta.sizes.size(); ++dim) {
      const SymInt& expected = meta.sizes[dim];
      const int64_t size = tensor.sizes()[dim];
      const auto symbol_name = expected.symbol_name();
      if (!symbol_name || values_.contains(std::string(*symbol_name))) {
        pending.push_back({i, dim});
        continue;
      }
      const Symbol* symbol = find_symbol(*symbols_, *symbol_name);
      if (symbol && !is_allowed(*symbol, size)) {
        fail("input '{}' has size {} in dimension {} (sizes {}), allowed is {} {}", name, size, dim,
             sizes_text(tensor.sizes()), *symbol_name, range_text(*symbol));
      }
      values_[std::string(*symbol_name)] = size;
    }
  }
  // Expressions: those with one symbol left give it its value, which may make others solvable.
  for (bool changed = true; changed;) {
    changed = false;
    for (const Pending& item : pending) {
      const SymInt& expected = specs[item.input]->value->meta.sizes[item.dim];
      if (!is_bound(expected)) changed = solve(expected, inputs[item.input].sizes()[item.dim]) || changed;
    }
  }
  for (const Pending& item : pending) {
    const SymInt& expected = specs[item.input]->value->meta.sizes[item.dim];
    const int64_t size = inputs[item.input].sizes()[item.dim];
    if (!is_bound(expected) || value(expected) != size) {
      const std::string text = expected.is_constant() ? ""
                               : is_bound(expected)   ? fmt::format(" ({} here)", value(expected))
                                                      : "";
      fail("input '{}' has size {} in dimension {} (sizes {}), expected {}{}", specs[item.input]->target, size,
           item.dim, sizes_text(inputs[item.input].sizes()), to_string(expected), text);
    }
  }
  for (const Symbol& symbol : symbols_->symbols()) {
    const auto found = values_.find(symbol.name);
    if (found != values_.end() && !is_allowed(symbol, found->second)) {
      fail("size {} is {}, allowed is {}", symbol.name, found->second, range_text(symbol));
    }
  }
}

}  // namespace exformer
