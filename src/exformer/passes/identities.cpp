#include "exformer/passes/identities.h"

#include <algorithm>

#include "exformer/passes/dead_code.h"

namespace exformer {
namespace {

bool gives_its_input(const Node& node) {
  constexpr std::string_view kAlways[] = {"aten::to.dtype",        "aten::to.device",  "aten::to.dtype_layout",
                                          "aten::to.other",        "aten::type_as",    "aten::_to_copy",
                                          "aten::alias",           "aten::detach",     "aten::lift_fresh",
                                          "aten::lift_fresh_copy", "aten::contiguous", "aten::clone"};
  if (std::find(std::begin(kAlways), std::end(kAlways), node.op()) != std::end(kAlways)) return true;
  if (!node.is("aten::dropout") && !node.is("aten::feature_dropout")) return false;
  return !node.argument("train").as<bool>() || node.argument("p") == Argument(0.0);
}

}  // namespace

bool remove_identities(Graph& graph) {
  bool changed = false;
  for (const auto& node : graph.nodes()) {
    if (!gives_its_input(*node)) continue;
    Value* const* input = node->arguments()[0].get_if<Value*>();
    Value* output = node->output();
    const bool is_read = !output->users().empty() || graph.is_output(output);
    if (!input || !is_read || (*input)->meta != output->meta) continue;
    graph.replace_all_uses(output, *input);
    changed = true;
  }
  if (changed) eliminate_dead_nodes(graph);
  return changed;
}

}  // namespace exformer
