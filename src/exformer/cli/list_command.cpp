#include <cstdio>

#include "exformer/cli/commands.h"
#include "exformer/models/family.h"
#include "exformer/ops/registry.h"

namespace exformer::cli {
namespace {

Json list_families() {
  Json families = Json::object();
  for (const ModelFamily& family : model_families()) {
    Json architectures = Json::object();
    for (const Architecture& architecture : family.architectures)
      architectures[architecture.name] = task_name(architecture.task);
    families[family.model_type] = std::move(architectures);
  }
  return families;
}

Json list_ops() {
  Json ops = Json::array();
  for (const auto& op : OpRegistry::standard().ops()) ops.push_back(op->schema.name);
  return ops;
}

}  // namespace

Json run_list(const ListOptions& options, const CommonOptions& common) {
  const bool all = !options.families && !options.ops && !options.backends;
  Json result = Json::object();
  if (options.families || all) result["families"] = list_families();
  if (options.ops) result["ops"] = list_ops();
  if (options.backends || all) result["backends"] = {"dynamo", "onnx", "executorch"};
  if (common.json || common.quiet) return result;
  if (result.contains("families")) {
    for (const auto& [family, architectures] : result["families"].items()) {
      std::printf("%s\n", family.c_str());
      for (const auto& [name, task] : architectures.items())
        std::printf("  %-36s %s\n", name.c_str(), task.get<std::string>().c_str());
    }
  }
  if (result.contains("ops")) {
    for (const Json& op : result["ops"]) std::printf("%s\n", op.get<std::string>().c_str());
  }
  if (result.contains("backends")) {
    for (const Json& backend : result["backends"]) std::printf("backend %s\n", backend.get<std::string>().c_str());
  }
  return result;
}

}  // namespace exformer::cli
