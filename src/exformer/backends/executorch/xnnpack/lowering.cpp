#include "exformer/backends/executorch/xnnpack/lowering.h"

#include "exformer/base/error.h"

namespace exformer::executorch::xnnpack {

void Lowering::bind(const Value* value, Placed placed) {
  EXFORMER_ASSERT(placed.axes.size() == value->meta.sizes.size());
  entries_[value].placed = std::move(placed);
}

const DeferredLinear* Lowering::deferred_linear(const Value* value) const {
  const auto found = entries_.find(value);
  return found != entries_.end() && found->second.linear ? &*found->second.linear : nullptr;
}

const DeferredMerge* Lowering::deferred_merge(const Value* value) const {
  const auto found = entries_.find(value);
  return found != entries_.end() && found->second.merge ? &*found->second.merge : nullptr;
}

const LazyTensor* Lowering::weight(const Value* value) const {
  const auto found = weights_->find(value);
  return found == weights_->end() ? nullptr : found->second.second;
}

const Placed& Lowering::get(const Value* value) {
  Entry& entry = entries_[value];
  if (entry.placed) return *entry.placed;
  if (entry.linear) {
    entry.placed = fully_connected(*entry.linear);
  } else if (entry.merge) {
    entry.placed = merge_last(entry.merge->heads);
  } else {
    if (!weight(value)) refuse(fmt::format("'{}' is not in the delegate", value->name));
    entry.placed = placed_weight(value, value->meta.dtype);
  }
  return *entry.placed;
}

Placed Lowering::placed_weight(const Value* value, DType dtype) {
  Placed placed = default_place(dtype, value->meta.sizes);
  Dims dims;
  for (const SymInt& size : placed.sizes) dims.push_back(constant_size(size, "a weight's size"));
  placed.id = weight_in(value, dtype, std::move(dims));
  return placed;
}

Placed Lowering::get_in(const Value* value, DType dtype) {
  if (dtype != DType::Float32 || value->meta.dtype == dtype || !weight(value)) return cast(get(value), dtype);
  std::optional<Placed>& wide = entries_[value].wide;
  if (!wide) wide = placed_weight(value, dtype);
  return *wide;
}

const Placed& Lowering::get_along(const Value* value, const std::vector<int>& dims) {
  const Placed& placed = get(value);
  for (const int dim : dims) {
    const int index = dim < 0 ? dim + placed.rank() : dim;
    if (placed.axis(index) < 0 && !is_one(value->meta.sizes[static_cast<size_t>(index)]))
      refuse("works along an expanded dim");
  }
  return placed;
}

ValueId Lowering::weight_as(const Value* value, Dims dims) {
  const auto& [name, data] = weights_->at(value);
  return payload.add_constant(value->meta.dtype, std::move(dims), named_weight(name, *data));
}

ValueId Lowering::weight_in(const Value* value, DType dtype, Dims dims) {
  if (value->meta.dtype == dtype) return weight_as(value, std::move(dims));
  const auto& [name, data] = weights_->at(value);
  return payload.add_constant(dtype, std::move(dims),
                              named_weight(fmt::format("{}#{}", name, dtype_name(dtype)), {data->source(), dtype}));
}

ValueId Lowering::rearranged_weight(const Value* value, std::string_view suffix, DType dtype, Dims dims,
                                    std::function<void(const LazyTensor&, const std::function<void(Bytes)>&)> stream) {
  const auto& [name, data] = weights_->at(value);
  const LazyTensor cast(data->source(), dtype);
  return payload.add_constant(
      dtype, std::move(dims),
      {.key = fmt::format("{}#{}", name, suffix),
       .storage_key = fmt::format("{}#{}", cast.storage_key(), suffix),
       .size = cast.byte_size(),
       .stream = [cast, stream = std::move(stream)](const std::function<void(Bytes)>& sink) { stream(cast, sink); }});
}

Placed Lowering::fully_connected(const DeferredLinear& linear) {
  const std::vector<SymInt>& filter = linear.weight->meta.sizes;
  const uint32_t out = constant_size(filter[0], "the output width"), in = constant_size(filter[1], "the input width");
  const Placed input = require(linear.input, {{-1, kAxes - 1}});
  Placed result = result_like(input);
  result.sizes[kAxes - 1] = SymInt(int64_t{out});
  result.axes.back() = out == 1 ? -1 : kAxes - 1;
  payload.fully_connected(input.id, weight_as(linear.weight, {out, in}),
                          linear.bias ? weight_as(linear.bias, {out}) : kAbsent, result.id,
                          Payload::FilterLayout::OutIn);
  return result;
}

const Value* LowerCall::optional(std::string_view name) const {
  Value* const* found = args.optional_tensor(name);
  return found ? *found : nullptr;
}

const Placed& LowerCall::tensor_along(std::string_view name, const std::vector<int>& dims) const {
  return xnn.get_along(value(name), dims);
}

Placed LowerCall::wide_along(std::string_view name, const std::vector<int>& dims) const {
  return xnn.cast(tensor_along(name, dims), DType::Float32);
}

int LowerCall::dim(std::string_view name, std::string_view of) const {
  const int64_t given = args.integer(name), rank = meta(of).rank();
  if (rank == 0) refuse("a tensor without dims");
  return static_cast<int>(given < 0 ? given + rank : given);
}

std::vector<int> LowerCall::dims(std::string_view name, std::string_view of) const {
  if (meta(of).rank() == 0) refuse("a tensor without dims");
  std::vector<int> result;
  const std::vector<int64_t> given =
      args[name].is<SymInt>() ? std::vector<int64_t>{args.integer(name)} : args.integers(name);
  for (const int64_t dim : given) result.push_back(static_cast<int>(dim < 0 ? dim + meta(of).rank() : dim));
  return result;
}

double LowerCall::number(std::string_view name) const {
  const Scalar scalar = args.scalar(name);
  if (scalar.kind != Scalar::Kind::Float && !scalar.integer.is_constant()) refuse("a factor that depends on sizes");
  return scalar.to_double();
}

const LoweringTable& LoweringTable::standard() {
  static const LoweringTable table = [] {
    LoweringTable result;
#define LOWERING_FILE(name) add_##name##_lowerings(result);
#include "exformer/backends/executorch/xnnpack/lowerings.inc"
#undef LOWERING_FILE
    return result;
  }();
  return table;
}

void LoweringTable::add(std::string_view op, LowerFunction function) {
  const bool is_new = functions_.emplace(std::string(op), function).second;
  EXFORMER_ASSERT(is_new);
}

LowerFunction LoweringTable::find(const std::string& op) const {
  const auto found = functions_.find(op);
  return found == functions_.end() ? nullptr : found->second;
}

}  // namespace exformer::executorch::xnnpack
