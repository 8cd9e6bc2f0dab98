// What an op's ATen schema string says, parsed: names, types and defaults of its arguments and returns.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "exformer/ir/argument.h"

namespace exformer {

enum class ArgType {
  Tensor,
  TensorList,
  OptionalTensorList,
  SymInt,
  Int,
  SymIntList,
  IntList,
  Float,
  FloatList,
  Bool,
  BoolList,
  Scalar,
  ScalarList,
  String,
  DType,
  Layout,
  Device,
  MemoryFormat,
  Generator,
};

struct SchemaArgument {
  std::string name;
  ArgType type;
  bool optional = false;      // "Tensor?": None is allowed
  bool keyword_only = false;  // after the "*"
  bool mutated = false;       // "Tensor(a!)": written in place
  bool aliased = false;       // "Tensor(a)": the result is a view of it
  int64_t fixed_length = 0;   // "int[2]": a single integer is broadcast
  bool has_default = false;
  BasicArgument<std::nullptr_t> default_value;
};

struct SchemaReturn {
  ArgType type = ArgType::Tensor;  // Tensor, TensorList, SymInt, Bool, Scalar, ...
  bool mutated = false;
  bool aliased = false;
};

/// "aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor"
struct OpSchema {
  std::string name;  // "aten::add.Tensor"
  std::vector<SchemaArgument> arguments;
  std::vector<SchemaReturn> returns;

  /// Position of an argument; throws ExportError (a fault of a caller or of a text) for an unknown name.
  size_t position(std::string_view argument) const;
  /// "add": the name without namespace and overload, for naming nodes.
  std::string base_name() const;
  /// "torch.ops.aten.add.Tensor" (default overload: ".default"), as torch prints and `.pt2` stores it.
  std::string torch_target() const;
  bool returns_list() const { return returns.size() == 1 && returns[0].type == ArgType::TensorList; }
};

/// Parses one schema string in the notation of native_functions.yaml. Throws ExportError with the place of the fault.
OpSchema parse_schema(std::string_view text);

}  // namespace exformer
