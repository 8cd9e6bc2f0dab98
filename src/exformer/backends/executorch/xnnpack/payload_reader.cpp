#include "exformer/backends/executorch/xnnpack/payload_reader.h"

#include <cstring>
#include <vector>

#include "payload_generated.h"

namespace exformer::executorch::xnnpack {
namespace {

constexpr size_t kHeaderSize = 30;

uint32_t number_at(Bytes bytes, size_t offset) {
  uint32_t value = 0;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

}  // namespace

std::map<std::string, int64_t> count_payload_nodes(Bytes payload) {
  if (payload.size() < kHeaderSize || std::memcmp(payload.data() + 4, "XH00", 4) != 0) return {};
  const uint64_t tables_at = number_at(payload, 10), tables_size = number_at(payload, 14);
  if (tables_size < 16 || tables_at > payload.size() || tables_size > payload.size() - tables_at) return {};
  // Segments begin anywhere: the tables are read from memory that is aligned.
  std::vector<uint64_t> tables(tables_size / 8 + 1);
  std::memcpy(tables.data(), payload.data() + tables_at, tables_size);
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(tables.data()), tables_size);
  if (!fb::VerifyGraphBuffer(verifier)) return {};
  std::map<std::string, int64_t> counts;
  if (const auto* nodes = fb::GetGraph(tables.data())->nodes()) {
    for (const fb::Node* node : *nodes) ++counts[fb::EnumNameAnyNode(node->node_type())];
  }
  return counts;
}

}  // namespace exformer::executorch::xnnpack
