// Writes an exported program as the `.pt2` archive that torch 2.13 reads and writes.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "exformer/ir/program.h"

namespace exformer {

/// How inputs and outputs are nested in the file.
enum class Pt2Pytree {
  Transformers,  // ModelOutputs and caches under their own types; loading needs transformers' classes registered
  Plain,  // dicts and lists only (a cache is {"layers": [{"keys", "values"}, ...]}), so that torch alone loads it
};

struct Pt2Options {
  Pt2Pytree pytree = Pt2Pytree::Transformers;
  /// An example call, by dotted leaf path. Written where it needs no class but torch's own: not for caches, unless
  /// Plain.
  std::vector<std::pair<std::string, HostTensor>> sample_inputs;
};

/// The graph keeps its dialect (torch's "TRAINING": any ATen op, real strides); symbolic arguments become sym_size and
/// arithmetic nodes. Weights are streamed, each storage once. The same program gives the same bytes. Throws
/// ExportError; the file is then incomplete.
void write_pt2(const ExportedProgram& program, const std::filesystem::path& path, const Pt2Options& options = {});

}  // namespace exformer
