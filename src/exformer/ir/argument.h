// One argument of an op call, over any kind of tensor: graph values, metas, concrete or traced tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "exformer/base/dtype.h"
#include "exformer/symbolic/sym_int.h"

namespace exformer {

struct None {
  friend bool operator==(None, None) { return true; }
};
/// Devices are all the CPU here; kept because schemas and files name them.
enum class Device { Cpu };
enum class Layout { Strided };
enum class MemoryFormat { Contiguous, Preserve, ChannelsLast, ChannelsLast3d };

/// A tensor-like T, a list of them (an absent element of `Tensor?[]` is a default-made T), or a constant.
/// Scalars are SymInt (integers), double or bool, as Python has them.
template <class T>
class BasicArgument {
 public:
  using Variant = std::variant<None, T, std::vector<T>, SymInt, std::vector<SymInt>, double, std::vector<double>, bool,
                               std::vector<bool>, std::string, DType, Device, Layout, MemoryFormat>;

  BasicArgument() = default;
  BasicArgument(None) {}                                                    // NOLINT
  BasicArgument(T tensor) : value_(std::move(tensor)) {}                    // NOLINT
  BasicArgument(std::vector<T> tensors) : value_(std::move(tensors)) {}     // NOLINT
  BasicArgument(SymInt value) : value_(value) {}                            // NOLINT
  BasicArgument(std::vector<SymInt> values) : value_(std::move(values)) {}  // NOLINT
  BasicArgument(std::initializer_list<SymInt> values) : value_(std::vector<SymInt>(values)) {}
  BasicArgument(double value) : value_(value) {}                            // NOLINT
  BasicArgument(std::vector<double> values) : value_(std::move(values)) {}  // NOLINT
  BasicArgument(bool value) : value_(value) {}                              // NOLINT
  BasicArgument(std::vector<bool> values) : value_(std::move(values)) {}    // NOLINT
  BasicArgument(std::string value) : value_(std::move(value)) {}            // NOLINT
  BasicArgument(const char* value) : value_(std::string(value)) {}          // NOLINT
  BasicArgument(DType value) : value_(value) {}                             // NOLINT
  BasicArgument(Device value) : value_(value) {}                            // NOLINT
  BasicArgument(Layout value) : value_(value) {}                            // NOLINT
  BasicArgument(MemoryFormat value) : value_(value) {}                      // NOLINT
  template <class I, std::enable_if_t<std::is_integral_v<I> && !std::is_same_v<I, bool>, int> = 0>
  BasicArgument(I value) : value_(SymInt(static_cast<int64_t>(value))) {}  // NOLINT
  BasicArgument(float value) : value_(static_cast<double>(value)) {}       // NOLINT
  BasicArgument(const std::vector<int64_t>& values)
      : value_(std::vector<SymInt>(values.begin(), values.end())) {}  // NOLINT

  template <class U>
  bool is() const {
    return std::holds_alternative<U>(value_);
  }
  template <class U>
  const U& as() const {
    return std::get<U>(value_);
  }
  template <class U>
  const U* get_if() const {
    return std::get_if<U>(&value_);
  }
  template <class U>
  U* get_if() {
    return std::get_if<U>(&value_);
  }
  bool is_none() const { return is<None>(); }
  bool is_tensor() const { return is<T>(); }
  const Variant& variant() const { return value_; }
  friend bool operator==(const BasicArgument& a, const BasicArgument& b) { return a.value_ == b.value_; }

 private:
  Variant value_;
};

/// The same argument over another kind of tensor; `convert` maps one T to one U.
template <class U, class T, class Convert>
BasicArgument<U> map_tensors(const BasicArgument<T>& argument, Convert&& convert) {
  return std::visit(
      [&](const auto& value) -> BasicArgument<U> {
        using V = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<V, T>) {
          return BasicArgument<U>(convert(value));
        } else if constexpr (std::is_same_v<V, std::vector<T>>) {
          std::vector<U> mapped;
          mapped.reserve(value.size());
          for (const T& tensor : value) mapped.push_back(convert(tensor));
          return BasicArgument<U>(std::move(mapped));
        } else {
          return BasicArgument<U>(value);
        }
      },
      argument.variant());
}

}  // namespace exformer
