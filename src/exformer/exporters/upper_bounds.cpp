#include "exformer/exporters/upper_bounds.h"

#include <algorithm>
#include <set>

namespace exformer {
namespace {

struct Bounds {
  int64_t batch, length;
};
constexpr Bounds kChoices[] = {{8, 2048}, {8, 1024}, {8, 512}, {5, 512}, {5, 256}, {5, 128}, {1, 128}};
// Dynamic NTK is there to go beyond the trained length.
constexpr int64_t kDynamicRopeFactor = 4;

/// Dims that dynamic_shapes gives a maximum.
std::set<std::string> bounded_dims(const ExecutorchConfig& config) {
  std::set<std::string> names;
  if (!config.dynamic_shapes) return names;
  for (const auto& [input, axes] : *config.dynamic_shapes) {
    for (const auto& [axis, dim] : axes) {
      if (dim.kind == Dim::Kind::Named && dim.max != kUnbounded) names.insert(dim.name);
    }
  }
  return names;
}

bool has_dynamic_rope(const Json& config) {
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    const auto found = config.find(key);
    if (found == config.end() || !found->is_object()) continue;
    for (const char* type : {"rope_type", "type"}) {
      if (found->value(type, Json()) == "dynamic") return true;
    }
  }
  return false;
}

/// The symbols that count samples: those of first axes, and the choices of multiple choice.
std::set<std::string> batch_symbols(const ExportedProgram& program) {
  std::set<std::string> names = {"choices"};
  for (const InputSpec* input : program.user_inputs()) {
    if (input->value->meta.sizes.empty()) continue;
    if (const auto name = input->value->meta.sizes.front().symbol_name()) names.emplace(*name);
  }
  return names;
}

}  // namespace

int64_t longest_sequence(int64_t max_position_embeddings, const Json& config) {
  return has_dynamic_rope(config) ? max_position_embeddings * kDynamicRopeFactor : max_position_embeddings;
}

std::vector<std::map<std::string, int64_t>> upper_bound_choices(const ExportedProgram& program, int64_t longest,
                                                                const ExecutorchConfig& config) {
  const std::set<std::string> bounded = bounded_dims(config), batches = batch_symbols(program);
  std::vector<std::map<std::string, int64_t>> choices;
  for (const Bounds& bounds : kChoices) {
    const int64_t batch = config.max_batch.value_or(bounds.batch);
    const int64_t length = config.max_length.value_or(longest > 0 ? std::min(bounds.length, longest) : bounds.length);
    std::map<std::string, int64_t> limits;
    for (const Symbol& symbol : program.graph->symbols().symbols()) {
      if (symbol.unbacked || bounded.contains(symbol.name)) continue;
      limits[symbol.name] = std::max(batches.contains(symbol.name) ? batch : length, symbol.min);
    }
    if (choices.empty() || choices.back() != limits) choices.push_back(std::move(limits));
  }
  return choices;
}

}  // namespace exformer
