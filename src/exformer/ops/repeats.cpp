// Ops that repeat or move whole slices: repeat, tile, repeat_interleave, roll, flip, meshgrid.
#include <algorithm>

#include "exformer/ops/builder.h"
#include "exformer/ops/data_sizes.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/host_copy.h"
#include "exformer/ops/shape_rules.h"
#include "exformer/ops/view_rules.h"
#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

std::vector<int64_t> constants(const std::vector<SymInt>& values) {
  std::vector<int64_t> result;
  for (const SymInt& value : values) result.push_back(value.value());
  return result;
}

/// repeat's sizes; `repeats` may be longer than the rank.
std::vector<SymInt> repeated_sizes(const TensorMeta& self, const std::vector<SymInt>& repeats, std::string_view op) {
  if (static_cast<int64_t>(repeats.size()) < self.rank()) {
    fail("{}: {} repeats are fewer than the tensor's {} dims", op, repeats.size(), self.rank());
  }
  const size_t added = repeats.size() - self.sizes.size();
  std::vector<SymInt> sizes = repeats;
  for (size_t i = 0; i < repeats.size(); ++i) {
    if (less(repeats[i], 0) == Truth::Yes) fail("{}: repeats must not be negative, got {}", op, to_string(repeats));
    if (i >= added) sizes[i] = repeats[i] * self.sizes[i - added];
  }
  return sizes;
}

/// tile gives leading dims that are not named one repeat.
std::vector<SymInt> tile_repeats(const TensorMeta& self, std::vector<SymInt> dims) {
  while (static_cast<int64_t>(dims.size()) < self.rank()) dims.insert(dims.begin(), SymInt(1));
  return dims;
}

HostTensor repeat_tensor(const HostTensor& self, const std::vector<SymInt>& repeats, std::string_view op) {
  HostTensor result = HostTensor::empty(self.dtype(), constants(repeated_sizes(meta_of(self), repeats, op)));
  const size_t added = repeats.size() - self.sizes().size();
  // Every dim is seen as (repeats, size): the source repeats with stride 0.
  std::vector<int64_t> sizes, from, to;
  for (size_t i = 0; i < repeats.size(); ++i) {
    const int64_t size = i < added ? 1 : self.sizes()[i - added];
    sizes.insert(sizes.end(), {repeats[i].value(), size});
    from.insert(from.end(), {0, i < added ? 1 : self.strides()[i - added]});
    to.insert(to.end(), {result.strides()[i] * size, result.strides()[i]});
  }
  copy_elements(self.as_strided(sizes, from, 0), result.as_strided(sizes, to, 0));
  return result;
}

struct Interleave {
  std::vector<SymInt> sizes;  // of the tensor that is repeated: flattened without a dim
  int64_t dim = 0;
};

Interleave interleave_input(const TensorMeta& self, std::optional<int64_t> dim, std::string_view op) {
  if (!dim) return {{element_count(self.sizes)}, 0};
  Interleave input{self.sizes, wrap_dim(*dim, self.rank(), op)};
  if (input.sizes.empty()) input.sizes = {SymInt(1)};
  return input;
}

/// The tensor with a new dim of stride 0 after the repeated one: a copy of it, flattened, is the result.
HostTensor interleave_tensor(const HostTensor& self, const Interleave& input, int64_t repeats) {
  const HostTensor flat =
      constants(input.sizes) == self.sizes() ? self : self.contiguous().reshaped(constants(input.sizes));
  std::vector<int64_t> sizes = flat.sizes(), strides = flat.strides();
  sizes.insert(sizes.begin() + input.dim + 1, repeats);
  strides.insert(strides.begin() + input.dim + 1, 0);
  HostTensor result = HostTensor::empty(self.dtype(), sizes);
  copy_elements(flat.as_strided(sizes, strides, 0), result);
  std::vector<int64_t> merged = flat.sizes();
  merged[input.dim] *= repeats;
  return result.reshaped(merged);
}

/// Index i of the result is the i-th position, each listed as often as `repeats` says.
std::vector<int64_t> interleave_indices(const HostTensor& repeats, std::string_view op) {
  if (repeats.rank() != 1) fail("{}: repeats must have 1 dim, got {}", op, repeats.rank());
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < repeats.size(0); ++i) {
    const int64_t count = repeats.item_int(i);
    if (count < 0) fail("{}: repeats must not be negative, got {}", op, count);
    indices.insert(indices.end(), static_cast<size_t>(count), i);
  }
  return indices;
}

/// The sum of `repeats`, one for each element of a dim of `length`: the symbol that an earlier call on the same tensor
/// declared, else a new one.
SymInt output_size(const MetaArgs& args, const SymInt& length) {
  if (const auto size = args.optional_sym("output_size")) return *size;
  const Value* repeats = graph_value(args, "repeats");
  if (repeats->meta.rank() == 1 && known_equal(repeats->meta.sizes[0], length)) {
    for (const Node* user : repeats->users()) {
      const bool has_self = user->is("aten::repeat_interleave.self_Tensor");
      if ((!has_self && !user->is("aten::repeat_interleave.Tensor")) || user->outputs().empty()) continue;
      if (user->argument("repeats") != Argument(const_cast<Value*>(repeats))) continue;
      int64_t dim = 0;
      if (has_self) {
        const auto* given = user->argument("dim").get_if<SymInt>();
        const auto asked = given ? std::optional(given->value()) : std::nullopt;
        const Interleave input = interleave_input(user->argument("self").as<Value*>()->meta, asked, user->op());
        if (!known_equal(input.sizes[input.dim], length)) continue;
        dim = input.dim;
      }
      const SymInt& known = user->output()->meta.sizes[dim];
      if (!known.is_constant()) return known;
    }
  }
  return declare_data_size(args, 0, kUnbounded);
}

/// Shifts per dim; without dims the flattened tensor is rolled, which has one.
std::vector<std::pair<int64_t, SymInt>> roll_steps(const std::vector<SymInt>& shifts, const std::vector<int64_t>& dims,
                                                   int64_t rank, std::string_view op) {
  if (shifts.empty()) fail("{}: shifts must not be empty", op);
  std::vector<std::pair<int64_t, SymInt>> steps;
  if (dims.empty() && shifts.size() == 1) return steps;
  if (dims.size() != shifts.size()) fail("{}: {} shifts but {} dims", op, shifts.size(), dims.size());
  for (size_t i = 0; i < dims.size(); ++i) steps.emplace_back(wrap_dim(dims[i], rank, op), shifts[i]);
  return steps;
}

HostTensor roll_tensor(const HostTensor& self, int64_t dim, int64_t shift) {
  const int64_t size = self.size(dim);
  HostTensor result = HostTensor::empty(self.dtype(), self.sizes());
  if (size == 0) return result;
  const int64_t start = ((shift % size) + size) % size;  // where the source's first slice goes
  const auto window = [dim](const HostTensor& tensor, int64_t from, int64_t length) {
    std::vector<int64_t> sizes = tensor.sizes();
    sizes[dim] = length;
    return tensor.as_strided(sizes, tensor.strides(), from * tensor.strides()[dim]);
  };
  copy_elements(window(self, 0, size - start), window(result, start, size - start));
  copy_elements(window(self, size - start, start), window(result, 0, start));
  return result;
}

std::vector<ViewGeometry> meshgrid_geometry(const std::vector<TensorMeta>& tensors, const std::string& indexing,
                                            std::string_view op) {
  if (tensors.empty()) fail("{}: expected at least one tensor, got none", op);
  if (indexing != "ij" && indexing != "xy") fail("{}: indexing must be \"ij\" or \"xy\", got \"{}\"", op, indexing);
  const bool swap = indexing == "xy" && tensors.size() >= 2;
  std::vector<SymInt> sizes;
  for (const TensorMeta& tensor : tensors) {
    if (tensor.rank() > 1) fail("{}: expected 0-d or 1-d tensors, got sizes {}", op, to_string(tensor.sizes));
    if (tensor.dtype != tensors[0].dtype) {
      fail("{}: tensors must have one dtype, got {} and {}", op, dtype_name(tensors[0].dtype),
           dtype_name(tensor.dtype));
    }
    sizes.push_back(element_count(tensor.sizes));
  }
  if (swap) std::swap(sizes[0], sizes[1]);
  std::vector<ViewGeometry> grids;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const size_t axis = swap && i < 2 ? 1 - i : i;
    ViewGeometry grid{sizes, std::vector<SymInt>(sizes.size(), SymInt(0))};
    const SymInt own = tensors[i].rank() == 0 ? SymInt(1) : tensors[i].strides[0];
    // Sizes of 1 keep the stride that view gave them, as expand does.
    for (size_t d = sizes.size(); d-- > 0;) {
      if (d == axis) {
        grid.strides[d] = own;
      } else if (sizes[d] == SymInt(1)) {
        grid.strides[d] = d > axis ? SymInt(1) : own * sizes[axis];
      }
    }
    grids.push_back(std::move(grid));
  }
  return grids;
}

void declare_meshgrid(OpRegistry& ops, std::string_view schema, bool has_indexing) {
  ops.declare({.schema = schema,
               .infer =
                   [has_indexing](const MetaArgs& args) {
                     std::vector<TensorMeta> metas;
                     for (const TensorMeta* tensor : args.tensors("tensors")) metas.push_back(*tensor);
                     const auto grids =
                         meshgrid_geometry(metas, has_indexing ? args.string("indexing") : "ij", args.schema().name);
                     std::vector<OutputMeta> results;
                     for (size_t i = 0; i < grids.size(); ++i)
                       results.emplace_back(TensorMeta{metas[i].dtype, grids[i].sizes, grids[i].strides});
                     return results;
                   },
               .kernel =
                   [has_indexing](const KernelArgs& args) {
                     std::vector<TensorMeta> metas;
                     for (const HostTensor& tensor : args.tensors("tensors")) metas.push_back(meta_of(tensor));
                     const auto grids =
                         meshgrid_geometry(metas, has_indexing ? args.string("indexing") : "ij", args.schema().name);
                     std::vector<HostTensor> results;
                     for (size_t i = 0; i < grids.size(); ++i)
                       results.push_back(window_of(args.tensors("tensors")[i], grids[i]));
                     return results;
                   },
               .tags = Tag::View,
               .decompose =
                   [has_indexing](GraphBuilder& builder, const ValueArgs& args) {
                     const auto& tensors = args.tensors("tensors");
                     std::vector<SymInt> sizes;
                     for (const Value* tensor : tensors) sizes.push_back(element_count(tensor->meta.sizes));
                     const bool swap = has_indexing && args.string("indexing") == "xy" && tensors.size() >= 2;
                     if (swap) std::swap(sizes[0], sizes[1]);
                     std::vector<Value*> results;
                     for (size_t i = 0; i < tensors.size(); ++i) {
                       const size_t axis = swap && i < 2 ? 1 - i : i;
                       std::vector<SymInt> shape(sizes.size(), SymInt(1));
                       shape[axis] = sizes[axis];
                       results.push_back(
                           builder.call("aten::expand", {builder.call("aten::view", {tensors[i], shape}), sizes}));
                     }
                     return results;
                   }});
}

}  // namespace

void declare_repeats_ops(OpRegistry& ops) {
  ops.declare({.schema = "aten::repeat(Tensor self, SymInt[] repeats) -> Tensor",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const TensorMeta& self = *args.tensor("self");
                 return {contiguous_meta(self.dtype, repeated_sizes(self, args.syms("repeats"), args.schema().name))};
               },
               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                 return {repeat_tensor(args.tensor("self"), args.syms("repeats"), args.schema().name)};
               },
               .out_variant = "aten::repeat.out",
               .tags = Tag::Core});
  ops.declare({.schema = "aten::tile(Tensor self, SymInt[] dims) -> Tensor",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const TensorMeta& self = *args.tensor("self");
                 return {contiguous_meta(
                     self.dtype, repeated_sizes(self, tile_repeats(self, args.syms("dims")), args.schema().name))};
               },
               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                 const HostTensor& self = args.tensor("self");
                 return {repeat_tensor(self, tile_repeats(meta_of(self), args.syms("dims")), args.schema().name)};
               },
               .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                 Value* self = args.tensor("self");
                 return {builder.call("aten::repeat", {self, tile_repeats(self->meta, args.syms("dims"))})};
               }});
  ops.declare(
      {.schema = "aten::repeat_interleave.self_int(Tensor self, SymInt repeats, int? dim=None, *, SymInt? "
                 "output_size=None) -> Tensor",
       .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
         const TensorMeta& self = *args.tensor("self");
         Interleave input = interleave_input(self, args.optional_integer("dim"), args.schema().name);
         const SymInt repeats = args.sym("repeats");
         if (less(repeats, 0) == Truth::Yes)
           fail("{}: repeats must not be negative, got {}", args.schema().name, to_string(repeats));
         input.sizes[input.dim] = input.sizes[input.dim] * repeats;
         const auto expected = args.optional_sym("output_size");
         if (expected && equal(*expected, input.sizes[input.dim]) == Truth::No) {
           fail("{}: output_size is {}, the result has {}", args.schema().name, to_string(*expected),
                to_string(input.sizes[input.dim]));
         }
         return {contiguous_meta(self.dtype, std::move(input.sizes))};
       },
       .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
         const HostTensor& self = args.tensor("self");
         return {interleave_tensor(self,
                                   interleave_input(meta_of(self), args.optional_integer("dim"), args.schema().name),
                                   args.integer("repeats"))};
       },
       .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
         Value* self = args.tensor("self");
         const Interleave input = interleave_input(self->meta, args.optional_integer("dim"), args.schema().name);
         if (input.sizes != self->meta.sizes) self = builder.call("aten::reshape", {self, input.sizes});
         std::vector<SymInt> sizes = input.sizes;
         sizes.insert(sizes.begin() + input.dim + 1, args.sym("repeats"));
         Value* wide = builder.call("aten::expand", {builder.call("aten::unsqueeze", {self, input.dim + 1}), sizes});
         wide = builder.call("aten::clone", {wide}, {{"memory_format", MemoryFormat::Contiguous}});
         sizes = input.sizes;
         sizes[input.dim] = sizes[input.dim] * args.sym("repeats");
         return {builder.call("aten::view", {wide, sizes})};
       }});
  ops.declare(
      {.schema = "aten::repeat_interleave.Tensor(Tensor repeats, *, SymInt? output_size=None) -> Tensor",
       .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
         const TensorMeta& repeats = *args.tensor("repeats");
         const SymInt length = repeats.rank() == 1 ? repeats.sizes[0] : SymInt(1);
         return {contiguous_meta(repeats.dtype, {output_size(args, length)})};
       },
       .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
         const HostTensor& repeats = args.tensor("repeats");
         const std::vector<int64_t> indices = interleave_indices(repeats, args.schema().name);
         return {HostTensor::from(DType::Int64, {static_cast<int64_t>(indices.size())}, indices).to(repeats.dtype())};
       },
       .out_variant = "aten::repeat_interleave.Tensor_out",
       .tags = Tag::DataDependent});
  ops.declare(
      {.schema = "aten::repeat_interleave.self_Tensor(Tensor self, Tensor repeats, int? dim=None, *, SymInt? "
                 "output_size=None) -> Tensor",
       .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
         const TensorMeta& self = *args.tensor("self");
         Interleave input = interleave_input(self, args.optional_integer("dim"), args.schema().name);
         input.sizes[input.dim] = output_size(args, input.sizes[input.dim]);
         return {contiguous_meta(self.dtype, std::move(input.sizes))};
       },
       .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
         const HostTensor& self = args.tensor("self");
         const Interleave input = interleave_input(meta_of(self), args.optional_integer("dim"), args.schema().name);
         const HostTensor flat =
             constants(input.sizes) == self.sizes() ? self : self.contiguous().reshaped(constants(input.sizes));
         HostTensor repeats = args.tensor("repeats");
         const int64_t length = flat.size(input.dim);
         if (repeats.element_count() == 1) repeats = repeats.as_strided({length}, {0}, 0);
         if (repeats.rank() != 1 || repeats.size(0) != length) {
           fail("{}: repeats must have one value or {}, got {}", args.schema().name, length, repeats.element_count());
         }
         const std::vector<int64_t> indices = interleave_indices(repeats, args.schema().name);
         std::vector<int64_t> sizes = flat.sizes();
         sizes[input.dim] = static_cast<int64_t>(indices.size());
         HostTensor result = HostTensor::empty(self.dtype(), sizes);
         sizes[input.dim] = 1;
         for (size_t i = 0; i < indices.size(); ++i) {
           copy_elements(
               flat.as_strided(sizes, flat.strides(), indices[i] * flat.strides()[input.dim]),
               result.as_strided(sizes, result.strides(), static_cast<int64_t>(i) * result.strides()[input.dim]));
         }
         return {result};
       },
       .tags = Tag::DataDependent,
       .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
         Value* self = args.tensor("self");
         Value* repeats = args.tensor("repeats");
         const Interleave input = interleave_input(self->meta, args.optional_integer("dim"), args.schema().name);
         if (input.sizes != self->meta.sizes) self = builder.call("aten::reshape", {self, input.sizes});
         if (repeats->meta.rank() == 0 || known_equal(element_count(repeats->meta.sizes), 1)) {
           repeats = builder.call("aten::expand",
                                  {builder.call("aten::reshape", {repeats, {SymInt(1)}}), {input.sizes[input.dim]}});
         }
         Value* indices =
             builder.call("aten::repeat_interleave.Tensor", {repeats}, {{"output_size", args["output_size"]}});
         return {builder.call("aten::index_select", {self, input.dim, indices})};
       }});
  ops.declare({.schema = "aten::roll(Tensor self, SymInt[1] shifts, int[1] dims=[]) -> Tensor",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const TensorMeta& self = *args.tensor("self");
                 roll_steps(args.syms("shifts"), args.integers("dims"), self.rank(), args.schema().name);
                 return {contiguous_meta(self.dtype, self.sizes)};
               },
               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                 HostTensor self = args.tensor("self");
                 const auto steps =
                     roll_steps(args.syms("shifts"), args.integers("dims"), self.rank(), args.schema().name);
                 if (steps.empty()) {
                   const HostTensor flat = self.contiguous().reshaped({self.element_count()});
                   return {roll_tensor(flat, 0, args.syms("shifts")[0].value()).reshaped(self.sizes())};
                 }
                 for (const auto& [dim, shift] : steps) {
                   if (self.rank() > 0) self = roll_tensor(self, dim, shift.value());
                 }
                 return {self};
               },
               .out_variant = "aten::roll.out",
               .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                 Value* self = args.tensor("self");
                 const std::vector<SymInt> sizes = self->meta.sizes;
                 auto steps =
                     roll_steps(args.syms("shifts"), args.integers("dims"), self->meta.rank(), args.schema().name);
                 const bool flat = steps.empty();
                 if (flat) {
                   self = builder.call("aten::reshape", {self, {element_count(sizes)}});
                   steps.emplace_back(0, args.syms("shifts")[0]);
                 }
                 for (const auto& [dim, shift] : steps) {
                   if (self->meta.rank() == 0) continue;
                   const SymInt& size = self->meta.sizes[dim];
                   const SymInt start = mod(size - shift, size);
                   Value* tail = builder.call("aten::slice.Tensor", {self, dim, start, size});
                   Value* head = builder.call("aten::slice.Tensor", {self, dim, SymInt(0), start});
                   self = builder.call("aten::cat", {std::vector<Value*>{tail, head}, dim});
                 }
                 return {flat ? builder.call("aten::view", {self, sizes}) : self};
               }});
  ops.declare({.schema = "aten::flip(Tensor self, int[] dims) -> Tensor",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const TensorMeta& self = *args.tensor("self");
                 std::vector<int64_t> seen;
                 for (const int64_t dim : args.integers("dims")) {
                   const int64_t wrapped = wrap_dim(dim, self.rank(), args.schema().name);
                   if (std::find(seen.begin(), seen.end(), wrapped) != seen.end())
                     fail("{}: dimension {} is given twice", args.schema().name, dim);
                   seen.push_back(wrapped);
                 }
                 return {TensorMeta{self.dtype, self.sizes, like_strides(self)}};
               },
               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                 const HostTensor& self = args.tensor("self");
                 std::vector<int64_t> strides = self.strides();
                 int64_t offset = 0;
                 for (const int64_t given : args.integers("dims")) {
                   const int64_t dim = wrap_dim(given, self.rank(), args.schema().name);
                   if (self.rank() == 0 || self.size(dim) == 0) continue;
                   offset += (self.size(dim) - 1) * strides[dim];
                   strides[dim] = -strides[dim];
                 }
                 HostTensor result = HostTensor::empty(self.dtype(), self.sizes());
                 if (self.element_count() > 0) copy_elements(self.as_strided(self.sizes(), strides, offset), result);
                 return {result};
               },
               .out_variant = "aten::flip.out",
               .tags = Tag::Core});
  declare_meshgrid(ops, "aten::meshgrid.indexing(Tensor[] tensors, *, str indexing) -> Tensor[]", true);
  declare_meshgrid(ops, "aten::meshgrid(Tensor[] tensors) -> Tensor[]", false);
}

}  // namespace exformer
