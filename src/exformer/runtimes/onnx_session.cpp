// One loaded model: its signature, and runs that borrow the inputs' memory and lend out the outputs'.
#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "exformer/base/strings.h"
#include "exformer/runtimes/onnx_library.h"
#include "exformer/runtimes/onnx_runtime.h"

namespace exformer {
namespace {

constexpr std::array<DType, 17> kDTypes{
    DType::Bool,     DType::UInt8,   DType::Int8,    DType::UInt16,       DType::Int16,      DType::UInt32,
    DType::Int32,    DType::UInt64,  DType::Int64,   DType::Float8E4M3FN, DType::Float8E5M2, DType::Float16,
    DType::BFloat16, DType::Float32, DType::Float64, DType::Complex64,    DType::Complex128};

std::optional<DType> dtype_of(int element_type) {
  for (const DType dtype : kDTypes) {
    if (ort::element_type(dtype) == element_type) return dtype;
  }
  return std::nullopt;
}

std::string shape_text(const std::vector<std::optional<int64_t>>& sizes, const std::vector<std::string>& symbols) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < sizes.size(); ++i) {
    parts.push_back(sizes[i] ? std::to_string(*sizes[i]) : symbols[i].empty() ? "?" : symbols[i]);
  }
  return "[" + join(parts, ", ") + "]";
}

}  // namespace

class OnnxSession::Impl {
 public:
  Impl(std::shared_ptr<OnnxRuntime> owner, const OnnxSessionOptions& options,
       const std::filesystem::path& external_data,
       const std::function<ort::Status*(const ort::Env*, const ort::Options*, ort::Session**)>& create,
       const std::string& name)
      : runtime_(std::move(owner)), ort_(runtime_->impl()) {
    OrtHandle<ort::Options, decltype(ort::kReleaseOptions)> settings(ort_.table, ort::kReleaseOptions);
    check(ort::kCreateSessionOptions(ort_.table, settings.out()), "cannot make options");
    check(ort::kSetIntraOpNumThreads(ort_.table, settings.get(), options.threads), "cannot set the number of threads");
    check(ort::kSetGraphOptimizationLevel(ort_.table, settings.get(),
                                          options.optimize ? ort::kAllOptimization : ort::kNoOptimization),
          "cannot set the optimisation level");
    if (!external_data.empty()) {
      check(ort::kAddSessionConfigEntry(ort_.table, settings.get(),
                                        "session.model_external_initializers_file_folder_path", external_data.c_str()),
            "cannot set the folder of the external data");
    }
    check(create(ort_.environment, settings.get(), &session_), fmt::format("cannot load {}", name));
    try {
      check(ort::kCreateCpuMemoryInfo(ort_.table, ort::kArenaAllocator, ort::kDefaultMemory, &memory_),
            "cannot describe the memory");
      inputs_ = describe(ort::kGetInputCount, ort::kGetInputName, ort::kGetInputTypeInfo);
      outputs_ = describe(ort::kGetOutputCount, ort::kGetOutputName, ort::kGetOutputTypeInfo);
    } catch (...) {
      release();
      throw;
    }
  }
  ~Impl() { release(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  const std::vector<OnnxValueInfo>& inputs() const { return inputs_; }
  const std::vector<OnnxValueInfo>& outputs() const { return outputs_; }

  std::vector<std::pair<std::string, HostTensor>> run(const std::map<std::string, HostTensor>& given) const {
    check_names(given);
    // Values of the inputs point at these tensors' memory.
    std::vector<HostTensor> held;
    std::vector<const char*> input_names, output_names;
    std::vector<std::shared_ptr<ort::Value>> values;
    std::vector<const ort::Value*> input_values;
    for (const OnnxValueInfo& input : inputs_) {
      held.push_back(checked(input, given.at(input.name)).contiguous());
      HostTensor& tensor = held.back();
      ort::Value* value = nullptr;
      check(ort::kCreateTensor(ort_.table, memory_, tensor.raw(), tensor.byte_size(), tensor.sizes().data(),
                               tensor.sizes().size(), ort::element_type(tensor.dtype()), &value),
            fmt::format("cannot take input '{}'", input.name));
      values.push_back(own(value));
      input_values.push_back(value);
      input_names.push_back(input.name.c_str());
    }
    for (const OnnxValueInfo& output : outputs_) output_names.push_back(output.name.c_str());
    std::vector<ort::Value*> results(outputs_.size(), nullptr);
    ort::Status* status = ort::kRun(ort_.table, session_, nullptr, input_names.data(), input_values.data(),
                                    input_values.size(), output_names.data(), output_names.size(), results.data());
    std::vector<std::shared_ptr<ort::Value>> owned;
    for (ort::Value* result : results) owned.push_back(own(result));
    check(status, "the run failed");
    std::vector<std::pair<std::string, HostTensor>> tensors;
    for (size_t i = 0; i < owned.size(); ++i) tensors.emplace_back(outputs_[i].name, lend(outputs_[i].name, owned[i]));
    return tensors;
  }

 private:
  void check(ort::Status* status, const std::string& what) const { ort_.check(status, what); }

  void release() {
    if (memory_) ort::kReleaseMemoryInfo(ort_.table, memory_);
    if (session_) ort::kReleaseSession(ort_.table, session_);
    memory_ = nullptr;
    session_ = nullptr;
  }

  // The value, released with its last owner; the runtime stays loaded until then.
  std::shared_ptr<ort::Value> own(ort::Value* value) const {
    return {value, [runtime = runtime_](ort::Value* dying) {
              if (dying) ort::kReleaseValue(runtime->impl().table, dying);
            }};
  }

  template <class Count, class Name, class Type>
  std::vector<OnnxValueInfo> describe(const Count& count_of, const Name& name_of, const Type& type_of) const {
    size_t count = 0;
    check(count_of(ort_.table, session_, &count), "cannot count inputs and outputs");
    ort::Allocator* allocator = nullptr;
    check(ort::kGetDefaultAllocator(ort_.table, &allocator), "cannot get an allocator");
    std::vector<OnnxValueInfo> infos(count);
    for (size_t i = 0; i < count; ++i) {
      char* name = nullptr;
      check(name_of(ort_.table, session_, i, allocator, &name), "cannot read a name");
      infos[i].name = name;
      check(ort::kAllocatorFree(ort_.table, allocator, name), "cannot free a name");
      OrtHandle<ort::TypeInfo, decltype(ort::kReleaseTypeInfo)> type(ort_.table, ort::kReleaseTypeInfo);
      check(type_of(ort_.table, session_, i, type.out()), "cannot read a type");
      const ort::TensorInfo* tensor = nullptr;
      check(ort::kCastToTensorInfo(ort_.table, type.get(), &tensor), "cannot read a type");
      if (!tensor) unsupported("ONNX value '{}' is not a tensor", infos[i].name);
      describe_tensor(tensor, infos[i]);
    }
    return infos;
  }

  void describe_tensor(const ort::TensorInfo* tensor, OnnxValueInfo& info) const {
    info.dtype = element_type(tensor, info.name);
    const std::vector<int64_t> dims = dimensions(tensor);
    std::vector<const char*> symbols(dims.size(), nullptr);
    check(ort::kGetSymbolicDimensions(ort_.table, tensor, symbols.data(), symbols.size()),
          "cannot read the names of sizes");
    for (size_t i = 0; i < dims.size(); ++i) {
      info.sizes.push_back(dims[i] < 0 ? std::nullopt : std::optional<int64_t>(dims[i]));
      info.symbols.emplace_back(symbols[i] ? symbols[i] : "");
    }
  }

  DType element_type(const ort::TensorInfo* tensor, const std::string& name) const {
    int type = 0;
    check(ort::kGetElementType(ort_.table, tensor, &type), "cannot read an element type");
    const auto dtype = dtype_of(type);
    if (!dtype) unsupported("ONNX value '{}' has element type {}, which has no torch dtype", name, type);
    return *dtype;
  }

  std::vector<int64_t> dimensions(const ort::TensorInfo* tensor) const {
    size_t rank = 0;
    check(ort::kGetDimensionsCount(ort_.table, tensor, &rank), "cannot read a rank");
    std::vector<int64_t> dims(rank);
    check(ort::kGetDimensions(ort_.table, tensor, dims.data(), rank), "cannot read sizes");
    return dims;
  }

  void check_names(const std::map<std::string, HostTensor>& given) const {
    std::vector<std::string> known;
    for (const OnnxValueInfo& input : inputs_) {
      known.push_back(input.name);
      if (!given.contains(input.name)) fail("ONNX input '{}' is missing; the model takes {}", input.name, names_text());
    }
    for (const auto& [name, tensor] : given) {
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        fail("the ONNX model has no input '{}'{}; it takes {}", name, nearest_hint(name, known), names_text());
      }
    }
  }

  std::string names_text() const {
    std::vector<std::string> names;
    for (const OnnxValueInfo& input : inputs_) names.push_back(input.name);
    return join(names, ", ");
  }

  const HostTensor& checked(const OnnxValueInfo& input, const HostTensor& tensor) const {
    if (!tensor.defined()) fail("ONNX input '{}' has no tensor", input.name);
    if (tensor.dtype() != input.dtype) {
      fail("ONNX input '{}' is {}, the model takes {}", input.name, dtype_name(tensor.dtype()),
           dtype_name(input.dtype));
    }
    bool fits = tensor.sizes().size() == input.sizes.size();
    for (size_t i = 0; fits && i < input.sizes.size(); ++i)
      fits = !input.sizes[i] || *input.sizes[i] == tensor.sizes()[i];
    if (!fits) {
      fail("ONNX input '{}' has sizes [{}], the model takes {}", input.name, fmt::join(tensor.sizes(), ", "),
           shape_text(input.sizes, input.symbols));
    }
    return tensor;
  }

  // A tensor over the runtime's own memory.
  HostTensor lend(const std::string& name, const std::shared_ptr<ort::Value>& value) const {
    int is_tensor = 0;
    if (value) check(ort::kIsTensor(ort_.table, value.get(), &is_tensor), "cannot read an output");
    if (is_tensor == 0) unsupported("ONNX output '{}' is not a tensor", name);
    OrtHandle<ort::TensorInfo, decltype(ort::kReleaseTensorInfo)> info(ort_.table, ort::kReleaseTensorInfo);
    check(ort::kGetTensorTypeAndShape(ort_.table, value.get(), info.out()), "cannot read an output");
    const DType dtype = element_type(info.get(), name);
    const std::vector<int64_t> sizes = dimensions(info.get());
    void* data = nullptr;
    check(ort::kGetTensorData(ort_.table, value.get(), &data), "cannot read an output");
    const size_t size = static_cast<size_t>(element_count(sizes)) * item_size(dtype);
    return HostTensor::view_of(dtype, sizes, {static_cast<const std::byte*>(data), size}, value);
  }

  std::shared_ptr<OnnxRuntime> runtime_;
  OnnxRuntime::Impl& ort_;
  ort::Session* session_ = nullptr;
  ort::MemoryInfo* memory_ = nullptr;
  std::vector<OnnxValueInfo> inputs_, outputs_;
};

OnnxSession::OnnxSession(std::shared_ptr<OnnxRuntime> runtime, const std::filesystem::path& model,
                         const OnnxSessionOptions& options) {
  const ort::Functions table = runtime->impl().table;
  impl_ = std::make_unique<Impl>(
      std::move(runtime), options, std::filesystem::path(),
      [&](const ort::Env* env, const ort::Options* settings, ort::Session** session) {
        return ort::kCreateSession(table, env, model.c_str(), settings, session);
      },
      model.string());
}

OnnxSession::OnnxSession(std::shared_ptr<OnnxRuntime> runtime, Bytes model, const std::filesystem::path& external_data,
                         const OnnxSessionOptions& options) {
  const ort::Functions table = runtime->impl().table;
  impl_ = std::make_unique<Impl>(
      std::move(runtime), options, external_data,
      [&](const ort::Env* env, const ort::Options* settings, ort::Session** session) {
        return ort::kCreateSessionFromArray(table, env, model.data(), model.size(), settings, session);
      },
      "the model in memory");
}

OnnxSession::~OnnxSession() = default;
OnnxSession::OnnxSession(OnnxSession&&) noexcept = default;
OnnxSession& OnnxSession::operator=(OnnxSession&&) noexcept = default;
const std::vector<OnnxValueInfo>& OnnxSession::inputs() const { return impl_->inputs(); }
const std::vector<OnnxValueInfo>& OnnxSession::outputs() const { return impl_->outputs(); }
std::vector<std::pair<std::string, HostTensor>> OnnxSession::run(
    const std::map<std::string, HostTensor>& inputs) const {
  return impl_->run(inputs);
}

}  // namespace exformer
