// Reads a `.pt2` archive, ours or torch's (torch.export.save, schema 8), as an exported program.
#pragma once

#include <filesystem>

#include "exformer/ir/program.h"
#include "exformer/ops/registry.h"

namespace exformer {

namespace pt2 {
class ZipReader;
}

/// Weights are windows on the mapped file; nothing is copied and no pickle is read. Symbolic integers computed by nodes
/// become expressions in the arguments; runtime assertions are kept where they speak of sizes; a lower bound of 2 reads
/// as 1, because torch writes it for every dynamic dim. Throws ExportError: Failed for a damaged file, Unsupported for
/// what the IR cannot hold, naming all unknown ops at once.
ExportedProgram read_pt2(const std::filesystem::path& path, const OpRegistry& ops = OpRegistry::standard());
/// The same from an open archive.
ExportedProgram read_pt2(const pt2::ZipReader& archive, const OpRegistry& ops = OpRegistry::standard());

}  // namespace exformer
