// Overloads of an op and of its in-place form need not share a name, so the arguments' types decide.
#include "exformer/ops/functional_form.h"

#include <algorithm>

namespace exformer {
namespace {

/// "aten::add" of "aten::add.Tensor".
std::string_view without_overload(std::string_view name) { return name.substr(0, name.find('.', name.find("::") + 2)); }

/// The same arguments in the same order; the written one may have another name (`input`).
bool takes_the_same(const OpSchema& functional, const OpSchema& in_place) {
  return functional.arguments.size() == in_place.arguments.size() &&
         std::equal(functional.arguments.begin() + 1, functional.arguments.end(), in_place.arguments.begin() + 1,
                    [](const SchemaArgument& a, const SchemaArgument& b) {
                      return a.type == b.type && a.optional == b.optional && a.keyword_only == b.keyword_only;
                    }) &&
         functional.arguments[0].type == in_place.arguments[0].type;
}

}  // namespace

const Op* functional_form(const OpRegistry& ops, const Op& in_place) {
  const std::string& name = in_place.schema.name;
  std::string base(without_overload(name));
  EXFORMER_ASSERT(has_tag(in_place.tags, Tag::Inplace) && base.ends_with("_") && !in_place.schema.arguments.empty());
  base.pop_back();
  const Op* same_overload = ops.find(base + name.substr(base.size() + 1));
  if (same_overload && takes_the_same(same_overload->schema, in_place.schema)) return same_overload;
  for (const auto& op : ops.ops()) {
    if (without_overload(op->schema.name) == base && takes_the_same(op->schema, in_place.schema)) return op.get();
  }
  return nullptr;
}

}  // namespace exformer
