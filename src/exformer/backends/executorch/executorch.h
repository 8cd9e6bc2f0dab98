// ExecuTorch: from an exported program to a program of the runtime, and to a `.pte` file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exformer/backends/executorch/memory_planning.h"
#include "exformer/backends/executorch/xnnpack/xnnpack.h"
#include "exformer/ir/program.h"

namespace exformer {

struct ExecutorchOptions {
  enum class Backend { Portable, Xnnpack } backend = Backend::Portable;
  executorch::PlanningOptions planning;
  // Of symbols, below their own; the first choice whose arena stays within arena_goal is taken, else the last.
  std::vector<std::map<std::string, int64_t>> upper_bounds;
  uint64_t arena_goal = 2'500'000'000;
  bool check_bounds = true;           // inputs beyond those of upper_bounds end the run with a message
  bool external_data = false;         // weights in a data file (`.ptd`) beside the program
  bool llm_custom_ops = false;        // `llama::custom_sdpa` for attention that it can compute
  std::optional<uint64_t> max_arena;  // bytes; a larger plan is refused
  // Percent of the multiply-adds that delegates must take; less is refused.
  std::optional<double> require_delegated;
  executorch::XnnpackOptions xnnpack;
};

/// A lowered and planned program; its weights still lie in the checkpoint.
struct ExecutorchModel {
  std::shared_ptr<SymContext> symbols;  // of the program's sizes
  executorch::ExecutorchProgram program;
  executorch::ArenaReport arena;
  std::optional<executorch::PartitionReport> partition;  // with a delegate
  std::shared_ptr<const executorch::UpperBounds> bounds;
  std::vector<Condition> bound_conditions;  // what the program checks of them
  ExecutorchOptions options;

  size_t instruction_count() const { return program.instructions.size(); }
};

/// The program is rewritten on the way. All ops without a kernel are gathered into one ExportError (Unsupported) with
/// their module paths and reasons.
ExecutorchModel lower_to_executorch(ExportedProgram& program, const ExecutorchOptions& options);

/// Writes the `.pte`: tables, then the weights (unless they are external), each once.
void write_executorch(const ExecutorchModel& model, const std::filesystem::path& path);
/// Writes the weights of a program whose data are external.
void write_executorch_data(const ExecutorchModel& model, const std::filesystem::path& path);

}  // namespace exformer
