#include "exformer/tasks/sample_inputs.h"

#include <algorithm>
#include <charconv>

#include "exformer/base/strings.h"

namespace exformer {
namespace {

constexpr std::string_view kCachePrefix = "past_key_values.layers.";

/// A forward kwarg that some model of the zoo takes.
struct KnownInput {
  std::string_view name;
  enum class Kind { Integer, Mask, Floating, Bool } kind;
  int64_t rank;
};
constexpr KnownInput kTextInputs[] = {
    {"input_ids", KnownInput::Kind::Integer, 2},      {"attention_mask", KnownInput::Kind::Mask, 2},
    {"token_type_ids", KnownInput::Kind::Integer, 2}, {"position_ids", KnownInput::Kind::Integer, 2},
    {"inputs_embeds", KnownInput::Kind::Floating, 3},
};
constexpr KnownInput kVisionInputs[] = {
    {"pixel_values", KnownInput::Kind::Floating, 4},
    {"bool_masked_pos", KnownInput::Kind::Bool, 2},
};

bool is_vision(const ModelFacts& facts) { return !facts.image_size.empty(); }

std::vector<KnownInput> known_inputs(Task task, const ModelFacts& facts) {
  std::vector<KnownInput> known;
  if (is_vision(facts)) {
    known.push_back(kVisionInputs[0]);
    if (task == Task::MaskedImageModeling) known.push_back(kVisionInputs[1]);
    return known;
  }
  for (KnownInput input : kTextInputs) {
    if (input.name == "token_type_ids" && !facts.has_token_type_ids) continue;
    if (task == Task::MultipleChoice) ++input.rank;
    known.push_back(input);
  }
  return known;
}

void check_dtype(const KnownInput& known, const std::string& name, DType dtype) {
  const bool integer = is_integer(dtype);
  const bool ok = known.kind == KnownInput::Kind::Integer ? dtype == DType::Int64 || dtype == DType::Int32
                  : known.kind == KnownInput::Kind::Mask  ? integer || dtype == DType::Bool || is_floating_point(dtype)
                  : known.kind == KnownInput::Kind::Bool  ? integer || dtype == DType::Bool
                                                          : is_floating_point(dtype);
  if (ok) return;
  const char* allowed = known.kind == KnownInput::Kind::Integer    ? "int64 or int32"
                        : known.kind == KnownInput::Kind::Floating ? "a floating dtype"
                                                                   : "bool, an integer or a floating dtype";
  fail("input '{}' is {}, allowed is {}", name, dtype_name(dtype), allowed);
}

void check_cache_leaf(const std::string& name, const CacheLeaf& leaf, const HostTensor& tensor,
                      const ModelFacts& facts) {
  if (!facts.supports_cache) fail("input '{}': this model takes no cache", name);
  if (leaf.layer >= facts.layer_windows.size())
    fail("input '{}': the model has {} layers", name, facts.layer_windows.size());
  if (leaf.field == "_sliding_window_tensor") return;
  const bool ok = tensor.rank() == 4 && tensor.size(1) == facts.num_key_value_heads && tensor.size(3) == facts.head_dim;
  if (!ok || !is_floating_point(tensor.dtype())) {
    fail("input '{}' must be a floating [batch, {}, length, {}], got {} of rank {}", name, facts.num_key_value_heads,
         facts.head_dim, dtype_name(tensor.dtype()), tensor.rank());
  }
}

HostTensor cast_floating(const HostTensor& tensor, DType dtype) {
  return is_floating_point(tensor.dtype()) ? tensor.to(dtype) : tensor;
}

/// The cache's leaves in layer order, each layer complete.
NamedTensors complete_cache(const NamedTensors& inputs, const ModelFacts& facts, DType dtype) {
  const auto find = [&](const std::string& name) -> const HostTensor* {
    for (const auto& [given, tensor] : inputs) {
      if (given == name) return &tensor;
    }
    return nullptr;
  };
  NamedTensors cache;
  for (size_t layer = 0; layer < facts.layer_windows.size(); ++layer) {
    const std::string prefix = std::string(kCachePrefix) + std::to_string(layer) + ".";
    for (const char* field : {"keys", "values"}) {
      const HostTensor* tensor = find(prefix + field);
      if (!tensor)
        fail("input '{}{}' is missing: a cache needs keys and values for each of the {} layers", prefix, field,
             facts.layer_windows.size());
      cache.emplace_back(prefix + field, cast_floating(*tensor, dtype));
    }
    if (facts.layer_windows[layer]) {
      cache.emplace_back(prefix + "_sliding_window_tensor",
                         HostTensor::scalar_int(DType::Int64, *facts.layer_windows[layer]));
    }
  }
  return cache;
}

}  // namespace

std::string input_name(const std::string& given) {
  const bool is_cache = given == "cache" || given.starts_with("cache.layers.");
  return is_cache ? "past_key_values" + given.substr(std::string_view("cache").size()) : given;
}

std::optional<CacheLeaf> parse_cache_leaf(const std::string& name) {
  if (!name.starts_with(kCachePrefix)) return std::nullopt;
  const char* begin = name.data() + kCachePrefix.size();
  CacheLeaf leaf{};
  const auto [end, error] = std::from_chars(begin, name.data() + name.size(), leaf.layer);
  if (error != std::errc() || end == name.data() + name.size() || *end != '.') return std::nullopt;
  leaf.field = std::string(end + 1, name.data() + name.size());
  const bool known = leaf.field == "keys" || leaf.field == "values" || leaf.field == "_sliding_window_tensor";
  return known ? std::optional<CacheLeaf>(leaf) : std::nullopt;
}

NamedTensors default_inputs(Task task, const ModelFacts& facts) {
  constexpr int64_t kBatch = 2, kSequence = 8, kChoices = 3;
  if (is_vision(facts)) {
    return {{"pixel_values", HostTensor::zeros(DType::Float32, {kBatch, facts.image_size[0], facts.image_size[1],
                                                                facts.image_size[2]})}};
  }
  std::vector<int64_t> sizes = {kBatch, std::min(kSequence, std::max<int64_t>(facts.max_position_embeddings, 1))};
  if (task == Task::MultipleChoice) sizes.insert(sizes.begin() + 1, kChoices);
  HostTensor input_ids = HostTensor::zeros(DType::Int64, sizes);
  HostTensor attention_mask = HostTensor::zeros(DType::Int64, sizes);
  for (int64_t i = 0; i < input_ids.element_count(); ++i) {
    input_ids.data<int64_t>()[i] = (i * 7 + 1) % facts.vocab_size;
    attention_mask.data<int64_t>()[i] = 1;
  }
  return {{"input_ids", input_ids}, {"attention_mask", attention_mask}};
}

NamedTensors prepare_inputs(const NamedTensors& given, Task task, const ModelFacts& facts, DType dtype) {
  NamedTensors inputs;
  for (const auto& [name, tensor] : given) inputs.emplace_back(input_name(name), tensor);
  const std::vector<KnownInput> known = known_inputs(task, facts);
  NamedTensors prepared;
  bool has_cache = false;
  for (const auto& [name, tensor] : inputs) {
    if (const auto leaf = parse_cache_leaf(name)) {
      check_cache_leaf(name, *leaf, tensor, facts);
      if (!has_cache) {
        const NamedTensors cache = complete_cache(inputs, facts, dtype);
        prepared.insert(prepared.end(), cache.begin(), cache.end());
      }
      has_cache = true;
      continue;
    }
    const auto found = std::find_if(known.begin(), known.end(),
                                    [&wanted = name](const KnownInput& input) { return input.name == wanted; });
    if (found == known.end()) {
      if (name == "labels" || name == "future_values" || name == "next_sentence_label" || name == "start_positions" ||
          name == "end_positions")
        continue;
      std::vector<std::string> names;
      for (const KnownInput& input : known) names.emplace_back(input.name);
      if (facts.supports_cache) names.emplace_back("past_key_values.layers.0.keys");
      fail("input '{}' is not known to this model{}; it takes {}", name, nearest_hint(name, names), join(names, ", "));
    }
    const bool is_full_mask = name == "attention_mask" && tensor.rank() == 4 && task != Task::MultipleChoice;
    if (tensor.rank() != found->rank && !is_full_mask)
      fail("input '{}' has rank {}, allowed is {}", name, tensor.rank(), found->rank);
    check_dtype(*found, name, tensor.dtype());
    prepared.emplace_back(name, cast_floating(tensor, dtype));
  }
  if (prepared.empty()) fail("no inputs were given");
  return prepared;
}

}  // namespace exformer
