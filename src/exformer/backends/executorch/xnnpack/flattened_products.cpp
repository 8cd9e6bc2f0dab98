#include "exformer/backends/executorch/xnnpack/flattened_products.h"

#include <algorithm>
#include <string_view>

#include "exformer/ops/builder.h"

namespace exformer::executorch::xnnpack {
namespace {

bool is_view(const Node* node) {
  return node && (node->is("aten::view") || node->is("aten::reshape") || node->is("aten::_unsafe_view"));
}

/// The argument that holds the rows; empty for another op.
std::string_view rows_argument(const Node& node) {
  if (node.is("aten::addmm")) return "mat1";
  if (node.is("aten::mm")) return "self";
  return node.is("aten::linear") ? "input" : "";
}

bool is_one(const Argument& factor) {
  const auto* integer = factor.get_if<SymInt>();
  const auto* real = factor.get_if<double>();
  return (integer && *integer == SymInt(1)) || (real && *real == 1.0);
}

Value* product(Node* node, Value* source) {
  GraphBuilder builder(node->graph(), node);
  builder.set_module_path(node->module_path);
  if (node->is("aten::linear"))
    return builder.call("aten::linear", {source, node->argument("weight"), node->argument("bias")});
  Value* result = builder.call("aten::matmul", {source, node->argument("mat2")});
  return node->is("aten::mm") ? result : builder.call("aten::add.Tensor", {result, node->argument("self")});
}

void unflatten(Node* node) {
  const Value* rows = node->argument(rows_argument(*node)).as<Value*>();
  if (rows->meta.rank() != 2 || !is_view(rows->producer())) return;
  Value* source = rows->producer()->arguments()[0].as<Value*>();
  if (source->meta.rank() < 3 || source->meta.sizes.back() != rows->meta.sizes.back()) return;
  if (node->is("aten::addmm")) {
    const bool is_plain = is_one(node->argument("alpha")) && is_one(node->argument("beta")) &&
                          node->argument("self").as<Value*>()->meta.rank() == 1;
    if (!is_plain) return;
  }
  std::vector<SymInt> sizes(source->meta.sizes.begin(), source->meta.sizes.end() - 1);
  sizes.push_back(node->output()->meta.sizes.back());
  const std::vector<Node*> users = node->output()->users();
  const bool is_restored = !users.empty() && !node->graph().is_output(node->output()) &&
                           std::all_of(users.begin(), users.end(), [&](const Node* user) {
                             return is_view(user) && user->output()->meta.sizes == sizes;
                           });
  if (!is_restored) return;
  Value* result = product(node, source);
  for (Node* user : users) node->graph().replace_all_uses(user->output(), result);
}

}  // namespace

void unflatten_products(Graph& graph) {
  std::vector<Node*> products;
  for (const auto& node : graph.nodes()) {
    if (!rows_argument(*node).empty()) products.push_back(node.get());
  }
  for (Node* node : products) unflatten(node);
}

}  // namespace exformer::executorch::xnnpack
