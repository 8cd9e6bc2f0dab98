#include "exformer/ops/data_sizes.h"

#include <fmt/format.h>

#include <algorithm>

namespace exformer {
namespace {

// infer() of ops/builder.cpp calls every rule with one of these.
const GraphMetaArgs& graph_args(const MetaArgs& args) { return static_cast<const GraphMetaArgs&>(args); }

Value* first_value(const std::vector<Argument>& arguments) {
  for (const Argument& argument : arguments) {
    if (const auto* value = argument.get_if<Value*>(); value && *value) return *value;
    if (const auto* values = argument.get_if<std::vector<Value*>>()) {
      for (Value* value : *values) {
        if (value) return value;
      }
    }
  }
  return nullptr;
}

/// The dim of `node`'s result that counts what is true in `mask`, if it does.
std::optional<SymInt> counted(const Node& node, const Value* mask) {
  const std::vector<SymInt>& sizes = node.outputs().empty() ? mask->meta.sizes : node.output()->meta.sizes;
  if (node.is("aten::nonzero") || node.is("aten::argwhere")) return sizes[0];
  if (node.is("aten::masked_select")) {
    const bool same = node.argument("mask") == Argument(const_cast<Value*>(mask)) &&
                      node.argument("self").as<Value*>()->meta.sizes == mask->meta.sizes;
    return same ? std::optional(sizes[0]) : std::nullopt;
  }
  if (!node.is("aten::index.Tensor")) return std::nullopt;
  const auto& indices = node.argument("indices").as<std::vector<Value*>>();
  const auto given = std::count_if(indices.begin(), indices.end(), [](const Value* index) { return index != nullptr; });
  const auto found = std::find(indices.begin(), indices.end(), mask);
  if (given != 1 || found == indices.end()) return std::nullopt;
  return sizes[static_cast<size_t>(found - indices.begin())];
}

}  // namespace

const Value* graph_value(const MetaArgs& args, std::string_view argument) {
  return graph_args(args).values()[args.schema().position(argument)].as<Value*>();
}

SymInt declare_data_size(const MetaArgs& args, int64_t min, int64_t max) {
  Value* value = first_value(graph_args(args).values());
  if (!value) unsupported("{}: a size that depends on data, in a call without tensors", args.schema().name);
  SymContext& symbols = value->graph().symbols();
  int64_t number = 0;
  while (symbols.find(fmt::format("u{}", number))) ++number;
  return symbols.symbol({.name = fmt::format("u{}", number), .min = min, .max = max, .unbacked = true});
}

SymInt count_of_true(const MetaArgs& args, std::string_view argument, size_t index) {
  const Argument& given = graph_args(args).values()[args.schema().position(argument)];
  const Value* mask = given.is<Value*>() ? given.as<Value*>() : given.as<std::vector<Value*>>()[index];
  for (const Node* user : mask->users()) {
    if (const auto count = counted(*user, mask); count && !count->is_constant()) return *count;
  }
  return declare_data_size(args, 0, bounds(element_count(mask->meta.sizes)).max);
}

}  // namespace exformer
