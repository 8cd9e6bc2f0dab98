#include "exformer/backends/executorch/executorch_program.h"

#include <fmt/format.h>

#include <bit>

namespace exformer::executorch {

ValueId ExecutorchProgram::add(ProgramValue value) {
  values_.push_back(std::move(value));
  return static_cast<ValueId>(values_.size() - 1);
}

ValueId ExecutorchProgram::add_tensor(DType dtype, Sizes sizes) {
  TensorValue tensor;
  tensor.dtype = dtype;
  tensor.sizes = std::move(sizes);
  return add(std::move(tensor));
}

size_t ExecutorchProgram::constant_index(const LazyTensor& data, std::string_view name) {
  const std::string storage = "storage " + data.storage_key();
  const auto [entry, is_new] = shared_.try_emplace(storage, static_cast<ValueId>(constants.size()));
  if (is_new) {
    constants.push_back(data);
    constant_names.emplace_back(name);
  }
  return static_cast<size_t>(entry->second);
}

ValueId ExecutorchProgram::add_constant(const LazyTensor& data, std::string_view name) {
  const size_t constant = constant_index(data, name);
  const std::string key = fmt::format("constant {} [{}]", constant, fmt::join(data.sizes(), ","));
  const auto [value, is_new_value] = shared_.try_emplace(key, 0);
  if (is_new_value) {
    value->second = add_tensor(data.dtype(), Sizes(data.sizes().begin(), data.sizes().end()));
    tensor(value->second).constant = constant;
    tensor(value->second).name = name;
  }
  return value->second;
}

ValueId ExecutorchProgram::add_state(const LazyTensor& data, std::string_view name) {
  const ValueId value = add_tensor(data.dtype(), Sizes(data.sizes().begin(), data.sizes().end()));
  tensor(value).constant = constant_index(data, name);
  tensor(value).is_state = true;
  states.push_back(value);
  tensor(value).name = name;
  return value;
}

ValueId ExecutorchProgram::none() {
  const auto [entry, is_new] = shared_.try_emplace("none", 0);
  if (is_new) entry->second = add(std::monostate());
  return entry->second;
}

ValueId ExecutorchProgram::integer(int64_t value) {
  const auto [entry, is_new] = shared_.try_emplace(fmt::format("int {}", value), 0);
  if (is_new) entry->second = add(value);
  return entry->second;
}

ValueId ExecutorchProgram::boolean(bool value) {
  const auto [entry, is_new] = shared_.try_emplace(value ? "true" : "false", 0);
  if (is_new) entry->second = add(value);
  return entry->second;
}

ValueId ExecutorchProgram::real(double value) {
  const auto [entry, is_new] = shared_.try_emplace(fmt::format("real {:x}", std::bit_cast<uint64_t>(value)), 0);
  if (is_new) entry->second = add(value);
  return entry->second;
}

ValueId ExecutorchProgram::string(const std::string& value) {
  const auto [entry, is_new] = shared_.try_emplace("string " + value, 0);
  if (is_new) entry->second = add(value);
  return entry->second;
}

ValueId ExecutorchProgram::int_list(std::vector<ValueId> items) {
  const auto [entry, is_new] = int_lists_.try_emplace(items, 0);
  if (is_new) entry->second = add(IntList{std::move(items)});
  return entry->second;
}

ValueId ExecutorchProgram::storage_of(ValueId id) const {
  while (tensor(id).view_of != kNone) id = tensor(id).view_of;
  return id;
}

size_t ExecutorchProgram::operator_index(std::string_view name) {
  const auto [entry, is_new] = operator_indices_.try_emplace(std::string(name), operators_.size());
  if (is_new) operators_.emplace_back(name);
  return entry->second;
}

}  // namespace exformer::executorch
