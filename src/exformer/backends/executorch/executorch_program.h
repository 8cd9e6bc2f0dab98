// A program of the ExecuTorch runtime in memory: values, instructions, constants. Sizes are still expressions; the
// memory planner and the writer put upper bounds in their place.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "exformer/backends/executorch/delegate.h"
#include "exformer/ir/graph.h"

namespace exformer::executorch {

using ValueId = int32_t;
using Sizes = std::vector<SymInt>;
inline constexpr ValueId kNone = -1;

/// Where a planned tensor lies.
struct Place {
  uint64_t offset = 0;
};

struct TensorValue {
  DType dtype = DType::Float32;
  Sizes sizes;
  std::optional<size_t> constant;  // counts the program's constants
  bool is_state = false;           // a mutable buffer of memory of its own: the constant is its first value
  ValueId view_of = kNone;         // shares the memory of this value
  bool grows = false;              // filled row by row: the runtime has to take it for dynamic
  bool is_static_view = false;     // its memory is known before the program runs: no call makes it
  ValueId written_over = kNone;    // takes the place of this value, which is read for the last time when it is written
  std::optional<Place> place;
  std::string name;  // where it comes from, for reports
};
struct IntList {
  std::vector<ValueId> items;  // Int values: sizes may be computed
};
struct TensorList {
  std::vector<ValueId> items;
  bool has_absent = false;  // an OptionalTensorList, kNone for an absent element
};
/// An EValue. None is std::monostate; an Int may be the result of arithmetic.
using ProgramValue = std::variant<std::monostate, int64_t, bool, double, std::string, IntList, std::vector<double>,
                                  std::vector<bool>, TensorList, TensorValue>;

struct Instruction {
  enum class Kind { Kernel, Delegate, JumpIfFalse } kind = Kind::Kernel;
  size_t target = 0;  // counts operators, delegates or instructions
  std::vector<ValueId> arguments;
  std::vector<ValueId> writes;  // tensors among the arguments that it fills
  bool is_elementwise = false;  // an element of the result is read from the same place of equal-sized inputs
  std::string module_path;
};

/// One method. Values are appended, never removed.
class ExecutorchProgram {
 public:
  ValueId add(ProgramValue value);
  /// Another value in the place of one that `add` gave.
  void set(ValueId id, ProgramValue value) { values_[static_cast<size_t>(id)] = std::move(value); }
  ValueId add_tensor(DType dtype, Sizes sizes);
  /// A weight, once for each storage and geometry.
  ValueId add_constant(const LazyTensor& data, std::string_view name);
  /// A mutable buffer and its first value.
  ValueId add_state(const LazyTensor& data, std::string_view name);
  // Shared constants of other kinds.
  ValueId none();
  ValueId integer(int64_t value);
  ValueId boolean(bool value);
  ValueId real(double value);
  ValueId string(const std::string& value);
  ValueId int_list(std::vector<ValueId> items);

  const std::vector<ProgramValue>& values() const { return values_; }
  TensorValue& tensor(ValueId id) { return std::get<TensorValue>(values_[static_cast<size_t>(id)]); }
  const TensorValue& tensor(ValueId id) const { return std::get<TensorValue>(values_[static_cast<size_t>(id)]); }
  const TensorValue* tensor_if(ValueId id) const { return std::get_if<TensorValue>(&values_[static_cast<size_t>(id)]); }
  /// The value whose memory a tensor lies in.
  ValueId storage_of(ValueId id) const;

  /// "aten::add.out"; one entry per name.
  size_t operator_index(std::string_view name);
  const std::vector<std::string>& operators() const { return operators_; }

  std::vector<Instruction> instructions;
  std::vector<ValueId> inputs, outputs;
  std::vector<ValueId> states;  // mutable buffers
  std::vector<LazyTensor> constants;
  std::vector<std::string> constant_names;
  std::vector<Delegate> delegates;
  uint64_t arena = 0;  // bytes, once it is planned

 private:
  /// Counts the constants: a storage is one.
  size_t constant_index(const LazyTensor& data, std::string_view name);

  std::vector<ProgramValue> values_;
  std::vector<std::string> operators_;
  std::unordered_map<std::string, size_t> operator_indices_;
  std::map<std::string, ValueId> shared_;  // constants by kind and contents
  std::map<std::vector<ValueId>, ValueId> int_lists_;
};

}  // namespace exformer::executorch
