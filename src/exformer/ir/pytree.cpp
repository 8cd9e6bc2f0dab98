// Pytree specs and their text form; the text is byte for byte what torch.utils._pytree.treespec_dumps writes.
#include "exformer/ir/pytree.h"

#include <utility>

#include "exformer/base/error.h"

namespace exformer {
namespace {

constexpr int kProtocol = 1;  // torch.utils._pytree.DEFAULT_TREESPEC_SERIALIZATION_PROTOCOL

// The one type of torch's own whose serialised context is a JSON object, not a text.
constexpr const char* kDefaultDict = "collections.defaultdict";

// A context text is decoded only where encoding gives the same text back; any other text (a namedtuple's name) is kept
// as it is.
Json decode_context(const std::string& text) {
  Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded() || value.is_string() || dump_json(value) != text) return Json(text);
  return value;
}

Json to_json(const TreeSpec& spec) {
  Json node = Json::object();
  if (spec.is_leaf()) {
    node["type"] = nullptr;
    node["context"] = nullptr;
    node["children_spec"] = Json::array();
    return node;
  }
  node["type"] = spec.type;
  if (spec.context.is_string() || spec.type == kDefaultDict) {
    node["context"] = spec.context;
  } else {
    node["context"] = dump_json(spec.context);
  }
  Json children = Json::array();
  for (const TreeSpec& child : spec.children) children.push_back(to_json(child));
  node["children_spec"] = std::move(children);
  return node;
}

TreeSpec from_json(const Json& node) {
  if (!node.is_object() || !node.contains("type") || !node.contains("context") || !node.contains("children_spec") ||
      !node["children_spec"].is_array()) {
    fail("pytree spec: each node must be an object with 'type', 'context' and a list 'children_spec'");
  }
  const Json& type = node["type"];
  const Json& children = node["children_spec"];
  if (type.is_null()) {
    if (!node["context"].is_null() || !children.empty())
      fail("pytree spec: a leaf (type null) has a context or children");
    return TreeSpec::leaf();
  }
  if (!type.is_string() || type.get_ref<const std::string&>().empty())
    fail("pytree spec: 'type' must be a type name or null");
  TreeSpec spec;
  spec.type = type.get<std::string>();
  const Json& context = node["context"];
  spec.context = context.is_string() ? decode_context(context.get_ref<const std::string&>()) : context;
  for (const Json& child : children) spec.children.push_back(from_json(child));
  const bool named = spec.type == "builtins.dict" || spec.type == "collections.OrderedDict";
  if (named && (!spec.context.is_array() || spec.context.size() != spec.children.size())) {
    fail("pytree spec: a {} needs as many keys as children", spec.type);
  }
  return spec;
}

// A key as Python's f-string shows it.
std::string key_text(const Json& key) { return key.is_string() ? key.get<std::string>() : dump_json(key); }

std::string joined(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : prefix + "." + name;
}

// Paths of the tensors that a transformers object context ("_t" tags) names, by leaf index. A key "_t" marks a tagged
// object, whose attributes stand in the order of vars(); matches
// transformers.exporters.exporter_dynamo._flatten_to_context.
void context_paths(const Json& context, const std::string& prefix, std::vector<std::string>& paths) {
  if (context.is_array()) {
    for (size_t i = 0; i < context.size(); ++i) context_paths(context[i], joined(prefix, std::to_string(i)), paths);
    return;
  }
  if (!context.is_object()) return;
  const auto tag = context.find("_t");
  if (tag == context.end() || !tag->is_string()) {
    for (const auto& [key, value] : context.items()) context_paths(value, joined(prefix, key), paths);
    return;
  }
  const std::string kind = tag->get<std::string>();
  if (kind == "tensor" || kind == "sym") {
    const auto index = context.find("i");
    if (index == context.end() || !index->is_number_unsigned()) return;
    if (index->get<size_t>() < paths.size()) paths[index->get<size_t>()] = prefix.empty() ? "output" : prefix;
  } else if (kind == "obj" || kind == "map" || kind == "seq") {
    const auto state = context.find(kind == "obj" ? "s" : "v");
    if (state != context.end()) context_paths(*state, prefix, paths);
  } else if (kind == "items") {
    const auto pairs = context.find("v");
    if (pairs == context.end() || !pairs->is_array()) return;
    for (const Json& pair : *pairs) {
      if (pair.is_array() && pair.size() == 2) context_paths(pair[1], joined(prefix, key_text(pair[0])), paths);
    }
  }
}

void append_paths(const TreeSpec& spec, const std::string& prefix, std::vector<std::string>& paths) {
  if (spec.is_leaf()) {
    paths.push_back(prefix.empty() ? "output" : prefix);
    return;
  }
  if (spec.context.is_object() && spec.context.contains("_t")) {
    std::vector<std::string> own(spec.children.size());
    for (size_t i = 0; i < own.size(); ++i) own[i] = joined(prefix, std::to_string(i));
    context_paths(spec.context, prefix, own);
    for (size_t i = 0; i < own.size(); ++i) append_paths(spec.children[i], own[i], paths);
    return;
  }
  // Dicts and ModelOutputs list their keys; any other container counts.
  const bool named = spec.context.is_array() && spec.context.size() == spec.children.size();
  for (size_t i = 0; i < spec.children.size(); ++i) {
    append_paths(spec.children[i], joined(prefix, named ? key_text(spec.context[i]) : std::to_string(i)), paths);
  }
}

}  // namespace

size_t TreeSpec::leaf_count() const {
  if (is_leaf()) return 1;
  size_t count = 0;
  for (const TreeSpec& child : children) count += child.leaf_count();
  return count;
}

TreeSpec TreeSpec::tuple(std::vector<TreeSpec> children) { return {"builtins.tuple", nullptr, std::move(children)}; }

TreeSpec TreeSpec::list(std::vector<TreeSpec> children) { return {"builtins.list", nullptr, std::move(children)}; }

TreeSpec TreeSpec::dict(const std::vector<std::string>& keys, std::vector<TreeSpec> children) {
  EXFORMER_ASSERT(keys.size() == children.size());
  return {"builtins.dict", Json(keys), std::move(children)};
}

TreeSpec TreeSpec::model_output(const std::string& type, const std::vector<std::string>& fields,
                                std::vector<TreeSpec> children) {
  EXFORMER_ASSERT(fields.size() == children.size());
  return {type, Json(fields), std::move(children)};
}

TreeSpec TreeSpec::custom(const std::string& type, Json context, std::vector<TreeSpec> children) {
  if (context.is_string()) context = decode_context(context.get<std::string>());
  return {type, std::move(context), std::move(children)};
}

std::string treespec_dumps(const TreeSpec& spec) {
  Json pair = Json::array();
  pair.push_back(kProtocol);
  pair.push_back(to_json(spec));
  return dump_json(pair);
}

TreeSpec treespec_loads(const std::string& text) {
  const Json pair = parse_json(text, "pytree spec");
  if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_integer()) {
    fail("pytree spec: expected [protocol, spec], got {}", text.substr(0, 80));
  }
  if (pair[0] != kProtocol) fail("pytree spec: protocol {} is not known; expected {}", pair[0].dump(), kProtocol);
  return from_json(pair[1]);
}

std::vector<std::string> leaf_paths(const TreeSpec& spec) {
  std::vector<std::string> paths;
  append_paths(spec, "", paths);
  return paths;
}

std::vector<std::string> input_paths(const TreeSpec& in_spec) {
  std::vector<std::string> paths;
  if (in_spec.type == "builtins.tuple" && in_spec.children.size() == 2 && in_spec.children[1].type == "builtins.dict") {
    for (const TreeSpec& part : in_spec.children) {
      if (part.is_leaf()) return leaf_paths(in_spec);
      append_paths(part, "", paths);
    }
    return paths;
  }
  return leaf_paths(in_spec);
}

}  // namespace exformer
