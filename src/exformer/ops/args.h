// Typed access by name to the arguments of one op call, over metas (shape rules), concrete tensors (kernels) or graph
// values.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "exformer/base/error.h"
#include "exformer/ir/argument.h"
#include "exformer/ir/graph.h"
#include "exformer/tensor/host_tensor.h"

namespace exformer {

/// A number as Python code would pass it: an integer, a float or a bool.
struct Scalar {
  enum class Kind { Int, Float, Bool } kind = Kind::Int;
  SymInt integer;     // Int and Bool (0 or 1)
  double real = 0.0;  // Float
  /// As a float; an internal error for a symbolic integer.
  double to_double() const { return kind == Kind::Float ? real : static_cast<double>(integer.value()); }
};

/// The arguments of one call, one per schema argument with defaults filled in. Wrong-type access is a fault of the op's
/// own code.
template <class T>
class Args {
 public:
  Args(const OpSchema& schema, const std::vector<BasicArgument<T>>& values) : schema_(&schema), values_(&values) {}

  const OpSchema& schema() const { return *schema_; }
  const BasicArgument<T>& operator[](std::string_view name) const { return (*values_)[schema_->position(name)]; }
  bool has(std::string_view name) const { return !(*this)[name].is_none(); }

  const T& tensor(std::string_view name) const { return (*this)[name].template as<T>(); }
  /// Null when the argument is None.
  const T* optional_tensor(std::string_view name) const { return (*this)[name].template get_if<T>(); }
  const std::vector<T>& tensors(std::string_view name) const {
    static const std::vector<T> kEmpty;
    const auto* list = (*this)[name].template get_if<std::vector<T>>();
    return list ? *list : kEmpty;
  }
  SymInt sym(std::string_view name) const { return (*this)[name].template as<SymInt>(); }
  std::optional<SymInt> optional_sym(std::string_view name) const {
    const auto* value = (*this)[name].template get_if<SymInt>();
    return value ? std::optional<SymInt>(*value) : std::nullopt;
  }
  /// A constant integer; a symbolic one is an ExportError naming op and argument.
  int64_t integer(std::string_view name) const { return require_constant(sym(name), name); }
  std::optional<int64_t> optional_integer(std::string_view name) const {
    const auto value = optional_sym(name);
    return value ? std::optional<int64_t>(require_constant(*value, name)) : std::nullopt;
  }
  /// A list; None reads as empty.
  const std::vector<SymInt>& syms(std::string_view name) const {
    static const std::vector<SymInt> kEmpty;
    const auto* list = (*this)[name].template get_if<std::vector<SymInt>>();
    return list ? *list : kEmpty;
  }
  std::vector<int64_t> integers(std::string_view name) const {
    std::vector<int64_t> result;
    for (const SymInt& value : syms(name)) result.push_back(require_constant(value, name));
    return result;
  }
  double real(std::string_view name) const { return scalar(name).to_double(); }
  std::optional<double> optional_real(std::string_view name) const {
    return has(name) ? std::optional<double>(real(name)) : std::nullopt;
  }
  bool boolean(std::string_view name) const { return (*this)[name].template as<bool>(); }
  const std::string& string(std::string_view name) const { return (*this)[name].template as<std::string>(); }
  std::optional<DType> dtype(std::string_view name) const {
    const auto* value = (*this)[name].template get_if<DType>();
    return value ? std::optional<DType>(*value) : std::nullopt;
  }
  std::optional<MemoryFormat> memory_format(std::string_view name) const {
    const auto* value = (*this)[name].template get_if<MemoryFormat>();
    return value ? std::optional<MemoryFormat>(*value) : std::nullopt;
  }
  Scalar scalar(std::string_view name) const {
    const auto& value = (*this)[name];
    if (const auto* real_value = value.template get_if<double>()) return {Scalar::Kind::Float, 0, *real_value};
    if (const auto* flag = value.template get_if<bool>()) return {Scalar::Kind::Bool, *flag ? 1 : 0, 0.0};
    return {Scalar::Kind::Int, value.template as<SymInt>(), 0.0};
  }

 private:
  int64_t require_constant(const SymInt& value, std::string_view name) const {
    if (!value.is_constant())
      unsupported("{}: argument '{}' must be a constant, got a symbolic size", schema_->name, name);
    return value.value();
  }
  const OpSchema* schema_;
  const std::vector<BasicArgument<T>>* values_;
};

/// What a shape rule sees: `tensor(name)` is a pointer to a meta (never null there; optional ones through
/// optional_tensor; an absent element of `Tensor?[]` is a null pointer).
using MetaArgs = Args<const TensorMeta*>;
/// What a kernel sees: all sizes are constants by then.
using KernelArgs = Args<HostTensor>;
/// What a decomposition or a lowering sees.
using ValueArgs = Args<Value*>;

}  // namespace exformer
