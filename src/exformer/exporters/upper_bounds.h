// The largest sizes that an ExecuTorch program is planned for, where dynamic_shapes gives none.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "exformer/exporters/configs.h"
#include "exformer/ir/program.h"

namespace exformer {

/// The longest sequence that a model's config allows; 0 when it does not say.
int64_t longest_sequence(int64_t max_position_embeddings, const Json& config);

/// Upper bounds by symbol, from generous to small: the first plan that is not too large is taken. Lengths end with
/// `longest`, if it is not 0.
std::vector<std::map<std::string, int64_t>> upper_bound_choices(const ExportedProgram& program, int64_t longest,
                                                                const ExecutorchConfig& config);

}  // namespace exformer
