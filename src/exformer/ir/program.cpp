#include "exformer/ir/program.h"

#include <fmt/format.h>

#include <algorithm>

namespace exformer {

std::string Condition::text() const {
  const std::string what = path.empty() ? allowed : fmt::format("{}.shape[{}] must be {}", path, axis, allowed);
  return reason.empty() ? what : fmt::format("{} ({})", what, reason);
}

const LazyTensor* ExportedProgram::data(const InputSpec& input) const {
  if (input.kind == InputSpec::Kind::UserInput) return nullptr;
  for (const auto* table : {&state_dict, &constants}) {
    const auto found = table->find(input.target);
    if (found != table->end()) return &found->second;
  }
  return nullptr;
}

bool ExportedProgram::is_written(const InputSpec& input) const {
  return input.kind == InputSpec::Kind::Buffer &&
         std::any_of(outputs.begin(), outputs.end(), [&](const OutputSpec& output) {
           return output.kind == OutputSpec::Kind::BufferMutation && output.target == input.target;
         });
}

std::vector<const InputSpec*> ExportedProgram::user_inputs() const {
  std::vector<const InputSpec*> result;
  for (const InputSpec& input : inputs) {
    if (input.kind == InputSpec::Kind::UserInput) result.push_back(&input);
  }
  return result;
}

}  // namespace exformer
