// Programs given as text, what the XNNPACK partitioner makes of them, and what lies in the payloads.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "exformer/backends/executorch/xnnpack/xnnpack.h"
#include "exformer/ir/text.h"
#include "exformer/ops/text_parser.h"
#include "payload_generated.h"

namespace exformer::executorch {

/// A program whose inputs named w... are weights of zeros.
inline ExportedProgram program_of(std::string_view text) {
  ExportedProgram program;
  program.graph = parse_graph(text);
  for (Value* input : program.graph->inputs()) {
    const bool is_weight = input->name.front() == 'w';
    program.inputs.push_back({.kind = is_weight ? InputSpec::Kind::Parameter : InputSpec::Kind::UserInput,
                              .value = input,
                              .target = input->name});
    if (!is_weight) continue;
    std::vector<int64_t> sizes;
    for (const SymInt& size : input->meta.sizes) sizes.push_back(size.value());
    program.state_dict.emplace(input->name, LazyTensor(HostTensor::zeros(input->meta.dtype, sizes)));
  }
  return program;
}

struct Delegated {
  ExportedProgram program;
  std::vector<Delegate> delegates;
  PartitionReport report;
};

inline Delegated delegate(std::string_view text, const XnnpackOptions& options = {}) {
  Delegated result{.program = program_of(text)};
  result.report = delegate_to_xnnpack(result.program, result.delegates, options);
  return result;
}

inline const xnnpack::fb::Graph* tables(const Delegate& delegate) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(delegate.payload.data());
  EXPECT_EQ(std::memcmp(bytes + 4, "XH00", 4), 0);
  uint32_t offset = 0, size = 0;
  std::memcpy(&offset, bytes + 10, 4);
  std::memcpy(&size, bytes + 14, 4);
  flatbuffers::Verifier verifier(bytes + offset, size);
  EXPECT_TRUE(xnnpack::fb::VerifyGraphBuffer(verifier));
  return xnnpack::fb::GetGraph(bytes + offset);
}

inline std::vector<xnnpack::fb::AnyNode> nodes(const Delegate& delegate) {
  std::vector<xnnpack::fb::AnyNode> kinds;
  for (const auto* node : *tables(delegate)->nodes()) kinds.push_back(node->node_type());
  return kinds;
}

inline std::vector<std::string> keys(const Delegate& delegate) {
  std::vector<std::string> result;
  for (const NamedData& data : delegate.named_data) result.push_back(data.key);
  return result;
}

inline std::vector<std::string> ops(const Graph& graph) {
  std::vector<std::string> result;
  for (const auto& node : graph.nodes()) result.push_back(node->op());
  return result;
}

}  // namespace exformer::executorch
