// The seam between the ExecuTorch backend and a delegate compiler: a part of the graph compiled for a delegate of the
// runtime, and the bytes it refers to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "exformer/base/file.h"
#include "exformer/ir/schema.h"
#include "exformer/tensor/lazy_tensor.h"

namespace exformer::executorch {

/// Bytes that a payload names by key. Data of one storage key is stored once in a file, whoever asks for it: several
/// delegates, or the program's own constants.
struct NamedData {
  std::string key;
  std::string storage_key;  // equal keys: equal bytes
  uint64_t size = 0;
  std::function<void(const std::function<void(Bytes)>& sink)> stream;  // consecutive blocks, `size` bytes together
  size_t alignment = 16;
};

/// A weight as it is.
NamedData named_weight(std::string key, const LazyTensor& weight, size_t alignment = 16);

/// One delegate of a program.
struct Delegate {
  std::string id;                  // "XnnpackBackend"
  std::vector<std::byte> payload;  // what the runtime hands to the delegate's init
  std::vector<NamedData> named_data;
  std::vector<std::pair<std::string, std::vector<std::byte>>> compile_specs;
};

/// In the graph a call is a node of
///   executorch::call_delegate(int delegate, Tensor[] inputs) -> Tensor[]
/// where `delegate` counts the delegates that travel beside the program. A node holds its schema by address: this one
/// lives as long as the process.
const OpSchema& call_delegate_schema();

}  // namespace exformer::executorch
