// Rewrites specs of transformers' classes as dicts and lists.
#include "exformer/backends/pt2/plain_pytree.h"

#include <optional>
#include <utility>

#include "exformer/base/error.h"

namespace exformer::pt2 {
namespace {

std::optional<TreeSpec> plain_context(const Json& context, const std::vector<TreeSpec>& leaves, size_t& next,
                                      const std::string& type);

// Children of a container in the context; `keep_empty` holds the positions of a list.
void add_child(const std::string& key, const Json& context, bool keep_empty, const std::vector<TreeSpec>& leaves,
               size_t& next, const std::string& type, std::vector<std::string>& keys, std::vector<TreeSpec>& children) {
  std::optional<TreeSpec> child = plain_context(context, leaves, next, type);
  if (!child && !keep_empty) return;
  keys.push_back(key);
  children.push_back(child ? std::move(*child) : TreeSpec::dict({}, {}));
}

// The part of a transformers object context that holds tensors; nothing if it holds none.
std::optional<TreeSpec> plain_context(const Json& context, const std::vector<TreeSpec>& leaves, size_t& next,
                                      const std::string& type) {
  std::vector<std::string> keys;
  std::vector<TreeSpec> children;
  const size_t first = next;
  if (context.is_array()) {
    for (const Json& item : context) add_child("", item, true, leaves, next, type, keys, children);
    return next == first ? std::nullopt : std::optional(TreeSpec::list(std::move(children)));
  }
  if (!context.is_object()) return std::nullopt;
  const std::string tag = context.contains("_t") && context["_t"].is_string() ? context["_t"].get<std::string>() : "";
  if (tag == "tensor" || tag == "sym") {
    if (!context.contains("i") || context["i"] != next || next >= leaves.size()) {
      unsupported("pytree '{}': its tensors are not numbered in order", type);
    }
    return leaves[next++];
  }
  const Json* state = &context;
  if (!tag.empty()) {
    const char* key = tag == "obj" ? "s" : "v";
    if (!context.contains(key)) return std::nullopt;
    state = &context[key];
  }
  if (tag == "items") {
    for (const Json& pair : *state) {
      if (!pair.is_array() || pair.size() != 2) fail("pytree '{}': items must be pairs", type);
      const std::string name = pair[0].is_string() ? pair[0].get<std::string>() : pair[0].dump();
      add_child(name, pair[1], false, leaves, next, type, keys, children);
    }
  } else if (state->is_array()) {
    return plain_context(*state, leaves, next, type);
  } else if (state->is_object()) {
    for (const auto& [name, value] : state->items()) add_child(name, value, false, leaves, next, type, keys, children);
  }
  return next == first ? std::nullopt : std::optional(TreeSpec::dict(keys, std::move(children)));
}

}  // namespace

TreeSpec plain_spec(const TreeSpec& spec) {
  if (spec.is_leaf()) return spec;
  TreeSpec result = spec;
  for (TreeSpec& child : result.children) child = plain_spec(child);
  if (spec.type.starts_with("builtins.") || spec.type.starts_with("collections.")) return result;
  if (spec.context.is_array() && spec.context.size() == spec.children.size()) {
    result.type = "builtins.dict";
    return result;
  }
  if (spec.context.is_object() && spec.context.contains("_t")) {
    size_t next = 0;
    std::optional<TreeSpec> plain = plain_context(spec.context, result.children, next, spec.type);
    if (next != spec.children.size())
      unsupported("pytree '{}': {} of its {} tensors have no place", spec.type, spec.children.size() - next,
                  spec.children.size());
    return plain ? *plain : TreeSpec::dict({}, {});
  }
  unsupported("pytree type '{}' has no plain form; use pytree = transformers", spec.type);
}

}  // namespace exformer::pt2
