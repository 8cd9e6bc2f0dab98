// Finds and opens the shared library.
#include "exformer/runtimes/onnx_runtime.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <set>
#include <utility>

#include "exformer/runtimes/onnx_library.h"

namespace exformer {
namespace {

namespace fs = std::filesystem;

constexpr const char* kHint =
    "install it (`pip install onnxruntime`, in an active or ./.venv environment), or name the library with "
    "EXFORMER_ONNXRUNTIME=/path/to/libonnxruntime.so";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

bool is_library(const fs::path& path) { return path.filename().string().starts_with("libonnxruntime.so"); }

// libonnxruntime.so* in a folder, newest version first.
std::vector<fs::path> libraries_in(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (is_library(entry.path())) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end(), std::greater<>());
  return found;
}

std::vector<std::string> path_list(const std::string& text) {
  std::vector<std::string> parts;
  size_t start = 0;
  while (start <= text.size()) {
    const size_t end = std::min(text.find(':', start), text.size());
    if (end > start) parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

// site-packages and dist-packages folders below an installation prefix.
std::vector<fs::path> package_folders(const fs::path& prefix) {
  std::vector<fs::path> folders;
  for (const char* lib : {"lib", "lib64"}) {
    std::error_code error;
    std::vector<fs::path> pythons;
    for (const auto& entry : fs::directory_iterator(prefix / lib, error)) {
      if (entry.path().filename().string().starts_with("python3")) pythons.push_back(entry.path());
    }
    std::sort(pythons.begin(), pythons.end(), std::greater<>());
    for (const fs::path& python : pythons) {
      for (const char* packages : {"site-packages", "dist-packages"}) folders.push_back(python / packages);
    }
  }
  return folders;
}

}  // namespace

std::vector<fs::path> onnx_runtime_candidates() {
  std::vector<fs::path> prefixes;
  for (const char* name : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
    if (const std::string value = environment(name); !value.empty()) prefixes.emplace_back(value);
  }
  prefixes.emplace_back(".venv");
  std::error_code error;
  for (const std::string& folder : path_list(environment("PATH"))) {
    // A virtual environment's python is a link out of it, but its packages are beside the link.
    const fs::path python = fs::path(folder) / "python3";
    if (!fs::exists(python, error)) continue;
    prefixes.push_back(fs::path(folder).parent_path());
    const fs::path real = fs::canonical(python, error);
    if (!error) prefixes.push_back(real.parent_path().parent_path());
  }
  if (const std::string home = environment("HOME"); !home.empty()) prefixes.push_back(fs::path(home) / ".local");
  for (const char* prefix : {"/usr/local", "/usr"}) prefixes.emplace_back(prefix);

  std::vector<fs::path> folders;
  for (const std::string& entry : path_list(environment("PYTHONPATH"))) folders.emplace_back(entry);
  for (const fs::path& prefix : prefixes) {
    for (fs::path& folder : package_folders(prefix)) folders.push_back(std::move(folder));
  }
  std::vector<fs::path> candidates;
  std::set<fs::path> seen;
  for (const fs::path& folder : folders) {
    for (fs::path& library : libraries_in(folder / "onnxruntime" / "capi")) {
      if (seen.insert(fs::weakly_canonical(library, error)).second) candidates.push_back(std::move(library));
    }
  }
  return candidates;
}

std::string OnnxRuntime::Impl::open(const fs::path& library, std::unique_ptr<Impl>& result) {
  // Never closed: its threads may outlive every session.
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char* reason = dlerror();
    return reason ? reason : "cannot be opened";
  }
  auto* get_base = reinterpret_cast<const ort::ApiBase* (*)()>(dlsym(handle, "OrtGetApiBase"));
  if (!get_base) return fmt::format("{} is not ONNX Runtime (no OrtGetApiBase)", library.string());
  const ort::ApiBase* base = get_base();
  auto impl = std::make_unique<Impl>();
  impl->table = base->get_api(ort::kApiVersion);
  impl->version = base->get_version();
  impl->path = library;
  if (!impl->table) return fmt::format("{} is version {}, 1.8 or newer is needed", library.string(), impl->version);
  impl->check(ort::kCreateEnv(impl->table, ort::kLogErrors, "exformer", &impl->environment), "cannot start");
  impl->check(ort::kDisableTelemetryEvents(impl->table, impl->environment), "cannot turn telemetry off");
  result = std::move(impl);
  return {};
}

OnnxRuntime::Impl::~Impl() {
  if (environment) ort::kReleaseEnv(table, environment);
}

void OnnxRuntime::Impl::check(ort::Status* status, const std::string& what) const {
  if (!status) return;
  const std::string message = ort::kGetErrorMessage(table, status);
  ort::kReleaseStatus(table, status);
  fail("ONNX Runtime {}: {}: {}", version, what, message);
}

std::shared_ptr<OnnxRuntime> OnnxRuntime::load(const std::optional<fs::path>& library) {
  std::unique_ptr<Impl> impl;
  const auto named = [&](const fs::path& path, const std::string& source) {
    std::error_code error;
    fs::path file = path;
    if (fs::is_directory(path, error)) {
      const std::vector<fs::path> inside = libraries_in(path);
      if (inside.empty()) fail("{} names the folder {}, which holds no libonnxruntime.so", source, path.string());
      file = inside[0];
    }
    if (const std::string reason = Impl::open(file, impl); !reason.empty()) {
      fail("ONNX Runtime named by {} cannot be used: {}", source, reason);
    }
  };
  if (library) {
    named(*library, "the library option");
  } else if (const std::string chosen = environment("EXFORMER_ONNXRUNTIME"); !chosen.empty()) {
    named(chosen, "EXFORMER_ONNXRUNTIME");
  } else if (const std::string other = environment("ORT_DYLIB_PATH"); !other.empty()) {
    named(other, "ORT_DYLIB_PATH");
  } else {
    std::vector<std::string> reasons;
    std::vector<fs::path> candidates{"libonnxruntime.so.1", "libonnxruntime.so"};
    for (fs::path& candidate : onnx_runtime_candidates()) candidates.push_back(std::move(candidate));
    for (const fs::path& candidate : candidates) {
      std::string reason = Impl::open(candidate, impl);
      if (reason.empty()) break;
      if (candidate.has_parent_path()) reasons.push_back(std::move(reason));
    }
    if (!impl && reasons.empty())
      fail("ONNX Runtime was not found on the system's library path nor in Python's packages; {}", kHint);
    if (!impl) fail("ONNX Runtime cannot be used: {}; {}", fmt::join(reasons, "; "), kHint);
  }
  return std::shared_ptr<OnnxRuntime>(new OnnxRuntime(std::move(impl)));
}

OnnxRuntime::OnnxRuntime(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OnnxRuntime::~OnnxRuntime() = default;
const std::string& OnnxRuntime::version() const { return impl_->version; }
const fs::path& OnnxRuntime::path() const { return impl_->path; }

}  // namespace exformer
