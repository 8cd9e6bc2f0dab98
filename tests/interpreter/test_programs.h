// Small programs for the interpreter's tests, from graph text.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exformer/ir/program.h"
#include "exformer/ops/text_parser.h"

namespace exformer {

/// A program whose graph inputs are the given weights (by name, first) and then user inputs of the same names as in the
/// text.
inline std::unique_ptr<ExportedProgram> make_program(std::string_view text,
                                                     std::vector<std::pair<std::string, LazyTensor>> weights = {}) {
  auto program = std::make_unique<ExportedProgram>();
  program->graph = parse_graph(text);
  for (auto& [name, weight] : weights) program->state_dict.emplace(name, std::move(weight));
  for (Value* input : program->graph->inputs()) {
    const bool is_weight = program->state_dict.contains(input->name);
    program->inputs.push_back(
        {is_weight ? InputSpec::Kind::Parameter : InputSpec::Kind::UserInput, input, input->name});
  }
  for (size_t i = 0; i < program->graph->outputs().size(); ++i)
    program->outputs.push_back({OutputSpec::Kind::UserOutput, ""});
  return program;
}

inline HostTensor floats(std::vector<int64_t> sizes, const std::vector<float>& values) {
  return HostTensor::from(DType::Float32, std::move(sizes), values);
}

/// Values that look random but are the same each time, in [-1, 1).
inline HostTensor noise(std::vector<int64_t> sizes, uint32_t seed = 1) {
  HostTensor tensor = HostTensor::empty(DType::Float32, std::move(sizes));
  uint32_t state = seed * 2654435761U + 1U;
  for (int64_t i = 0; i < tensor.element_count(); ++i) {
    state = state * 1664525U + 1013904223U;
    tensor.data<float>()[i] = static_cast<float>(state >> 8) / 8388608.0F - 1.0F;
  }
  return tensor;
}

inline std::vector<float> values_of(const HostTensor& tensor) {
  const HostTensor contiguous = tensor.to(DType::Float32).contiguous();
  return {contiguous.data<float>(), contiguous.data<float>() + contiguous.element_count()};
}

}  // namespace exformer
