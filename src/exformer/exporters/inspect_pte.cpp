// Facts about .pte files.
#include "exformer/backends/executorch/reader.h"
#include "exformer/exporters/inspect.h"

namespace exformer {
namespace {

using executorch::PteFile;
using executorch::PteMethod;
using executorch::PteValue;

Json describe(const std::vector<PteValue>& values) {
  Json list = Json::array();
  for (const PteValue& value : values) {
    if (value.kind != "Tensor") {
      list.push_back({{"kind", value.kind}});
      continue;
    }
    list.push_back({{"kind", value.kind},
                    {"dtype", value.dtype ? Json(dtype_name(*value.dtype)) : Json(nullptr)},
                    {value.is_dynamic ? "largest_shape" : "shape", value.sizes}});
  }
  return list;
}

Json describe(const PteMethod& method) {
  Json delegates = Json::array();
  for (const executorch::PteDelegate& delegate : method.delegates) {
    Json entry = {{"id", delegate.id}, {"calls", delegate.calls}, {"payload_bytes", delegate.payload_bytes}};
    for (const auto& [kind, count] : delegate.nodes) entry["nodes"][kind] = count;
    delegates.push_back(std::move(entry));
  }
  Json operators = Json::object();
  for (const auto& [name, count] : method.operators) operators[name] = count;
  uint64_t arena = 0;
  for (const uint64_t bytes : method.arenas) arena += bytes;
  return {{"name", method.name},   {"inputs", describe(method.inputs)},   {"outputs", describe(method.outputs)},
          {"arena_bytes", arena},  {"instructions", method.instructions}, {"operators", operators},
          {"delegates", delegates}};
}

}  // namespace

Inspection inspect_pte(const std::filesystem::path& path) {
  const auto mapped = MappedFile::open(path);
  const PteFile file = executorch::read_pte(mapped->bytes(), path.string());
  uint64_t named = 0;
  for (const auto& [key, bytes] : file.named_data) named += bytes;
  Json facts = {{"kind", "pte"},
                {"path", path.string()},
                {"file_bytes", mapped->bytes().size()},
                {"segments",
                 {{"tables", file.table_bytes},
                  {"constants", file.constant_bytes},
                  {"constant_tensors", file.constants},
                  {"named_data", named},
                  {"named_data_entries", file.named_data.size()},
                  {"delegate_payloads", file.payload_bytes}}},
                {"methods", Json::array()}};
  for (const PteMethod& method : file.methods) facts["methods"].push_back(describe(method));
  if (!file.external.empty()) facts["external_tensors"] = file.external;
  return {std::move(facts), executorch::pte_graph(mapped->bytes(), path.string())};
}

}  // namespace exformer
