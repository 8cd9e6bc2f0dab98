// Padding by a constant, by reflection, by the edge's value, or around.
#include <algorithm>
#include <cstring>
#include <functional>

#include "exformer/ops/builder.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/layout_rules.h"
#include "exformer/ops/shape_rules.h"
#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

enum class Mode { Constant, Reflect, Replicate, Circular };

/// Pads of dim i: pads come in pairs (before, after) from the last dim on.
struct DimPads {
  SymInt before = 0, after = 0;
};

std::vector<DimPads> pads_by_dim(const std::vector<SymInt>& pads, size_t rank, std::string_view op) {
  if (pads.size() % 2 != 0) fail("{}: pads come in pairs, got {} values", op, pads.size());
  if (pads.size() / 2 > rank) fail("{}: {} pairs of pads for a tensor of rank {}", op, pads.size() / 2, rank);
  std::vector<DimPads> result(rank);
  for (size_t i = 0; i < pads.size() / 2; ++i) result[rank - 1 - i] = {pads[2 * i], pads[2 * i + 1]};
  return result;
}

/// Reflection needs pads below the size, circular padding pads up to it. What is not known is left to the run.
void check_pad(Mode mode, const DimPads& pad, const SymInt& size, size_t dim, std::string_view op) {
  for (const SymInt& amount : {pad.before, pad.after}) {
    const bool impossible = (mode == Mode::Reflect && less(amount, size) == Truth::No) ||
                            (mode == Mode::Circular && less_equal(amount, size) == Truth::No);
    if (impossible)
      fail("{}: pad {} is too large for dimension {} of size {}", op, to_string(amount), dim, to_string(size));
  }
}

std::vector<SymInt> padded_sizes(const std::vector<SymInt>& sizes, const std::vector<DimPads>& pads, Mode mode,
                                 std::string_view op) {
  std::vector<SymInt> result = sizes;
  for (size_t i = 0; i < sizes.size(); ++i) {
    check_pad(mode, pads[i], sizes[i], i, op);
    result[i] = sizes[i] + pads[i].before + pads[i].after;
    if (less(result[i], 0) == Truth::Yes)
      fail("{}: dimension {} of size {} would have size {}", op, i, to_string(sizes[i]), to_string(result[i]));
  }
  return result;
}

/// Where index `i` of the padded dim comes from; -1: the constant.
int64_t source_index(Mode mode, int64_t i, int64_t size) {
  if (i >= 0 && i < size) return i;
  switch (mode) {
    case Mode::Reflect: return i < 0 ? -i : 2 * (size - 1) - i;
    case Mode::Replicate: return std::clamp<int64_t>(i, 0, size - 1);
    case Mode::Circular: return i < 0 ? i + size : i - size;
    default: return -1;
  }
}

HostTensor pad_tensor(const HostTensor& input, const std::vector<SymInt>& given, Mode mode, const HostTensor& fill,
                      std::string_view op) {
  const std::vector<DimPads> pads = pads_by_dim(given, input.sizes().size(), op);
  std::vector<int64_t> sizes;
  for (const SymInt& size : padded_sizes({input.sizes().begin(), input.sizes().end()}, pads, mode, op))
    sizes.push_back(size.value());
  HostTensor result = HostTensor::empty(input.dtype(), sizes);
  if (result.element_count() == 0) return result;
  const size_t item = item_size(input.dtype());
  if (sizes.empty()) {
    std::memcpy(result.raw(), input.raw(), item);
    return result;
  }
  std::vector<std::vector<int64_t>> sources(sizes.size());  // offset of each index of each dim, or -1
  for (size_t dim = 0; dim < sizes.size(); ++dim) {
    for (int64_t i = 0; i < sizes[dim]; ++i) {
      const int64_t from = source_index(mode, i - pads[dim].before.value(), input.sizes()[dim]);
      sources[dim].push_back(from < 0 ? -1 : from * input.strides()[dim]);
    }
  }
  const size_t inner = sizes.size() - 1;
  const int64_t rows = result.element_count() / sizes[inner];
  for (int64_t row = 0; row < rows; ++row) {
    int64_t rest = row, offset = 0;
    bool outside = false;
    for (size_t dim = inner; dim-- > 0;) {
      const int64_t from = sources[dim][rest % sizes[dim]];
      rest /= sizes[dim];
      outside = outside || from < 0;
      offset += from;
    }
    std::byte* out = result.raw() + static_cast<size_t>(row * sizes[inner]) * item;
    for (int64_t i = 0; i < sizes[inner]; ++i) {
      const bool constant = outside || sources[inner][i] < 0;
      std::memcpy(out + static_cast<size_t>(i) * item,
                  constant ? fill.raw() : input.raw() + (offset + sources[inner][i]) * static_cast<int64_t>(item),
                  item);
    }
  }
  return result;
}

HostTensor fill_value(const KernelArgs& args, std::string_view name, DType dtype) {
  if (!args.has(name)) return HostTensor::zeros(dtype, {});
  const Scalar value = args.scalar(name);
  const bool real = value.kind == Scalar::Kind::Float || is_floating_point(dtype);
  return real ? HostTensor::scalar(dtype, value.to_double()) : HostTensor::scalar_int(dtype, value.integer.value());
}

bool only_crops(const std::vector<SymInt>& pads) {
  return std::all_of(pads.begin(), pads.end(), [](const SymInt& pad) { return less_equal(pad, 0) == Truth::Yes; });
}

TensorMeta padded_meta(const TensorMeta& self, const std::vector<SymInt>& pads, Mode mode, std::string_view op) {
  TensorMeta result{self.dtype, padded_sizes(self.sizes, pads_by_dim(pads, self.sizes.size(), op), mode, op), {}};
  if (mode == Mode::Constant && only_crops(pads)) {  // a clone of a window
    result.strides = like_strides({self.dtype, result.sizes, self.strides});
  } else {
    result.strides = mode == Mode::Circular ? contiguous_strides(result.sizes) : strides_like(self, result.sizes);
  }
  return result;
}

Mode parse_mode(const std::string& mode, std::string_view op) {
  if (mode == "constant") return Mode::Constant;
  if (mode == "reflect") return Mode::Reflect;
  if (mode == "replicate") return Mode::Replicate;
  if (mode == "circular") return Mode::Circular;
  fail("{}: mode must be constant, reflect, replicate or circular, got \"{}\"", op, mode);
}

/// reflection_pad2d and its like: the tensor has the padded dims, channels and perhaps a batch.
void declare_edge_pad(OpRegistry& ops, std::string_view schema, std::string_view out_variant, Mode mode, int64_t dims,
                      Tag tags) {
  ops.declare({.schema = schema,
               .infer = [mode, dims](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const TensorMeta& self = *args.tensor("self");
                 if (self.rank() != dims + 1 && self.rank() != dims + 2) {
                   fail("{}: expected {} or {} dims, got sizes {}", args.schema().name, dims + 1, dims + 2,
                        to_string(self.sizes));
                 }
                 return {padded_meta(self, args.syms("padding"), mode, args.schema().name)};
               },
               .kernel = [mode](const KernelArgs& args) -> std::vector<HostTensor> {
                 return {pad_tensor(args.tensor("self"), args.syms("padding"), mode, HostTensor(), args.schema().name)};
               },
               .out_variant = out_variant,
               .tags = tags});
}

std::vector<Value*> decompose_pad(GraphBuilder& builder, const ValueArgs& args) {
  Value* self = args.tensor("self");
  const auto& pads = args.syms("pad");
  const Mode mode = parse_mode(args.string("mode"), args.schema().name);
  if (mode == Mode::Constant) {
    return {builder.call("aten::constant_pad_nd", {self, pads, args.has("value") ? args["value"] : Argument(0.0)})};
  }
  if (mode == Mode::Circular) return {builder.call("aten::_pad_circular", {self, pads})};
  const std::string name = mode == Mode::Reflect ? "aten::reflection_pad" : "aten::replication_pad";
  return {builder.call(name + std::to_string(pads.size() / 2) + "d", {self, pads})};
}

/// The end, the whole and the beginning side by side, one dim after the other.
std::vector<Value*> decompose_circular(GraphBuilder& builder, const ValueArgs& args) {
  Value* value = args.tensor("self");
  const auto pads = pads_by_dim(args.syms("pad"), value->meta.sizes.size(), args.schema().name);
  for (size_t dim = 0; dim < pads.size(); ++dim) {
    if (pads[dim].before == SymInt(0) && pads[dim].after == SymInt(0)) continue;
    const SymInt size = value->meta.sizes[dim];
    const auto axis = static_cast<int64_t>(dim);
    std::vector<Value*> parts;
    if (pads[dim].before != SymInt(0))
      parts.push_back(builder.call("aten::slice.Tensor", {value, axis, size - pads[dim].before, size}));
    parts.push_back(value);
    if (pads[dim].after != SymInt(0))
      parts.push_back(builder.call("aten::slice.Tensor", {value, axis, SymInt(0), pads[dim].after}));
    value = builder.call("aten::cat", {parts, axis});
  }
  return {value};
}

}  // namespace

void declare_padding_ops(OpRegistry& ops) {
  ops.declare({.schema = "aten::constant_pad_nd(Tensor self, SymInt[] pad, Scalar value=0) -> Tensor",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 return {padded_meta(*args.tensor("self"), args.syms("pad"), Mode::Constant, args.schema().name)};
               },
               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                 const HostTensor& self = args.tensor("self");
                 return {pad_tensor(self, args.syms("pad"), Mode::Constant, fill_value(args, "value", self.dtype()),
                                    args.schema().name)};
               },
               .out_variant = "aten::constant_pad_nd.out",
               .tags = Tag::Core});
  ops.declare(
      {.schema = "aten::pad(Tensor self, SymInt[] pad, str mode=\"constant\", float? value=None) -> Tensor",
       .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
         const TensorMeta& self = *args.tensor("self");
         const Mode mode = parse_mode(args.string("mode"), args.schema().name);
         const auto dims = static_cast<int64_t>(args.syms("pad").size() / 2);
         if (mode != Mode::Constant && (dims < 1 || dims > 3 || (self.rank() != dims + 1 && self.rank() != dims + 2))) {
           fail("{}: mode {} pads the last 1 to 3 dims of a tensor with one or two dims more, got {} dims of sizes {}",
                args.schema().name, args.string("mode"), dims, to_string(self.sizes));
         }
         return {padded_meta(self, args.syms("pad"), mode, args.schema().name)};
       },
       .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
         const HostTensor& self = args.tensor("self");
         const Mode mode = parse_mode(args.string("mode"), args.schema().name);
         return {pad_tensor(self, args.syms("pad"), mode, fill_value(args, "value", self.dtype()), args.schema().name)};
       },
       .decompose = decompose_pad});
  ops.declare(
      {.schema = "aten::_pad_circular(Tensor self, SymInt[] pad) -> Tensor",
       .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
         return {padded_meta(*args.tensor("self"), args.syms("pad"), Mode::Circular, args.schema().name)};
       },
       .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
         return {pad_tensor(args.tensor("self"), args.syms("pad"), Mode::Circular, HostTensor(), args.schema().name)};
       },
       .decompose = decompose_circular});
  declare_edge_pad(ops, "aten::reflection_pad1d(Tensor self, SymInt[2] padding) -> Tensor",
                   "aten::reflection_pad1d.out", Mode::Reflect, 1, Tag::Core);
  declare_edge_pad(ops, "aten::reflection_pad2d(Tensor self, SymInt[4] padding) -> Tensor",
                   "aten::reflection_pad2d.out", Mode::Reflect, 2, Tag::Core);
  declare_edge_pad(ops, "aten::reflection_pad3d(Tensor self, SymInt[6] padding) -> Tensor",
                   "aten::reflection_pad3d.out", Mode::Reflect, 3, Tag::Core);
  declare_edge_pad(ops, "aten::replication_pad1d(Tensor self, SymInt[2] padding) -> Tensor",
                   "aten::replication_pad1d.out", Mode::Replicate, 1, Tag::None);
  declare_edge_pad(ops, "aten::replication_pad2d(Tensor self, SymInt[4] padding) -> Tensor",
                   "aten::replication_pad2d.out", Mode::Replicate, 2, Tag::Core);
  declare_edge_pad(ops, "aten::replication_pad3d(Tensor self, SymInt[6] padding) -> Tensor",
                   "aten::replication_pad3d.out", Mode::Replicate, 3, Tag::Core);
}

}  // namespace exformer
