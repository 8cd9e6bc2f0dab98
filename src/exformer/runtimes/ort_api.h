// The part of ONNX Runtime's C interface that is used here. Its function table never changes what it has: a function
// keeps its position for ever (onnxruntime_c_api.h, "Rules on how to add a new Ort API version"), so positions are all
// that is needed.
#pragma once

#include <cstddef>
#include <cstdint>

#include "exformer/base/dtype.h"

namespace exformer::ort {

struct Env;
struct Status;  // null: success
struct MemoryInfo;
struct Session;
struct Value;
struct RunOptions;
struct TypeInfo;
struct TensorInfo;
struct Options;
struct Allocator;

/// Version 8 of the table (ONNX Runtime 1.8, 2021) holds all that is used.
inline constexpr uint32_t kApiVersion = 8;

using Functions = void* const*;

struct ApiBase {
  Functions (*get_api)(uint32_t version);
  const char* (*get_version)();
};

/// A function of the table: its position and its type.
template <size_t Position, class Signature>
struct Function;
template <size_t Position, class Result, class... Arguments>
struct Function<Position, Result(Arguments...)> {
  Result operator()(Functions table, Arguments... arguments) const {
    return reinterpret_cast<Result (*)(Arguments...)>(table[Position])(arguments...);
  }
};

inline constexpr Function<2, const char*(const Status*)> kGetErrorMessage;
inline constexpr Function<3, Status*(int severity, const char* name, Env**)> kCreateEnv;
inline constexpr Function<6, Status*(const Env*)> kDisableTelemetryEvents;
inline constexpr Function<7, Status*(const Env*, const char* path, const Options*, Session**)> kCreateSession;
inline constexpr Function<8, Status*(const Env*, const void* data, size_t size, const Options*, Session**)>
    kCreateSessionFromArray;
inline constexpr Function<9, Status*(Session*, const RunOptions*, const char* const* input_names,
                                     const Value* const* inputs, size_t input_count, const char* const* output_names,
                                     size_t output_count, Value** outputs)>
    kRun;
inline constexpr Function<10, Status*(Options**)> kCreateSessionOptions;
inline constexpr Function<23, Status*(Options*, int level)> kSetGraphOptimizationLevel;
inline constexpr Function<24, Status*(Options*, int threads)> kSetIntraOpNumThreads;
inline constexpr Function<30, Status*(const Session*, size_t*)> kGetInputCount;
inline constexpr Function<31, Status*(const Session*, size_t*)> kGetOutputCount;
inline constexpr Function<33, Status*(const Session*, size_t, TypeInfo**)> kGetInputTypeInfo;
inline constexpr Function<34, Status*(const Session*, size_t, TypeInfo**)> kGetOutputTypeInfo;
inline constexpr Function<36, Status*(const Session*, size_t, Allocator*, char**)> kGetInputName;
inline constexpr Function<37, Status*(const Session*, size_t, Allocator*, char**)> kGetOutputName;
inline constexpr Function<49, Status*(const MemoryInfo*, void* data, size_t size, const int64_t* dims, size_t rank,
                                      int type, Value**)>
    kCreateTensor;
inline constexpr Function<50, Status*(const Value*, int*)> kIsTensor;
inline constexpr Function<51, Status*(Value*, void**)> kGetTensorData;
inline constexpr Function<55, Status*(const TypeInfo*, const TensorInfo**)> kCastToTensorInfo;
inline constexpr Function<60, Status*(const TensorInfo*, int*)> kGetElementType;
inline constexpr Function<61, Status*(const TensorInfo*, size_t*)> kGetDimensionsCount;
inline constexpr Function<62, Status*(const TensorInfo*, int64_t*, size_t)> kGetDimensions;
inline constexpr Function<63, Status*(const TensorInfo*, const char**, size_t)> kGetSymbolicDimensions;
inline constexpr Function<65, Status*(const Value*, TensorInfo**)> kGetTensorTypeAndShape;
inline constexpr Function<69, Status*(int allocator_type, int memory_type, MemoryInfo**)> kCreateCpuMemoryInfo;
inline constexpr Function<76, Status*(Allocator*, void*)> kAllocatorFree;
inline constexpr Function<78, Status*(Allocator**)> kGetDefaultAllocator;
inline constexpr Function<92, void(Env*)> kReleaseEnv;
inline constexpr Function<93, void(Status*)> kReleaseStatus;
inline constexpr Function<94, void(MemoryInfo*)> kReleaseMemoryInfo;
inline constexpr Function<95, void(Session*)> kReleaseSession;
inline constexpr Function<96, void(Value*)> kReleaseValue;
inline constexpr Function<98, void(TypeInfo*)> kReleaseTypeInfo;
inline constexpr Function<99, void(TensorInfo*)> kReleaseTensorInfo;
inline constexpr Function<100, void(Options*)> kReleaseOptions;
inline constexpr Function<130, Status*(Options*, const char* key, const char* value)> kAddSessionConfigEntry;

inline constexpr int kLogErrors = 3;         // ORT_LOGGING_LEVEL_ERROR
inline constexpr int kNoOptimization = 0;    // ORT_DISABLE_ALL
inline constexpr int kAllOptimization = 99;  // ORT_ENABLE_ALL
inline constexpr int kArenaAllocator = 1;
inline constexpr int kDefaultMemory = 0;

/// ONNXTensorElementDataType of a dtype; 0 (undefined) where there is none.
constexpr int element_type(DType dtype) {
  switch (dtype) {
    case DType::Float32: return 1;
    case DType::UInt8: return 2;
    case DType::Int8: return 3;
    case DType::UInt16: return 4;
    case DType::Int16: return 5;
    case DType::Int32: return 6;
    case DType::Int64: return 7;
    case DType::Bool: return 9;
    case DType::Float16: return 10;
    case DType::Float64: return 11;
    case DType::UInt32: return 12;
    case DType::UInt64: return 13;
    case DType::Complex64: return 14;
    case DType::Complex128: return 15;
    case DType::BFloat16: return 16;
    case DType::Float8E4M3FN: return 17;
    case DType::Float8E5M2: return 19;
  }
  return 0;
}

}  // namespace exformer::ort
