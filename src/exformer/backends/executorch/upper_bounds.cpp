#include "exformer/backends/executorch/upper_bounds.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "exformer/base/error.h"
#include "exformer/base/strings.h"
#include "exformer/ops/shape_rules.h"
#include "exformer/symbolic/printers.h"

namespace exformer::executorch {

namespace {

/// How many elements the mask of a selection has; nothing for ops that select otherwise.
std::optional<SymInt> selected_from(const Node& node) {
  if (node.is("aten::nonzero") || node.is("aten::argwhere"))
    return exformer::element_count(node.argument("self").as<Value*>()->meta.sizes);
  if (node.is("aten::masked_select")) {
    return exformer::element_count(broadcast_sizes(node.argument("self").as<Value*>()->meta.sizes,
                                                   node.argument("mask").as<Value*>()->meta.sizes, node.op()));
  }
  if (!node.is("aten::index.Tensor")) return std::nullopt;
  for (const Value* index : node.argument("indices").as<std::vector<Value*>>()) {
    if (index && index->meta.dtype == DType::Bool) return exformer::element_count(index->meta.sizes);
  }
  return std::nullopt;
}

}  // namespace

std::vector<DataBound> data_bounds(const Graph& graph) {
  std::set<std::string> data;
  for (const Symbol& symbol : graph.symbols().symbols()) {
    if (symbol.unbacked) data.insert(symbol.name);
  }
  std::vector<DataBound> found;
  for (const auto& node : graph.nodes()) {
    if (data.empty()) break;
    for (const Value* output : node->outputs()) {
      for (const SymInt& size : output->meta.sizes) {
        const auto name = size.symbol_name();
        if (!name || data.erase(std::string(*name)) == 0) continue;
        if (const auto most = selected_from(*node)) found.push_back({std::string(*name), *most});
      }
    }
  }
  return found;
}

UpperBounds::UpperBounds(const SymContext& symbols, const std::map<std::string, int64_t>& limits,
                         const std::vector<DataBound>& data) {
  const auto follows = [&](const Symbol& symbol) {
    return std::find_if(data.begin(), data.end(), [&](const DataBound& each) { return each.symbol == symbol.name; });
  };
  for (const Symbol& symbol : symbols.symbols()) {
    if (follows(symbol) != data.end()) continue;
    const auto limit = limits.find(symbol.name);
    const int64_t max = limit == limits.end() ? symbol.max : std::min(symbol.max, limit->second);
    if (max < symbol.min) fail("the dim '{}' is at least {}, its upper bound is {}", symbol.name, symbol.min, max);
    set(symbol, max);
  }
  for (const DataBound& bound : data) {
    const auto& all = symbols.symbols();
    const auto symbol =
        std::find_if(all.begin(), all.end(), [&](const Symbol& each) { return each.name == bound.symbol; });
    set(*symbol, std::max(symbol->min, std::min(symbol->max, of(bound.most))));
  }
}

void UpperBounds::set(const Symbol& symbol, int64_t max) {
  if (max != kUnbounded) limits_[symbol.name] = max;
  // Numbers that make up sizes count something, whatever else their dtype could hold.
  const int64_t min = symbol.unbacked ? std::max<int64_t>(symbol.min, 0) : symbol.min;
  bounded_.symbol({.name = symbol.name, .min = min, .max = max, .divisor = symbol.divisor});
}

int64_t UpperBounds::of(const SymInt& size) const {
  if (size.is_constant()) return size.value();
  const SymInt bounded = substitute(size, [&](std::string_view name) { return bounded_.find(name); });
  const int64_t max = bounded.is_constant() ? bounded.value() : bounds(bounded).max;
  if (max == kUnbounded) {
    unsupported(
        "the size {} has no upper bound, and ExecuTorch plans memory for one: give dims a max in dynamic_shapes",
        to_string(size));
  }
  return std::max<int64_t>(max, 0);
}

uint64_t UpperBounds::element_count(const std::vector<SymInt>& sizes) const {
  uint64_t count = 1;
  for (const SymInt& size : sizes) {
    if (__builtin_mul_overflow(count, static_cast<uint64_t>(of(size)), &count))
      unsupported("a tensor of sizes {} is too large at the upper bounds {}", to_string(sizes), text());
  }
  return count;
}

std::string UpperBounds::text() const {
  std::vector<std::string> parts;
  for (const auto& [name, max] : limits_) parts.push_back(fmt::format("{} <= {}", name, max));
  return join(parts, ", ");
}

}  // namespace exformer::executorch
