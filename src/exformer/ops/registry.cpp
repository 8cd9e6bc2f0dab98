#include "exformer/ops/registry.h"

#include "exformer/base/strings.h"
#include "exformer/ops/declarations.h"

namespace exformer {

const OpRegistry& OpRegistry::standard() {
  static const OpRegistry kRegistry = [] {
    OpRegistry ops;
#define OP_FILE(name) declare_##name##_ops(ops);
#include "exformer/ops/declarations.inc"
#undef OP_FILE
    return ops;
  }();
  return kRegistry;
}

void OpRegistry::declare(OpDeclaration declaration) {
  auto op = std::make_unique<Op>();
  op->schema = parse_schema(declaration.schema);
  op->infer = std::move(declaration.infer);
  op->kernel = std::move(declaration.kernel);
  op->out_variant = declaration.out_variant;
  op->tags = declaration.tags;
  op->decompose = std::move(declaration.decompose);
  const bool is_new = by_name_.emplace(op->schema.name, op.get()).second;
  EXFORMER_ASSERT(is_new && "an overload is declared once");
  ops_.push_back(std::move(op));
}

const Op* OpRegistry::find(std::string_view name) const {
  std::string key(name);
  if (key.starts_with("torch.ops.")) key = key.substr(10);
  if (key.find("::") == std::string::npos) {
    const size_t dot = key.find('.');
    if (dot == std::string::npos) return nullptr;
    key = key.substr(0, dot) + "::" + key.substr(dot + 1);
  }
  if (key.ends_with(".default")) key.resize(key.size() - 8);
  const auto found = by_name_.find(key);
  return found == by_name_.end() ? nullptr : found->second;
}

const Op& OpRegistry::get(std::string_view name) const {
  if (const Op* op = find(name)) return *op;
  std::vector<std::string> names;
  names.reserve(ops_.size());
  for (const auto& op : ops_) names.push_back(op->schema.name);
  unsupported("op '{}' is not known{}", name, nearest_hint(name, names));
}

}  // namespace exformer
