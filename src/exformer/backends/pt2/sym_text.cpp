// Names, sample values and texts of symbols for `.pt2`.
#include "exformer/backends/pt2/sym_text.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "exformer/backends/pt2/json_text.h"
#include "exformer/base/error.h"
#include "exformer/base/json.h"
#include "exformer/symbolic/printers.h"

namespace exformer::pt2 {
namespace {

constexpr int64_t kSmallestHint = 2;  // 0 and 1 are special to torch's shape environment

// "s12" for a size, "u3" for a symbol that data define.
bool is_torch_name(const Symbol& symbol) {
  const std::string& name = symbol.name;
  return name.size() > 1 && name.size() < 10 && name[0] == (symbol.unbacked ? 'u' : 's') &&
         std::all_of(name.begin() + 1, name.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

int64_t multiple_at_least(int64_t value, int64_t divisor) { return (value + divisor - 1) / divisor * divisor; }

}  // namespace

SymText::SymText(const Graph& graph) {
  std::unordered_set<std::string> taken;
  for (const Symbol& symbol : graph.symbols().symbols()) {
    if (is_torch_name(symbol)) taken.insert(symbol.name);
  }
  int next_size = 0;
  int next_unbacked = 0;
  for (const Symbol& symbol : graph.symbols().symbols()) {
    Entry entry{symbol, symbol.name, std::nullopt};
    if (!is_torch_name(symbol)) {
      int& next = symbol.unbacked ? next_unbacked : next_size;
      do {
        entry.torch_name = fmt::format("{}{}", symbol.unbacked ? 'u' : 's', next++);
      } while (!taken.insert(entry.torch_name).second);
    }
    by_name_.emplace(symbol.name, symbols_.size());
    symbols_.push_back(std::move(entry));
  }
  choose_hints(graph);
}

void SymText::choose_hints(const Graph& graph) {
  std::unordered_set<int64_t> avoid;
  const auto collect = [&](const Value* value) {
    for (const SymInt& size : value->meta.sizes) {
      if (size.is_constant()) avoid.insert(size.value());
    }
  };
  for (const Value* input : graph.inputs()) collect(input);
  for (const auto& node : graph.nodes()) {
    for (const Value* output : node->outputs()) collect(output);
  }
  for (Entry& entry : symbols_) {
    const Symbol& symbol = entry.symbol;
    if (symbol.unbacked) continue;
    const int64_t step = std::max<int64_t>(symbol.divisor, 1);
    const int64_t lowest = multiple_at_least(std::max(symbol.min, kSmallestHint), step);
    int64_t hint = symbol.hint.value_or(0);
    if (hint < lowest || hint > symbol.max || hint % step != 0) hint = lowest;
    const int64_t wanted = hint;
    // At most one candidate per avoided value can fail.
    for (size_t tries = 0; tries <= avoid.size() && avoid.contains(hint); ++tries) {
      hint = hint > symbol.max - step ? lowest : hint + step;
    }
    if (avoid.contains(hint) || hint > symbol.max) hint = std::min(wanted, symbol.max);
    avoid.insert(hint);
    entry.hint = hint;
  }
}

bool SymText::is_unbacked(std::string_view symbol) const {
  const auto found = by_name_.find(std::string(symbol));
  return found != by_name_.end() && symbols_[found->second].symbol.unbacked;
}

std::string SymText::srepr(const SymInt& value) {
  const std::string text = to_srepr(value);
  static constexpr std::string_view kOpen = "Symbol('";
  std::string result;
  size_t position = 0;
  while (true) {
    const size_t start = text.find(kOpen, position);
    if (start == std::string::npos) return result.append(text, position);
    const size_t name = start + kOpen.size();
    const size_t end = text.find('\'', name);
    Entry& entry = symbols_[by_name_.at(text.substr(name, end - name))];
    entry.used = true;
    result.append(text, position, name - position).append(entry.torch_name);
    position = end;
  }
}

const std::string& SymText::json(const SymInt& value) {
  const auto found = cache_.find(value);
  if (found != cache_.end()) return found->second;
  JsonText out;
  out.begin_object();
  if (value.is_constant()) {
    out.member("as_int", value.value());
  } else {
    bool known = true;
    for (const std::string& name : free_symbols(value)) known = known && symbols_[by_name_.at(name)].hint.has_value();
    out.key("as_expr").begin_object().member("expr_str", srepr(value)).key("hint");
    if (known) {
      const int64_t hint =
          evaluate(value, [&](std::string_view name) { return *symbols_[by_name_.at(std::string(name))].hint; });
      out.begin_object().member("as_int", hint).end_object();
    } else {
      out.null();
    }
    out.end_object();
  }
  out.end_object();
  return cache_.emplace(value, out.text()).first->second;
}

std::string SymText::range_constraints() const {
  JsonText out;
  out.begin_object();
  for (const Entry& entry : symbols_) {
    if (!entry.used) continue;
    out.key(entry.torch_name).begin_object().member("min_val", entry.symbol.min).key("max_val");
    entry.symbol.max == kUnbounded ? out.null() : out.value(entry.symbol.max);
    out.end_object();
  }
  out.end_object();
  return out.text();
}

std::string SymText::renamed() const {
  Json names = Json::object();
  for (const Entry& entry : symbols_) {
    if (entry.used && entry.torch_name != entry.symbol.name) names[entry.torch_name] = entry.symbol.name;
  }
  return names.empty() ? std::string() : dump_json(names);
}

}  // namespace exformer::pt2
