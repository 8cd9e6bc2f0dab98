// Pytree specs: how a flat list of leaves stands for nested inputs and outputs (torch.utils._pytree).
#pragma once

#include <string>
#include <vector>

#include "exformer/base/json.h"

namespace exformer {

/// A leaf, or a node with a type name and the context that torch serialises for it.
struct TreeSpec {
  std::string type;  // "" for a leaf, "builtins.dict", "builtins.tuple", "builtins.list", "transformers...."
  Json context;      // what the serialised context text decodes to; a text that is not JSON stands as a Json string
  std::vector<TreeSpec> children;

  bool is_leaf() const { return type.empty(); }
  size_t leaf_count() const;
  friend bool operator==(const TreeSpec&, const TreeSpec&) = default;

  static TreeSpec leaf() { return {}; }
  static TreeSpec tuple(std::vector<TreeSpec> children);
  static TreeSpec list(std::vector<TreeSpec> children);
  /// Keys in order.
  static TreeSpec dict(const std::vector<std::string>& keys, std::vector<TreeSpec> children);
  /// A transformers ModelOutput class: `fields` are those that are not None.
  static TreeSpec model_output(const std::string& type, const std::vector<std::string>& fields,
                               std::vector<TreeSpec> children);
  /// Any registered type with its serialised context text (a JSON string or object, as the type's own dumper makes it).
  static TreeSpec custom(const std::string& type, Json context, std::vector<TreeSpec> children);
};

/// Exactly torch.utils._pytree.treespec_dumps: "[1, {...}]".
std::string treespec_dumps(const TreeSpec& spec);
/// Reads treespec_dumps back. Throws ExportError.
TreeSpec treespec_loads(const std::string& text);
/// Dotted path of each leaf: "past_key_values.layers.0.keys", "hidden_states.1" (transformers' get_leaf_tensors
/// naming). A spec that is one leaf is named "output". Leaves that hold no tensor have a path too.
std::vector<std::string> leaf_paths(const TreeSpec& spec);
/// The same for tuple(args, dict(kwargs)): kwargs by name, positional ones by their index.
std::vector<std::string> input_paths(const TreeSpec& in_spec);

}  // namespace exformer
