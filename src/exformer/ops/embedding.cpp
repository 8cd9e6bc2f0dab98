// embedding: rows of a table by index.
#include <cstring>

#include "exformer/ops/builder.h"
#include "exformer/ops/declarations.h"
#include "exformer/symbolic/printers.h"

namespace exformer {

void declare_embedding_ops(OpRegistry& ops) {
  ops.declare({.schema = "aten::embedding(Tensor weight, Tensor indices, SymInt padding_idx=-1, bool "
                         "scale_grad_by_freq=False, bool sparse=False) -> Tensor",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const TensorMeta& weight = *args.tensor("weight");
                 const TensorMeta& indices = *args.tensor("indices");
                 if (weight.rank() != 2)
                   fail("{}: weight must have 2 dims, got sizes {}", args.schema().name, to_string(weight.sizes));
                 if (indices.dtype != DType::Int64 && indices.dtype != DType::Int32) {
                   fail("{}: indices must be int32 or int64, got {}", args.schema().name, dtype_name(indices.dtype));
                 }
                 std::vector<SymInt> sizes = indices.sizes;
                 sizes.push_back(weight.sizes[1]);
                 return {contiguous_meta(weight.dtype, std::move(sizes))};
               },
               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                 const HostTensor weight = args.tensor("weight").contiguous();
                 const HostTensor indices = args.tensor("indices").to(DType::Int64).contiguous();
                 std::vector<int64_t> sizes = indices.sizes();
                 sizes.push_back(weight.size(1));
                 HostTensor result = HostTensor::empty(weight.dtype(), sizes);
                 const size_t row = static_cast<size_t>(weight.size(1)) * item_size(weight.dtype());
                 const int64_t count = indices.element_count();
                 for (int64_t i = 0; i < count; ++i) {
                   const int64_t index = indices.data<int64_t>()[i];
                   if (index < 0 || index >= weight.size(0)) {
                     fail("{}: index {} is outside the table of {} rows", args.schema().name, index, weight.size(0));
                   }
                   if (row > 0)
                     std::memcpy(result.raw() + static_cast<size_t>(i) * row,
                                 weight.raw() + static_cast<size_t>(index) * row, row);
                 }
                 return {result};
               },
               .out_variant = "aten::embedding.out",
               .tags = Tag::Core});
}

}  // namespace exformer
