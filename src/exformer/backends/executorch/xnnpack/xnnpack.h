// The XNNPACK delegate: which parts of a program it takes, and why the rest stays outside.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "exformer/backends/executorch/delegate.h"
#include "exformer/ir/program.h"

namespace exformer::executorch {

struct XnnpackOptions {
  /// Parts with fewer multiply-adds than this (at the sample's sizes) and no softmax stay outside: a call costs more.
  int64_t smallest_part = 1;
};

/// What the partitioner did.
struct PartitionReport {
  /// An op between two delegate calls: without it they would be one.
  struct Break {
    std::string op;           // "aten::cumsum"
    std::string module_path;  // "model.layers.0.mixer"
    std::string reason;
  };
  /// Ops of floating point that no delegate took, by op and reason; breaks among them.
  struct Outside {
    std::string op;
    std::string reason;
    int64_t count = 0;
  };
  int64_t delegate_calls = 0;
  int64_t delegated_nodes = 0;                                // of the program
  double delegated_multiply_adds = 0, all_multiply_adds = 0;  // at the sample's sizes
  std::vector<Break> breaks;
  std::vector<Outside> outside;

  /// 100 when there is nothing to multiply.
  double delegated_percent() const {
    return all_multiply_adds > 0 ? 100.0 * delegated_multiply_adds / all_multiply_adds : 100.0;
  }
};

/// Moves what XNNPACK can run out of the graph: each part becomes a call of `executorch::call_delegate` and one entry
/// of `delegates`. Works on whole ops (linear, scaled_dot_product_attention, layer_norm, ...), before they are
/// decomposed. Weights that only delegates read are no inputs of the program any more.
PartitionReport delegate_to_xnnpack(ExportedProgram& program, std::vector<Delegate>& delegates,
                                    const XnnpackOptions& options = {});

/// Less than `percent` delegated is an ExportError (Unsupported) that names the breaks.
void check_delegated(const PartitionReport& report, std::optional<double> percent);

}  // namespace exformer::executorch
