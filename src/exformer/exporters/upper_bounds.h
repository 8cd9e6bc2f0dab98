// The largest sizes that an ExecuTorch program is planned for, where dynamic_shapes gives none.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "exformer/exporters/auto_model.h"
#include "exformer/exporters/configs.h"
#include "exformer/ir/program.h"

namespace exformer {

/// Upper bounds by symbol, from generous to small: the first plan that is not too large is taken. Lengths end with the
/// config's max_position_embeddings.
std::vector<std::map<std::string, int64_t>> upper_bound_choices(const ExportedProgram& program,
                                                                const PretrainedModel& model,
                                                                const ExecutorchConfig& config);

}  // namespace exformer
