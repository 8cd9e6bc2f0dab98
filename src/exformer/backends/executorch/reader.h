// Reads what a `.pte` file says of itself: methods, memory, delegates, operators, segments. Nothing is run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exformer/base/file.h"
#include "exformer/ir/program.h"

namespace exformer::executorch {

/// An input or output: a tensor of at most these sizes, or a value of another kind.
struct PteValue {
  std::string kind = "Tensor";  // the format's name of it
  std::optional<DType> dtype;   // none: one that this library lacks
  std::vector<int64_t> sizes;   // upper bounds when dynamic
  bool is_dynamic = false;
};

struct PteDelegate {
  std::string id;
  uint64_t payload_bytes = 0;
  int64_t calls = 0;
  std::map<std::string, int64_t> nodes;  // by kind, for delegates whose payload this library knows (XNNPACK)
};

struct PteMethod {
  std::string name;
  std::vector<PteValue> inputs, outputs;
  std::vector<uint64_t> arenas;  // bytes of each
  std::vector<PteDelegate> delegates;
  std::map<std::string, int64_t> operators;  // "aten::add.out" and how often it is called
  int64_t instructions = 0;
};

struct PteFile {
  std::vector<PteMethod> methods;
  uint64_t table_bytes = 0;
  int64_t constants = 0;
  uint64_t constant_bytes = 0;                               // of the constants' segment
  std::vector<std::pair<std::string, uint64_t>> named_data;  // key and bytes
  uint64_t payload_bytes = 0;
  std::vector<std::string> external;  // names of tensors that lie in other files
};

/// Throws ExportError naming `source` for bytes that are no `.pte`, that are cut off, or whose tables contradict
/// themselves.
PteFile read_pte(Bytes bytes, const std::string& source);
/// The data flow of the first method, for drawing: one node for each instruction. Null when there are none.
std::shared_ptr<const ExportedProgram> pte_graph(Bytes bytes, const std::string& source);

}  // namespace exformer::executorch
