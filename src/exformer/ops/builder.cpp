#include "exformer/ops/builder.h"

#include <fmt/format.h>

#include "exformer/ops/data_sizes.h"

namespace exformer {
std::vector<OutputMeta> infer(const Op& op, const std::vector<Argument>& arguments) {
  std::vector<BasicArgument<const TensorMeta*>> metas;
  metas.reserve(arguments.size());
  for (const Argument& argument : arguments) {
    metas.push_back(map_tensors<const TensorMeta*>(
        argument, [](Value* value) -> const TensorMeta* { return value ? &value->meta : nullptr; }));
  }
  return op.infer(GraphMetaArgs(op.schema, metas, arguments));
}

std::vector<HostTensor> run_kernel(const Op& op, const std::vector<BasicArgument<HostTensor>>& arguments) {
  if (!op.kernel) unsupported("{} has no kernel", op.schema.name);
  return op.kernel(KernelArgs(op.schema, arguments));
}

Node* GraphBuilder::append(const Op& op, std::vector<Argument> arguments) {
  try {
    std::vector<OutputMeta> outputs = infer(op, arguments);
    Node* node = graph_->create_node(op.schema, std::move(arguments), std::move(outputs), before_);
    node->module_path = module_path_;
    return node;
  } catch (const ExportError& error) {
    if (module_path_.empty()) throw;
    throw ExportError(error.kind(), fmt::format("{} > {}", module_path_, error.what()));
  }
}

std::vector<Value*> GraphBuilder::call_all(std::string_view name, std::vector<Argument> positional,
                                           std::vector<NamedArgument> named) {
  const Op& op = ops_->get(name);
  std::vector<std::pair<std::string_view, Argument>> by_name;
  by_name.reserve(named.size());
  for (NamedArgument& argument : named) by_name.emplace_back(argument.name, std::move(argument.value));
  return append(op, bind_arguments<Value*>(op.schema, std::move(positional), std::move(by_name)))->outputs();
}

Value* GraphBuilder::call(std::string_view name, std::vector<Argument> positional, std::vector<NamedArgument> named) {
  const std::vector<Value*> outputs = call_all(name, std::move(positional), std::move(named));
  EXFORMER_ASSERT(outputs.size() == 1);
  return outputs.front();
}

bool decompose_node(Node* node, const OpRegistry& ops) {
  const Op& op = ops.get(*node);
  if (!op.decompose) return false;
  Graph& graph = node->graph();
  GraphBuilder builder(graph, node, ops);
  builder.set_module_path(node->module_path);
  const std::vector<Value*> results = op.decompose(builder, ValueArgs(op.schema, node->arguments()));
  EXFORMER_ASSERT(results.size() == node->outputs().size());
  for (size_t i = 0; i < results.size(); ++i) graph.replace_all_uses(node->output(i), results[i]);
  graph.erase_node(node);
  return true;
}

}  // namespace exformer
