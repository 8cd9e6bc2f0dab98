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

/// Multiples of the sample's sizes, for models that no choice above fits: attention over all pixels of an image.
constexpr int64_t kSampleFactors[] = {8, 4, 2};

/// How many samples, tokens or patches the sample has at most: what data-defined sizes are measured by.
int64_t sample_rows(const ExportedProgram& program) {
  std::map<std::string, int64_t, std::less<>> hints;
  for (const Symbol& symbol : program.graph->symbols().symbols()) hints[symbol.name] = symbol.hint.value_or(symbol.min);
  const auto value = [&](const SymInt& size) {
    return evaluate(size, [&](std::string_view name) { return hints.find(name)->second; });
  };
  int64_t most = 1;
  for (const InputSpec* input : program.user_inputs()) {
    const std::vector<SymInt>& sizes = input->value->meta.sizes;
    if (sizes.empty() || sizes.front().is_constant()) continue;
    int64_t rows = value(sizes.front());
    for (size_t axis = 1; axis < sizes.size(); ++axis) {
      for (const std::string& name : free_symbols(sizes[axis])) rows *= hints.find(name)->second;
    }
    most = std::max(most, rows);
  }
  return most;
}

}  // namespace

int64_t longest_sequence(int64_t max_position_embeddings, const Json& config) {
  return has_dynamic_rope(config) ? max_position_embeddings * kDynamicRopeFactor : max_position_embeddings;
}

std::vector<std::map<std::string, int64_t>> upper_bound_choices(const ExportedProgram& program, int64_t longest,
                                                                const ExecutorchConfig& config) {
  const std::set<std::string> bounded = bounded_dims(config), batches = batch_symbols(program);
  std::vector<std::map<std::string, int64_t>> choices;
  const auto add = [&](const auto& limit_of) {
    std::map<std::string, int64_t> limits;
    for (const Symbol& symbol : program.graph->symbols().symbols()) {
      if (bounded.contains(symbol.name) || (symbol.unbacked && symbol.max != kUnbounded)) continue;
      limits[symbol.name] = std::max({limit_of(symbol), symbol.min, int64_t{1}});
    }
    if (choices.empty() || choices.back() != limits) choices.push_back(std::move(limits));
  };
  const auto given = [&](const Symbol& symbol) {
    return batches.contains(symbol.name) ? config.max_batch : config.max_length;
  };
  for (const Bounds& bounds : kChoices) {
    const int64_t batch = config.max_batch.value_or(bounds.batch);
    const int64_t length = config.max_length.value_or(longest > 0 ? std::min(bounds.length, longest) : bounds.length);
    add([&](const Symbol& symbol) {
      if (symbol.unbacked) return batch * length;
      const int64_t limit = batches.contains(symbol.name) ? batch : length;
      // Waveforms and images are longer than sequences: as many times the sample as there are samples.
      const int64_t hint = symbol.hint.value_or(0);
      return given(symbol) || 2 * hint <= limit ? limit : hint * std::max<int64_t>(batch, 2);
    });
  }
  const std::map<std::string, int64_t> largest = choices.front();
  const int64_t rows = sample_rows(program);
  for (const int64_t factor : kSampleFactors) {
    add([&](const Symbol& symbol) {
      if (symbol.unbacked) return factor * rows;
      const int64_t limit = largest.at(symbol.name);
      return given(symbol) ? limit : std::min(limit, factor * symbol.hint.value_or(limit));
    });
  }
  return choices;
}

}  // namespace exformer
