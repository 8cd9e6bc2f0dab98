// ONNX: from an exported program to a model, and to files.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exformer/ir/program.h"

namespace exformer {

inline constexpr int kOldestOnnxOpset = 18;
inline constexpr int kNewestOnnxOpset = 24;
/// The newest that ONNX Runtime 1.32 runs well: 23 brings Attention, RMSNormalization and RotaryEmbedding, 24 Swish.
inline constexpr int kDefaultOnnxOpset = 24;

struct OnnxOptions {
  std::optional<int> opset_version;  // none: kDefaultOnnxOpset
  bool external_data = true;         // weights in a sidecar; above 2 GB they always are
  bool optimize = true;
  bool export_params = true;  // false: weights become graph inputs without data
  bool keep_initializers_as_inputs = false;
  std::string ort_fusions;  // "cpu": com.microsoft ops
  enum class Names { Transformers, GenAi } names = Names::Transformers;
  enum class Weights { Copy, Share } weights = Weights::Copy;
};

namespace onnx {
class OnnxGraph;
}

/// A lowered model; its weights still lie in the checkpoint.
class OnnxModel {
 public:
  OnnxModel();
  OnnxModel(OnnxModel&&) noexcept;
  OnnxModel& operator=(OnnxModel&&) noexcept;
  ~OnnxModel();
  size_t node_count() const;

  std::shared_ptr<SymContext> symbols;  // of the graph's sizes
  std::unique_ptr<onnx::OnnxGraph> graph;
  OnnxOptions options;
};

/// The program is rewritten on the way (decompositions, passes). All ops without a lowering are gathered into one
/// ExportError (Unsupported) with their module paths and reasons.
OnnxModel lower_to_onnx(ExportedProgram& program, const OnnxOptions& options);

/// Where write_onnx puts things.
struct OnnxFiles {
  std::filesystem::path model;
  std::filesystem::path sidecar;
  std::string sidecar_name;  // how the model refers to the sidecar
  OnnxOptions::Weights weights = OnnxOptions::Weights::Copy;
};

/// Writes the model and its sidecar, which is written even when it stays empty. With Weights::Share, weights that are
/// stored as they are needed stay in the checkpoint's files; those that the model refers to, by their own file names,
/// are returned, and must be put beside it (share_file).
std::vector<std::filesystem::path> write_onnx(const OnnxModel& model, const OnnxFiles& files);

}  // namespace exformer
