// ONNX Runtime through its C interface, found when it is first needed; nothing of it is needed to build.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "exformer/tensor/host_tensor.h"

namespace exformer {

/// An opened ONNX Runtime library. Sessions keep it alive.
class OnnxRuntime {
 public:
  /// Opens `library` (a file, or a folder that holds libonnxruntime.so*); without it, the first that opens of: the
  /// environment's EXFORMER_ONNXRUNTIME and ORT_DYLIB_PATH, the system's loader, pip's folders (VIRTUAL_ENV, ./.venv,
  /// CONDA_PREFIX, PYTHONPATH, the pythons on PATH, the user's and the system's). Throws ExportError that says where it
  /// looked and how to get it.
  static std::shared_ptr<OnnxRuntime> load(const std::optional<std::filesystem::path>& library = std::nullopt);
  ~OnnxRuntime();
  OnnxRuntime(const OnnxRuntime&) = delete;
  OnnxRuntime& operator=(const OnnxRuntime&) = delete;

  /// "1.32.0"
  const std::string& version() const;
  /// The file that was opened; a bare name when the system's loader found it.
  const std::filesystem::path& path() const;

  class Impl;
  Impl& impl() { return *impl_; }

 private:
  explicit OnnxRuntime(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Files in pip's folders that could be ONNX Runtime, best first; what load() tries last. Nothing is executed.
std::vector<std::filesystem::path> onnx_runtime_candidates();

/// An input or output of a model.
struct OnnxValueInfo {
  std::string name;
  DType dtype = DType::Float32;
  std::vector<std::optional<int64_t>> sizes;  // nothing for a dim that varies
  std::vector<std::string> symbols;           // names of the dims that vary, "" where there is none
};

struct OnnxSessionOptions {
  int threads = 0;       // of one op; 0: as many as there are cores
  bool optimize = true;  // the runtime's own graph optimisations
};

/// A model ready to run. Errors of the runtime become ExportErrors.
class OnnxSession {
 public:
  /// Loads a model file; external data are found beside it.
  OnnxSession(std::shared_ptr<OnnxRuntime> runtime, const std::filesystem::path& model,
              const OnnxSessionOptions& options = {});
  /// Loads a model from memory; external data are found in `external_data`, if given.
  OnnxSession(std::shared_ptr<OnnxRuntime> runtime, Bytes model, const std::filesystem::path& external_data = {},
              const OnnxSessionOptions& options = {});
  ~OnnxSession();
  OnnxSession(OnnxSession&&) noexcept;
  OnnxSession& operator=(OnnxSession&&) noexcept;

  /// In the model's order.
  const std::vector<OnnxValueInfo>& inputs() const;
  const std::vector<OnnxValueInfo>& outputs() const;
  /// Runs the model. Each input must be given, under its name, with its dtype and rank; outputs come in the model's
  /// order.
  std::vector<std::pair<std::string, HostTensor>> run(const std::map<std::string, HostTensor>& inputs) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace exformer
