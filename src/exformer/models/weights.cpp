#include "exformer/models/weights.h"

#include <algorithm>
#include <regex>
#include <set>

#include "exformer/base/strings.h"
#include "exformer/checkpoint/checkpoint_check.h"
#include "exformer/symbolic/printers.h"
#include "exformer/tensor/same_bytes.h"

namespace exformer {
namespace {

/// "a, b, c and 12 more"
std::string listed(const std::vector<std::string>& items) {
  constexpr size_t kMost = 8;
  if (items.size() <= kMost) return join(items, ", ");
  return join({items.begin(), items.begin() + kMost}, ", ") + fmt::format(" and {} more", items.size() - kMost);
}

class Binder {
 public:
  Binder(const Checkpoint& checkpoint, const ModelFamily& family, const Architecture& architecture,
         const std::vector<ParameterDeclaration>& parameters, const BindOptions& options)
      : checkpoint_(checkpoint), architecture_(architecture), parameters_(parameters), options_(options) {
    for (const KeyRename& rename : family.key_renames)
      renames_.emplace_back(std::regex(rename.pattern), rename.replacement);
    for (const std::string& pattern : family.ignorable_keys) ignorable_.emplace_back(pattern);
    for (const ParameterDeclaration& parameter : parameters) wanted_.insert(parameter.name);
    for (const auto& [key, file] : checkpoint.tensors()) keys_.emplace(place_of(key), key);
  }

  WeightAccount account() {
    for (const ParameterDeclaration& parameter : parameters_) bind(parameter);
    check_surplus();
    return std::move(account_);
  }

  std::map<std::string, LazyTensor> run() {
    const WeightAccount found = account();
    if (const std::string quantized = quantized_tensor(found.surplus); !quantized.empty() && !options_.allow_surplus) {
      unsupported("the weights in '{}' are quantized ('{}'), which is not supported: export the unquantized checkpoint",
                  checkpoint_.directory().string(), quantized);
    }
    std::vector<std::string> faults;
    if (!found.missing.empty() && !options_.allow_missing)
      faults.push_back(fmt::format("missing: {} ({})", listed(found.missing), advice_on_missing(found.missing)));
    if (!found.misshaped.empty()) faults.push_back("of another shape or kind: " + listed(found.misshaped));
    if (!found.surplus.empty() && !options_.allow_surplus) {
      faults.push_back(
          fmt::format("not wanted by the model: {} (allow_surplus=true leaves them out)", listed(found.surplus)));
    }
    if (!faults.empty()) {
      fail("the weights in '{}' do not fit {}: {}", checkpoint_.directory().string(), architecture_.name,
           join(faults, "; "));
    }
    return std::move(bound_);
  }

 private:
  /// What makes an export of a checkpoint that lacks these: another task when they are a head's.
  std::string advice_on_missing(const std::vector<std::string>& missing) const {
    const std::string prefix = architecture_.base_model_prefix + ".";
    const bool is_head =
        !architecture_.base_model_prefix.empty() &&
        std::none_of(missing.begin(), missing.end(), [&](const std::string& name) { return name.starts_with(prefix); });
    return is_head ? fmt::format("the head; --task {} exports the model without it, allow_missing=true makes it zeros",
                                 task_name(Task::FeatureExtraction))
                   : "allow_missing=true makes them zeros";
  }

  /// The parameter name that a checkpoint key stands for: renamed, and with the base model's prefix added or taken away
  /// as needed.
  std::string place_of(const std::string& key) const {
    std::string name = key;
    for (const auto& [pattern, replacement] : renames_) name = std::regex_replace(name, pattern, replacement);
    if (wanted_.contains(name)) return name;
    const std::string& prefix = architecture_.base_model_prefix;
    if (!prefix.empty()) return wanted_.contains(prefix + "." + name) ? prefix + "." + name : name;
    // A head's checkpoint under the base class: any first component may be the prefix ("model.", "bert.",
    // "transformer.").
    const size_t dot = name.find('.');
    if (dot != std::string::npos && wanted_.contains(name.substr(dot + 1))) return name.substr(dot + 1);
    return name;
  }

  const std::string* key_of(const std::string& parameter) const {
    const auto found = keys_.find(parameter);
    return found == keys_.end() ? nullptr : &found->second;
  }

  /// The tensor for a parameter: its own, or that of the one it is tied to, whichever of the two the file has. Two that
  /// differ are both kept, whatever the config says of ties.
  const std::string* source_of(const std::string& parameter) {
    const std::string* own = key_of(parameter);
    if (!options_.ties_word_embeddings) return own;
    for (const TiedWeight& tied : architecture_.tied_weights) {
      if (tied.name == parameter) {
        const std::string* source = key_of(tied.source);
        if (!source || (own && !has_same_bytes(checkpoint_.tensor(*own), checkpoint_.tensor(*source)))) continue;
        if (own) used_.insert(*own);
        return source;
      }
      if (tied.source == parameter && !own) {
        if (const std::string* other = key_of(tied.name)) return other;
      }
    }
    return own;
  }

  void bind(const ParameterDeclaration& parameter) {
    const std::vector<SymInt>& sizes = parameter.value->meta.sizes;
    const std::string* key = source_of(parameter.name);
    if (!key) {
      account_.missing.push_back(parameter.name);
      std::vector<int64_t> constant_sizes;
      for (const SymInt& size : sizes) constant_sizes.push_back(size.value());
      if (options_.allow_missing)
        bound_.emplace(parameter.name, LazyTensor(HostTensor::zeros(options_.dtype, constant_sizes)));
      return;
    }
    used_.insert(*key);
    account_.sources.emplace(parameter.name, *key);
    const SafetensorsEntry& entry = checkpoint_.entry(*key);
    const bool same =
        sizes.size() == entry.sizes.size() && std::equal(sizes.begin(), sizes.end(), entry.sizes.begin(),
                                                         [](const SymInt& a, int64_t b) { return a == SymInt(b); });
    if (!same) {
      account_.misshaped.push_back(fmt::format("{} is {}, the config wants {}", *key,
                                               to_string(std::vector<SymInt>(entry.sizes.begin(), entry.sizes.end())),
                                               to_string(sizes)));
      return;
    }
    if (!is_floating_point(entry.dtype)) {
      account_.misshaped.push_back(fmt::format("{} is {}, a floating dtype is wanted", *key, dtype_name(entry.dtype)));
      return;
    }
    bound_.emplace(parameter.name, LazyTensor(checkpoint_.tensor(*key), options_.dtype));
  }

  void check_surplus() {
    for (const auto& [place, key] : keys_) {
      if (used_.contains(key)) continue;
      const auto matches = [&text = place](const std::regex& pattern) { return std::regex_search(text, pattern); };
      const bool is_ignorable = std::any_of(ignorable_.begin(), ignorable_.end(), matches);
      (is_ignorable ? account_.ignored : account_.surplus).push_back(key);
    }
  }

  const Checkpoint& checkpoint_;
  const Architecture& architecture_;
  const std::vector<ParameterDeclaration>& parameters_;
  const BindOptions& options_;
  std::vector<std::pair<std::regex, std::string>> renames_;
  std::vector<std::regex> ignorable_;
  std::set<std::string> wanted_;
  std::map<std::string, std::string> keys_;  // parameter name -> checkpoint key
  std::set<std::string> used_;
  std::map<std::string, LazyTensor> bound_;
  WeightAccount account_;
};

}  // namespace

std::map<std::string, LazyTensor> bind_weights(const Checkpoint& checkpoint, const ModelFamily& family,
                                               const Architecture& architecture,
                                               const std::vector<ParameterDeclaration>& parameters,
                                               const BindOptions& options) {
  return Binder(checkpoint, family, architecture, parameters, options).run();
}

WeightAccount account_for_weights(const Checkpoint& checkpoint, const ModelFamily& family,
                                  const Architecture& architecture, const std::vector<ParameterDeclaration>& parameters,
                                  const BindOptions& options) {
  return Binder(checkpoint, family, architecture, parameters, options).account();
}

}  // namespace exformer
