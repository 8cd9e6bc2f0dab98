// Ops that keep what is true: as many elements as the data say. Result geometry follows
// torch/_subclasses/fake_impls.py.
#include <algorithm>

#include "exformer/ops/builder.h"
#include "exformer/ops/data_sizes.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/index_walk.h"
#include "exformer/ops/shape_rules.h"

namespace exformer {
namespace {

/// Row-major numbers of the elements that are not zero.
std::vector<int64_t> true_elements(const HostTensor& tensor) {
  const HostTensor flags = tensor.to(DType::Bool).contiguous();
  std::vector<int64_t> found;
  for (int64_t i = 0; i < flags.element_count(); ++i) {
    if (flags.data<uint8_t>()[i] != 0) found.push_back(i);
  }
  return found;
}

/// Positions of the non-zero elements, [count, rank].
HostTensor nonzero_positions(const HostTensor& self) {
  const std::vector<int64_t> found = true_elements(self);
  const std::vector<int64_t> steps = contiguous_strides(self.sizes());
  std::vector<int64_t> positions;
  positions.reserve(found.size() * steps.size());
  for (const int64_t element : found) {
    for (size_t dim = 0; dim < steps.size(); ++dim) positions.push_back(element / steps[dim] % self.sizes()[dim]);
  }
  return HostTensor::from(DType::Int64, {static_cast<int64_t>(found.size()), self.rank()}, positions);
}

std::vector<OutputMeta> nonzero_infer(const MetaArgs& args) {
  const SymInt count = count_of_true(args, "self");
  // torch finds the positions dim by dim and gives the transposed list.
  return {TensorMeta{DType::Int64, {count, args.tensor("self")->rank()}, {1, count}}};
}

void declare_positions(OpRegistry& ops) {
  const auto kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
    return {nonzero_positions(args.tensor("self"))};
  };
  ops.declare({.schema = "aten::nonzero(Tensor self) -> Tensor",
               .infer = nonzero_infer,
               .kernel = kernel,
               .out_variant = "aten::nonzero.out",
               .tags = Tag::Core | Tag::DataDependent});
  ops.declare({.schema = "aten::argwhere(Tensor self) -> Tensor",
               .infer = nonzero_infer,
               .kernel = kernel,
               .tags = Tag::DataDependent,
               .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                 return {builder.call("aten::nonzero", {args.tensor("self")})};
               }});
}

void declare_masked_select(OpRegistry& ops) {
  ops.declare({.schema = "aten::masked_select(Tensor self, Tensor mask) -> Tensor",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const TensorMeta& self = *args.tensor("self");
                 const TensorMeta& mask = *args.tensor("mask");
                 if (mask.dtype != DType::Bool)
                   fail("{}: mask must be bool, got {}", args.schema().name, dtype_name(mask.dtype));
                 const auto sizes = broadcast_sizes(self.sizes, mask.sizes, args.schema().name);
                 const SymInt count = sizes == mask.sizes
                                          ? count_of_true(args, "mask")
                                          : declare_data_size(args, 0, bounds(element_count(sizes)).max);
                 return {contiguous_meta(self.dtype, {count})};
               },
               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                 const HostTensor& self = args.tensor("self");
                 const HostTensor& mask = args.tensor("mask");
                 const std::vector<int64_t> sizes = broadcast_host_sizes(std::vector<HostTensor>{self, mask});
                 const std::vector<int64_t> found = true_elements(expanded(mask, sizes));
                 const HostTensor all = expanded(self, sizes).contiguous();
                 HostTensor result = HostTensor::empty(self.dtype(), {static_cast<int64_t>(found.size())});
                 const auto size = static_cast<size_t>(item_size(self.dtype()));
                 const auto* from = static_cast<const std::byte*>(all.raw());
                 auto* to = static_cast<std::byte*>(result.raw());
                 for (size_t i = 0; i < found.size(); ++i)
                   std::copy_n(from + static_cast<size_t>(found[i]) * size, size, to + i * size);
                 return {result};
               },
               .out_variant = "aten::masked_select.out",
               .tags = Tag::DataDependent});
}

}  // namespace

void declare_nonzero_ops(OpRegistry& ops) {
  declare_positions(ops);
  declare_masked_select(ops);
}

}  // namespace exformer
