#include "exformer/models/weights.h"

#include <algorithm>
#include <regex>
#include <set>

#include "exformer/base/strings.h"
#include "exformer/symbolic/printers.h"

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
    std::vector<std::string> faults;
    if (!found.missing.empty() && !options_.allow_missing) faults.push_back("missing: " + listed(found.missing));
    if (!found.misshaped.empty()) faults.push_back("of another shape or kind: " + listed(found.misshaped));
    if (!found.surplus.empty() && !options_.allow_surplus)
      faults.push_back("not wanted by the model: " + listed(found.surplus));
    if (!faults.empty()) {
      fail("the weights in '{}' do not fit {}: {}", checkpoint_.directory().string(), architecture_.name,
           join(faults, "; "));
    }
    return std::move(bound_);
  }

 private:
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

  const std::string* source_of(const std::string& parameter) {
    if (options_.ties_word_embeddings) {
      for (const TiedWeight& tied : architecture_.tied_weights) {
        if (tied.name != parameter) continue;
        // A separate copy in the file is superseded by the tie, as in transformers.
        if (const auto own = keys_.find(parameter); own != keys_.end()) used_.insert(own->second);
        if (const auto source = keys_.find(tied.source); source != keys_.end()) return &source->second;
      }
    }
    const auto found = keys_.find(parameter);
    return found == keys_.end() ? nullptr : &found->second;
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
