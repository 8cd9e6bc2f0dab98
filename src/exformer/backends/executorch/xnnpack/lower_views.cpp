// Views. What only renames axes is bookkeeping; splits and merges of dims are emitted when something reads them.
#include <algorithm>
#include <optional>

#include "exformer/backends/executorch/xnnpack/lowering.h"

namespace exformer::executorch::xnnpack {
namespace {

size_t at(int index) { return static_cast<size_t>(index); }

/// in[first_in .. first_in + in_count) and out[...] hold the same elements; dims of one element are in no group.
struct Group {
  std::vector<int> in, out;
};

SymInt product(const std::vector<SymInt>& sizes, const std::vector<int>& dims, size_t first, size_t count) {
  SymInt result(1);
  for (size_t i = 0; i < count; ++i) result = result * sizes[at(dims[first + i])];
  return result;
}

std::vector<int> long_dims(const std::vector<SymInt>& sizes) {
  std::vector<int> result;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (!is_one(sizes[i])) result.push_back(static_cast<int>(i));
  }
  return result;
}

/// The finest split of both shapes into groups of equal element counts.
std::vector<Group> group_dims(const std::vector<SymInt>& in, const std::vector<SymInt>& out) {
  const std::vector<int> from = long_dims(in), to = long_dims(out);
  std::vector<Group> groups;
  size_t i = 0, j = 0;
  while (i < from.size() && j < to.size()) {
    size_t best_in = 0, best_out = 0;
    for (size_t total = 2; total <= from.size() - i + to.size() - j && best_in == 0; ++total) {
      for (size_t p = 1; p < total && best_in == 0; ++p) {
        const size_t q = total - p;
        if (p > from.size() - i || q > to.size() - j) continue;
        if (known_equal(product(in, from, i, p), product(out, to, j, q))) {
          best_in = p;
          best_out = q;
        }
      }
    }
    if (best_in == 0) refuse("a view whose dims are not known to correspond");
    const auto range = [](const std::vector<int>& dims, size_t first, size_t count) {
      return std::vector<int>(dims.begin() + static_cast<ptrdiff_t>(first),
                              dims.begin() + static_cast<ptrdiff_t>(first + count));
    };
    groups.push_back({range(from, i, best_in), range(to, j, best_out)});
    i += best_in;
    j += best_out;
  }
  if (i != from.size() || j != to.size()) refuse("a view whose dims are not known to correspond");
  return groups;
}

/// The tensor with dims of one element left out.
Placed without_unit_dims(const Placed& x, const std::vector<SymInt>& sizes) {
  Placed result = x;
  result.axes.clear();
  for (const int dim : long_dims(sizes)) result.axes.push_back(x.axis(dim));
  return result;
}

/// The inverse: the axes of the long dims, in order, for a shape.
Placed with_unit_dims(Placed x, const std::vector<SymInt>& sizes) {
  const std::vector<int> axes = x.axes;
  x.axes.assign(sizes.size(), -1);
  size_t next = 0;
  for (const int dim : long_dims(sizes)) x.axes[at(dim)] = axes[next++];
  return x;
}

/// The runtime infers one size of a reshape.
bool is_inferable(const AxisSizes& sizes) {
  return std::count_if(sizes.begin(), sizes.end(), [](const SymInt& size) { return !size.is_constant(); }) <= 1;
}

Placed reshaped(Lowering& xnn, const Placed& x, const AxisSizes& sizes) {
  Placed result = x;
  result.sizes = sizes;
  result.id = xnn.payload.add_value(x.dtype, kAxes);
  Dims dims;
  for (const SymInt& size : sizes) dims.push_back(size.is_constant() ? constant_size(size, "a size") : 0);
  xnn.payload.reshape(x.id, dims, result.id);
  return result;
}

/// No axis of more than one element lies between two axes.
bool adjacent(const Placed& x, int first, int second) {
  for (int axis = first + 1; axis < second; ++axis) {
    if (!is_one(x.sizes[at(axis)])) return false;
  }
  return first < second;
}

/// Each element of a dim repeated in place (its neighbour is expanded), or the dim as a whole (it is expanded itself).
bool repeat_axis(Lowering& xnn, Placed& x, size_t position, const Group& group, const std::vector<SymInt>& in) {
  if (group.in.size() != 2 || group.out.size() != 1) return false;
  const bool each = x.axes[position] >= 0 && x.axes[position + 1] < 0;
  if (!each && !(x.axes[position] < 0 && x.axes[position + 1] >= 0)) return false;
  const int axis = x.axes[position + (each ? 0 : 1)];
  const SymInt &own = in[at(group.in[each ? 0 : 1])], &times = in[at(group.in[each ? 1 : 0])];
  if (!times.is_constant() || (each && !own.is_constant())) return false;
  std::vector<ValueId> parts;
  if (each) {
    for (int64_t i = 0; i < own.value(); ++i) {
      const ValueId part = xnn.slice_axis(x, axis, static_cast<uint32_t>(i), 1, 1).id;
      parts.insert(parts.end(), static_cast<size_t>(times.value()), part);
    }
  } else {
    parts.assign(static_cast<size_t>(times.value()), x.id);
  }
  x.id = xnn.concatenate(std::move(parts), axis, x.dtype);
  x.sizes[at(axis)] = own * times;
  x.axes.erase(x.axes.begin() + static_cast<ptrdiff_t>(position + (each ? 1 : 0)));
  return true;
}

/// Merges or splits in place what lies side by side, where at most one size is dynamic.
bool reshape_axes(Lowering& xnn, Placed& x, size_t position, const Group& group, const std::vector<SymInt>& out) {
  AxisSizes sizes = x.sizes;
  if (group.in.size() == 2 && group.out.size() == 1) {
    const int first = x.axes[position], second = x.axes[position + 1];
    if (first < 0 || second < 0 || !adjacent(x, first, second)) return false;
    sizes[at(second)] = sizes[at(first)] * sizes[at(second)];
    sizes[at(first)] = 1;
    if (!is_inferable(sizes)) return false;
    x = reshaped(xnn, x, sizes);
    x.axes.erase(x.axes.begin() + static_cast<ptrdiff_t>(position));
    return true;
  }
  if (group.in.size() == 1 && group.out.size() == 2) {
    const int axis = x.axes[position];
    if (axis < 1 || !is_one(x.sizes[at(axis - 1)])) return false;
    sizes[at(axis - 1)] = out[at(group.out[0])];
    sizes[at(axis)] = out[at(group.out[1])];
    if (!is_inferable(sizes)) return false;
    x = reshaped(xnn, x, sizes);
    x.axes.insert(x.axes.begin() + static_cast<ptrdiff_t>(position), axis - 1);
    return true;
  }
  return false;
}

/// Everything at once, where the result has one dynamic size at most.
Placed reshape_whole(Lowering& xnn, const Placed& from, const std::vector<SymInt>& sizes) {
  Placed target = Lowering::default_place(from.dtype, sizes);
  if (!is_inferable(target.sizes)) refuse("a reshape of more than one dynamic dim");
  for (size_t i = 0; i < from.axes.size(); ++i) {
    if (from.axes[i] < 0) refuse("a reshape of an expanded dim");
  }
  target.id = reshaped(xnn, xnn.ascending(from), target.sizes).id;
  return target;
}

/// The heads of a linear: a batched product in which every head is a matrix [width, in] of the weight as it is stored.
std::optional<Placed> heads_of(Lowering& xnn, const DeferredLinear& linear, int64_t count, int64_t width) {
  std::vector<std::pair<int, int>> wanted = {{-1, kAxes - 1}};
  int next = 0;
  for (int dim = 0; dim + 1 < linear.input.rank(); ++dim) {
    if (linear.input.axis(dim) < 0) continue;
    if (next > 2) return std::nullopt;
    wanted.emplace_back(dim, next);
    next += 2;
  }
  // A single leading dim stays where it is, when that is not the axis of the heads.
  if (wanted.size() == 2 && linear.input.axis(wanted[1].first) == 2) wanted[1].second = 2;
  const Placed input = xnn.require(linear.input, wanted);
  const uint32_t in = constant_size(linear.weight->meta.sizes[1], "the input width");
  const auto heads = static_cast<uint32_t>(count), columns = static_cast<uint32_t>(width);
  Placed result = xnn.result_like(input);
  result.sizes[1] = count;
  result.sizes[3] = width;
  result.axes.back() = count == 1 ? -1 : 1;
  result.axes.push_back(width == 1 ? -1 : 3);
  xnn.payload.binary(NodeKind::BatchMatMul, input.id, xnn.weight_as(linear.weight, {1, heads, columns, in}), result.id,
                     1);
  if (!linear.bias) return result;
  const Placed bias{.id = xnn.weight_as(linear.bias, {1, heads, 1, columns}),
                    .dtype = result.dtype,
                    .sizes = {1, count, 1, width},
                    .axes = {result.axes[result.axes.size() - 2], -1, result.axes.back()}};
  Placed sum = xnn.result_like(result);
  xnn.payload.binary(NodeKind::Add, result.id, bias.id, sum.id);
  return sum;
}

void view(const LowerCall& call) {
  Lowering& xnn = call.xnn;
  const Value* from = call.value("self");
  const std::vector<SymInt>&in = from->meta.sizes, &out = call.out().sizes;
  const std::vector<Group> groups = group_dims(in, out);
  const auto is_same = [](const Group& group) { return group.in.size() == 1 && group.out.size() == 1; };
  const auto changed = std::count_if(groups.begin(), groups.end(), [&](const Group& group) { return !is_same(group); });
  const bool only_last = changed == 1 && !is_same(groups.back());
  const auto constant_pair = [](const std::vector<SymInt>& sizes, const std::vector<int>& dims) {
    return dims.size() == 2 && sizes[at(dims[0])].is_constant() && sizes[at(dims[1])].is_constant();
  };
  const bool splits = only_last && groups.back().in.size() == 1 && constant_pair(out, groups.back().out);
  const bool merges = only_last && groups.back().out.size() == 1 && constant_pair(in, groups.back().in);

  if (const DeferredLinear* linear = splits ? xnn.deferred_linear(from) : nullptr) {
    const std::vector<int>& dims = groups.back().out;
    DeferredLinear narrow = *linear;
    narrow.input.axes.pop_back();
    std::vector<SymInt> leading(in.begin(), in.end() - 1);
    narrow.input = without_unit_dims(narrow.input, leading);
    narrow.input.axes.push_back(linear->input.axes.back());
    if (auto heads = heads_of(xnn, narrow, out[at(dims[0])].value(), out[at(dims[1])].value()))
      return call.set(with_unit_dims(*heads, out));
  }
  Placed x = without_unit_dims(xnn.get(from), in);
  if (merges && x.axis(-1) >= 0 && x.axis(-2) >= 0 &&
      !(adjacent(x, x.axis(-2), 3) && x.axis(-1) == 3 && is_inferable(x.sizes))) {
    if (groups.back().out[0] + 1 == static_cast<int>(out.size())) {
      DeferredMerge merge{x};
      merge.heads.axes.resize(x.axes.size() - 2);
      merge.heads = with_unit_dims(merge.heads, {out.begin(), out.end() - 1});
      merge.heads.axes.insert(merge.heads.axes.end(), x.axes.end() - 2, x.axes.end());
      return xnn.bind(call.node.output(), std::move(merge));
    }
  }
  size_t position = 0;
  for (const Group& group : groups) {
    if (group.in.size() == 1 && x.axes[position] < 0) {  // expanded: so are its parts
      x.axes.insert(x.axes.begin() + static_cast<ptrdiff_t>(position), group.out.size() - 1, -1);
      position += group.out.size();
      continue;
    }
    if (!is_same(group) && !reshape_axes(xnn, x, position, group, out) && !repeat_axis(xnn, x, position, group, in)) {
      if (splits) {
        x = xnn.split_last(x, out[at(group.out[0])].value(), out[at(group.out[1])].value());
      } else if (merges) {
        x = xnn.merge_last(x);
      } else {
        return call.set(reshape_whole(xnn, without_unit_dims(xnn.get(from), in), out));
      }
    }
    position += group.out.size();
  }
  call.set(with_unit_dims(std::move(x), out));
}

void permute(const LowerCall& call, const std::vector<int>& order) {
  const Placed& x = call.tensor("self");
  Placed result = x;
  for (size_t i = 0; i < order.size(); ++i) result.axes[i] = x.axis(order[i]);
  call.set(std::move(result));
}

void transpose(const LowerCall& call) {
  Placed result = call.tensor("self");
  std::swap(result.axes[at(call.dim("dim0"))], result.axes[at(call.dim("dim1"))]);
  call.set(std::move(result));
}

void transpose_matrix(const LowerCall& call) {
  Placed result = call.tensor("self");
  std::reverse(result.axes.begin(), result.axes.end());
  call.set(std::move(result));
}

void unsqueeze(const LowerCall& call) {
  Placed result = call.tensor("self");
  const int64_t dim = call.args.integer("dim");
  result.axes.insert(result.axes.begin() + (dim < 0 ? dim + result.rank() + 1 : dim), -1);
  call.set(std::move(result));
}

void squeeze(const LowerCall& call) {
  Placed result = call.tensor("self");
  std::vector<int> dims = call.dims("dim");
  std::sort(dims.rbegin(), dims.rend());
  for (const int dim : dims) {
    const SymInt& size = call.meta("self").sizes[at(dim)];
    if (is_one(size)) result.axes.erase(result.axes.begin() + dim);
  }
  if (result.axes.size() != call.out().sizes.size()) refuse("squeeze of a dynamic dim");
  call.set(std::move(result));
}

void expand(const LowerCall& call) {
  Placed result = call.tensor("self");
  while (result.axes.size() < call.out().sizes.size()) result.axes.insert(result.axes.begin(), -1);
  call.set(std::move(result));
}

}  // namespace

void add_views_lowerings(LoweringTable& table) {
  for (const std::string_view op : {"aten::view", "aten::reshape", "aten::_unsafe_view", "aten::flatten.using_ints",
                                    "aten::unflatten.int", "aten::view_as", "aten::reshape_as"}) {
    table.add(op, view);
  }
  table.add("aten::permute", [](const LowerCall& call) { permute(call, call.dims("dims")); });
  table.add("aten::transpose.int", transpose);
  table.add("aten::t", transpose_matrix);
  table.add("aten::unsqueeze", unsqueeze);
  table.add("aten::squeeze.dim", squeeze);
  table.add("aten::squeeze.dims", squeeze);
  table.add("aten::expand", expand);
  table.add("aten::expand_as", expand);
}

}  // namespace exformer::executorch::xnnpack
