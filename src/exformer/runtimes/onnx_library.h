// What OnnxRuntime and OnnxSession share: the open table, and status handling.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "exformer/base/error.h"
#include "exformer/runtimes/onnx_runtime.h"
#include "exformer/runtimes/ort_api.h"

namespace exformer {

class OnnxRuntime::Impl {
 public:
  /// Opens a library; an empty text means success, otherwise it says why not.
  static std::string open(const std::filesystem::path& library, std::unique_ptr<Impl>& result);
  Impl() = default;
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  /// Throws ExportError with the runtime's message unless `status` is a success.
  void check(ort::Status* status, const std::string& what) const;

  ort::Functions table = nullptr;
  ort::Env* environment = nullptr;
  std::string version;
  std::filesystem::path path;
};

/// Releases an object of the runtime at the end of its scope.
template <class T, class Release>
class OrtHandle {
 public:
  OrtHandle(ort::Functions table, const Release& release) : table_(table), release_(release) {}
  ~OrtHandle() {
    if (object_) release_(table_, object_);
  }
  OrtHandle(const OrtHandle&) = delete;
  OrtHandle& operator=(const OrtHandle&) = delete;
  T** out() { return &object_; }
  T* get() const { return object_; }

 private:
  ort::Functions table_;
  const Release& release_;
  T* object_ = nullptr;
};

}  // namespace exformer
