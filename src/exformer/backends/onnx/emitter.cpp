#include "exformer/backends/onnx/emitter.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

namespace exformer::onnx {
namespace {

constexpr int64_t kToTheEnd = std::numeric_limits<int64_t>::max();

/// How much arithmetic it takes to compute a size; used to choose which one -1 may stand for.
int cost(const SymInt& size) {
  if (size.is_constant()) return 0;
  if (size.symbol_name()) return 1;
  const SymOperation operation = top_operation(size);
  return 1 + cost(operation.operands[0]) + cost(operation.operands[1]);
}

}  // namespace

ValueId Emitter::scalar(const Scalar& value, DType dtype) {
  if (value.kind == Scalar::Kind::Int && !value.integer.is_constant())
    return graph.cast(shapes.scalar(value.integer), dtype);
  if (value.kind != Scalar::Kind::Float && !is_floating_point(dtype))
    return graph.constant(HostTensor::scalar_int(dtype, value.integer.value()));
  return graph.scalar(value.to_double(), dtype);
}

ValueId Emitter::range(const SymInt& count) {
  return graph.emit("Range", {graph.constant_int(0), shapes.scalar(count), graph.constant_int(1)}, {}, DType::Int64,
                    {count});
}

ValueId Emitter::floor_divide(ValueId a, ValueId b) {
  if (graph.dtype(a) == DType::UInt8) return graph.pointwise("Div", {a, b});
  return graph.pointwise("Div", {graph.pointwise("Sub", {a, graph.pointwise("Mod", {a, b})}), b});
}

ValueId Emitter::reshape(ValueId value, const Sizes& sizes) {
  const Sizes from = graph.sizes(value);
  if (from == sizes) return value;
  // A dim that stays where it is: 0.
  std::vector<int64_t> target(sizes.size());
  std::vector<size_t> unknown;
  bool has_zero = false;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i].is_constant()) {
      target[i] = sizes[i].value();
      has_zero = has_zero || target[i] == 0;
    } else if (i < from.size() && known_equal(from[i], sizes[i])) {
      target[i] = 0;
    } else {
      unknown.push_back(i);
    }
  }
  const auto done = [&](ValueId shape, Attributes attributes = {}) {
    return graph.emit("Reshape", {value, shape}, std::move(attributes), graph.dtype(value), sizes);
  };
  if (has_zero) return done(shapes.vector(sizes), {{"allowzero", int64_t{1}}});
  if (unknown.empty()) return done(graph.constant_ints(target));
  const auto may_be_empty = [&](size_t i) { return !sizes[i].is_constant() && bounds(sizes[i]).min < 1; };
  const size_t inferred = *std::max_element(unknown.begin(), unknown.end(), [&](size_t a, size_t b) {
    return std::pair(may_be_empty(a), cost(sizes[a])) < std::pair(may_be_empty(b), cost(sizes[b]));
  });
  // Beside a dim of 0 none can be inferred.
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (i != inferred && may_be_empty(i)) return done(shapes.vector(sizes), {{"allowzero", int64_t{1}}});
  }
  target[inferred] = -1;
  if (unknown.size() == 1) return done(graph.constant_ints(target));
  Sizes mixed(target.begin(), target.end());
  for (const size_t i : unknown) {
    if (i != inferred) mixed[i] = sizes[i];
  }
  return done(shapes.vector(mixed));
}

ValueId Emitter::expand(ValueId value, const Sizes& sizes) {
  const Sizes from = graph.sizes(value);
  if (from == sizes) return value;
  // Expand broadcasts both ways, so a dim that does not grow may be asked for as 1.
  Sizes wanted = sizes;
  const size_t offset = sizes.size() - from.size();
  for (size_t i = 0; i < from.size(); ++i) {
    if (known_equal(from[i], sizes[offset + i])) wanted[offset + i] = SymInt(1);
  }
  return graph.emit("Expand", {value, shapes.vector(wanted)}, {}, graph.dtype(value), sizes);
}

ValueId Emitter::transpose(ValueId value, const std::vector<int64_t>& permutation) {
  if (std::is_sorted(permutation.begin(), permutation.end())) return value;
  Sizes sizes;
  for (const int64_t dim : permutation) sizes.push_back(graph.sizes(value)[static_cast<size_t>(dim)]);
  return graph.emit("Transpose", {value}, {{"perm", permutation}}, graph.dtype(value), std::move(sizes));
}

ValueId Emitter::unsqueeze(ValueId value, int64_t axis) {
  Sizes sizes = graph.sizes(value);
  sizes.insert(sizes.begin() + axis, SymInt(1));
  return graph.emit("Unsqueeze", {value, graph.constant_ints({axis})}, {}, graph.dtype(value), std::move(sizes));
}

ValueId Emitter::squeeze(ValueId value, int64_t axis) {
  Sizes sizes = graph.sizes(value);
  sizes.erase(sizes.begin() + axis);
  return graph.emit("Squeeze", {value, graph.constant_ints({axis})}, {}, graph.dtype(value), std::move(sizes));
}

ValueId Emitter::slice(ValueId value, int64_t axis, const SymInt& start, const SymInt& end, const SymInt& step) {
  Sizes sizes = graph.sizes(value);
  SymInt& size = sizes[static_cast<size_t>(axis)];
  const bool to_the_end = less_equal(size, end) == Truth::Yes;
  if (start == SymInt(0) && to_the_end && step == SymInt(1)) return value;
  const SymInt stop = to_the_end ? size : end;
  const SymInt length = known_equal(start, stop) ? SymInt(0) : ceildiv(stop - start, step);
  const ValueId end_value = to_the_end ? graph.constant_ints({kToTheEnd}) : shapes.one(end);
  std::vector<ValueId> inputs = {value, shapes.one(start), end_value, graph.constant_ints({axis})};
  if (step != SymInt(1)) inputs.push_back(shapes.one(step));
  size = length;
  return graph.emit("Slice", std::move(inputs), {}, graph.dtype(value), std::move(sizes));
}

ValueId Emitter::concat(const std::vector<ValueId>& values, int64_t axis) {
  if (values.size() == 1) return values.front();
  Sizes sizes = graph.sizes(values.front());
  for (size_t i = 1; i < values.size(); ++i)
    sizes[static_cast<size_t>(axis)] =
        sizes[static_cast<size_t>(axis)] + graph.sizes(values[i])[static_cast<size_t>(axis)];
  return graph.emit("Concat", values, {{"axis", axis}}, graph.dtype(values.front()), std::move(sizes));
}

ValueId Emitter::full(const Sizes& sizes, ValueId fill) {
  if (sizes.empty()) return fill;
  return graph.emit("Expand", {fill, shapes.vector(sizes)}, {}, graph.dtype(fill), sizes);
}

ValueId Emitter::reduce(std::string_view op, ValueId value, const std::vector<int64_t>& axes, bool keep_dims) {
  Sizes sizes = graph.sizes(value);
  std::vector<int64_t> dims = axes;
  if (dims.empty()) {
    dims.resize(sizes.size());
    std::iota(dims.begin(), dims.end(), 0);
  }
  if (sizes.empty()) return value;
  for (auto dim = dims.rbegin(); dim != dims.rend(); ++dim) {
    if (keep_dims) {
      sizes[static_cast<size_t>(*dim)] = SymInt(1);
    } else {
      sizes.erase(sizes.begin() + *dim);
    }
  }
  return graph.emit(op, {value, graph.constant_ints(dims)}, {{"keepdims", int64_t{keep_dims}}}, graph.dtype(value),
                    std::move(sizes));
}

ValueId Emitter::where(ValueId condition, ValueId a, ValueId b) {
  if (graph.dtype(a) != DType::Bool) {
    const Sizes sizes = broadcast(broadcast(graph.sizes(condition), graph.sizes(a)), graph.sizes(b));
    return graph.emit("Where", {condition, a, b}, {}, graph.dtype(a), sizes);
  }
  const ValueId chosen = graph.pointwise("And", {condition, a});
  return graph.pointwise("Or", {chosen, graph.pointwise("And", {graph.pointwise("Not", {condition}), b})});
}

}  // namespace exformer::onnx
