// Matrix products: linear, matmul and the products that they decompose to.
#include "exformer/ops/builder.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/matmul_kernels.h"
#include "exformer/ops/pointwise_rules.h"
#include "exformer/ops/shape_rules.h"
#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

using Metas = std::vector<OutputMeta>;
using Tensors = std::vector<HostTensor>;
using Values = std::vector<Value*>;

void require_rank(const TensorMeta& meta, int64_t rank, std::string_view name, std::string_view op) {
  if (meta.rank() != rank) fail("{}: {} must have {} dims, got sizes {}", op, name, rank, to_string(meta.sizes));
}

/// The contracted sizes must be known to be equal.
void require_equal(const SymInt& a, const SymInt& b, const TensorMeta& left, const TensorMeta& right,
                   std::string_view op) {
  if (known_equal(a, b)) return;
  fail("{}: sizes {} and {} {} ({} against {})", op, to_string(left.sizes), to_string(right.sizes),
       equal(a, b) == Truth::No ? "do not match" : "are not known to match", to_string(a), to_string(b));
}

void require_same_dtype(const TensorMeta& a, const TensorMeta& b, std::string_view op) {
  if (a.dtype != b.dtype)
    fail("{}: both tensors must have one dtype, got {} and {}", op, dtype_name(a.dtype), dtype_name(b.dtype));
}

TensorMeta matmul_meta(const TensorMeta& a, const TensorMeta& b, std::string_view op) {
  if (a.rank() == 0 || b.rank() == 0)
    fail("{}: both tensors need at least 1 dim, got sizes {} and {}", op, to_string(a.sizes), to_string(b.sizes));
  require_same_dtype(a, b, op);
  require_equal(a.sizes.back(), b.rank() == 1 ? b.sizes[0] : b.sizes[b.rank() - 2], a, b, op);
  const auto batch = [](const TensorMeta& meta) {
    return std::vector<SymInt>(meta.sizes.begin(), meta.sizes.end() - std::min<int64_t>(meta.rank(), 2));
  };
  std::vector<SymInt> sizes = broadcast_sizes(batch(a), batch(b), op);
  if (a.rank() > 1) sizes.push_back(a.sizes[a.rank() - 2]);
  if (b.rank() > 1) sizes.push_back(b.sizes.back());
  return contiguous_meta(a.dtype, std::move(sizes));
}

/// A product of tensors of one dtype, in the compute dtype; `finish` may still change it before the result is rounded.
template <class Finish>
HostTensor product(const HostTensor& a, const HostTensor& b, std::string_view op, Finish finish) {
  const DType dtype = compute_dtype(a.dtype(), op);
  HostTensor result = matmul_reference(a.to(dtype), b.to(dtype));
  finish(result);
  return result.to(a.dtype());
}
HostTensor product(const HostTensor& a, const HostTensor& b, std::string_view op) {
  return product(a, b, op, [](HostTensor&) {});
}

KernelFunction product_kernel(std::string_view left, std::string_view right) {
  return [left, right](const KernelArgs& args) -> Tensors {
    return {product(args.tensor(left), args.tensor(right), args.schema().name)};
  };
}

/// alpha * (left x right) + beta * self
KernelFunction add_product_kernel(std::string_view left, std::string_view right) {
  return [left, right](const KernelArgs& args) -> Tensors {
    const HostTensor& self = args.tensor("self");
    return {product(args.tensor(left), args.tensor(right), args.schema().name, [&](HostTensor& result) {
      scale_and_add(result, args.real("alpha"), args.real("beta"), self.to(result.dtype()));
    })};
  };
}

/// beta * self + alpha * value, leaving out factors of 1.
Value* add_scaled(GraphBuilder& builder, const ValueArgs& args, Value* value) {
  const auto is_one = [&](std::string_view name) {
    const Scalar scalar = args.scalar(name);
    return scalar.kind == Scalar::Kind::Float ? scalar.real == 1.0 : known_equal(scalar.integer, 1);
  };
  Value* self = args.tensor("self");
  if (!is_one("alpha")) value = builder.call("aten::mul.Scalar", {value, args["alpha"]});
  if (!is_one("beta")) self = builder.call("aten::mul.Scalar", {self, args["beta"]});
  return builder.call("aten::add.Tensor", {self, value});
}

TensorMeta add_product_meta(const MetaArgs& args, TensorMeta result) {
  const TensorMeta& self = *args.tensor("self");
  require_same_dtype(self, result, args.schema().name);
  const auto sizes = broadcast_sizes(self.sizes, result.sizes, args.schema().name);
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes.size() != result.sizes.size() || !known_equal(sizes[i], result.sizes[i])) {
      fail("{}: self of sizes {} cannot be expanded to {}", args.schema().name, to_string(self.sizes),
           to_string(result.sizes));
    }
  }
  return result;
}

std::vector<int64_t> last_two_swapped(int64_t rank) {
  std::vector<int64_t> dims;
  for (int64_t i = 0; i < rank; ++i) dims.push_back(i);
  std::swap(dims[rank - 1], dims[rank - 2]);
  return dims;
}

/// [..., k] as [rows, k].
Value* fold_rows(GraphBuilder& builder, Value* value) {
  const std::vector<SymInt>& sizes = value->meta.sizes;
  if (sizes.size() == 2) return value;
  SymInt rows = 1;
  for (size_t i = 0; i + 1 < sizes.size(); ++i) rows = rows * sizes[i];
  return builder.call("aten::reshape", {value, {rows, sizes.back()}});
}

Values decompose_linear(GraphBuilder& builder, const ValueArgs& args) {
  Value* input = args.tensor("input");
  Value* weight = args.tensor("weight");
  Value* const* bias = args.optional_tensor("bias");
  if (weight->meta.rank() == 1) {
    Value* result = builder.call("aten::matmul", {input, weight});
    return {bias ? builder.call("aten::add.Tensor", {result, *bias}) : result};
  }
  const bool vector = input->meta.rank() == 1;
  Value* rows = vector ? builder.call("aten::unsqueeze", {input, 0}) : fold_rows(builder, input);
  Value* columns = builder.call("aten::permute", {weight, {SymInt(1), SymInt(0)}});
  Value* result =
      bias ? builder.call("aten::addmm", {*bias, rows, columns}) : builder.call("aten::mm", {rows, columns});
  if (input->meta.rank() == 2) return {result};
  std::vector<SymInt> sizes = input->meta.sizes;
  sizes.back() = weight->meta.sizes[0];
  return {builder.call("aten::view", {result, sizes})};
}

/// ATen/native/LinearAlgebra.cpp _matmul_impl: products of matrices where one side is one, batches otherwise.
Values decompose_matmul(GraphBuilder& builder, const ValueArgs& args) {
  Value* a = args.tensor("self");
  Value* b = args.tensor("other");
  const int64_t rank_a = a->meta.rank(), rank_b = b->meta.rank();
  if (rank_a == 1 && rank_b == 1) return {builder.call("aten::dot", {a, b})};
  if (rank_a == 2 && rank_b == 2) return {builder.call("aten::mm", {a, b})};
  const TensorMeta result = matmul_meta(a->meta, b->meta, args.schema().name);
  if (rank_b <= 2) {
    Value* rows = rank_a == 1 ? builder.call("aten::unsqueeze", {a, 0}) : fold_rows(builder, a);
    Value* matrix = rank_b == 1 ? builder.call("aten::unsqueeze", {b, 1}) : b;
    return {builder.call("aten::view", {builder.call("aten::mm", {rows, matrix}), result.sizes})};
  }
  if (rank_a == 1) a = builder.call("aten::unsqueeze", {a, 0});
  std::vector<SymInt> batch = broadcast_sizes({a->meta.sizes.begin(), a->meta.sizes.end() - 2},
                                              {b->meta.sizes.begin(), b->meta.sizes.end() - 2}, args.schema().name);
  SymInt batches = 1;
  for (const SymInt& size : batch) batches = batches * size;
  const auto as_batch = [&](Value* value) {
    const SymInt rows = value->meta.sizes[value->meta.rank() - 2], columns = value->meta.sizes.back();
    std::vector<SymInt> sizes = batch;
    sizes.insert(sizes.end(), {rows, columns});
    if (sizes != value->meta.sizes) value = builder.call("aten::expand", {value, sizes});
    return sizes.size() == 3 ? value : builder.call("aten::reshape", {value, {batches, rows, columns}});
  };
  Value* wide_a = as_batch(a);
  Value* product = builder.call("aten::bmm", {wide_a, as_batch(b)});
  return {product->meta.sizes == result.sizes ? product : builder.call("aten::view", {product, result.sizes})};
}

}  // namespace

void declare_linalg_ops(OpRegistry& ops) {
  ops.declare({.schema = "aten::linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor",
               .infer = [](const MetaArgs& args) -> Metas {
                 const std::string_view op = args.schema().name;
                 const TensorMeta& input = *args.tensor("input");
                 const TensorMeta& weight = *args.tensor("weight");
                 if (input.rank() == 0) fail("{}: input needs at least 1 dim", op);
                 if (weight.rank() != 1 && weight.rank() != 2)
                   fail("{}: weight must have 1 or 2 dims, got sizes {}", op, to_string(weight.sizes));
                 require_same_dtype(input, weight, op);
                 require_equal(input.sizes.back(), weight.sizes.back(), input, weight, op);
                 std::vector<SymInt> sizes(input.sizes.begin(), input.sizes.end() - 1);
                 if (weight.rank() == 2) sizes.push_back(weight.sizes[0]);
                 if (const auto* bias = args.optional_tensor("bias")) {
                   require_same_dtype(input, **bias, op);
                   if ((*bias)->rank() > 1)
                     fail("{}: bias must have at most 1 dim, got sizes {}", op, to_string((*bias)->sizes));
                   sizes = broadcast_sizes(sizes, (*bias)->sizes, op);
                 }
                 return {contiguous_meta(input.dtype, std::move(sizes))};
               },
               .kernel = [](const KernelArgs& args) -> Tensors {
                 const HostTensor& weight = args.tensor("weight");
                 const HostTensor columns = weight.rank() == 1 ? weight : transposed(weight, 0, 1);
                 return {product(args.tensor("input"), columns, args.schema().name, [&](HostTensor& result) {
                   if (const auto* bias = args.optional_tensor("bias"))
                     scale_and_add(result, 1.0, 1.0, bias->to(result.dtype()));
                 })};
               },
               .decompose = decompose_linear});
  ops.declare({.schema = "aten::matmul(Tensor self, Tensor other) -> Tensor",
               .infer = [](const MetaArgs& args) -> Metas {
                 return {matmul_meta(*args.tensor("self"), *args.tensor("other"), args.schema().name)};
               },
               .kernel = product_kernel("self", "other"),
               .decompose = decompose_matmul});
  ops.declare({.schema = "aten::mm(Tensor self, Tensor mat2) -> Tensor",
               .infer = [](const MetaArgs& args) -> Metas {
                 require_rank(*args.tensor("self"), 2, "self", args.schema().name);
                 require_rank(*args.tensor("mat2"), 2, "mat2", args.schema().name);
                 return {matmul_meta(*args.tensor("self"), *args.tensor("mat2"), args.schema().name)};
               },
               .kernel = product_kernel("self", "mat2"),
               .out_variant = "aten::mm.out",
               .tags = Tag::Core});
  ops.declare({.schema = "aten::bmm(Tensor self, Tensor mat2) -> Tensor",
               .infer = [](const MetaArgs& args) -> Metas {
                 const TensorMeta& self = *args.tensor("self");
                 const TensorMeta& other = *args.tensor("mat2");
                 require_rank(self, 3, "self", args.schema().name);
                 require_rank(other, 3, "mat2", args.schema().name);
                 require_equal(self.sizes[0], other.sizes[0], self, other, args.schema().name);
                 return {matmul_meta(self, other, args.schema().name)};
               },
               .kernel = product_kernel("self", "mat2"),
               .out_variant = "aten::bmm.out",
               .tags = Tag::Core});
  declare_with_inplace(
      ops,
      {.schema = "aten::addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
       .infer = [](const MetaArgs& args) -> Metas {
         require_rank(*args.tensor("mat1"), 2, "mat1", args.schema().name);
         require_rank(*args.tensor("mat2"), 2, "mat2", args.schema().name);
         return {add_product_meta(args, matmul_meta(*args.tensor("mat1"), *args.tensor("mat2"), args.schema().name))};
       },
       .kernel = add_product_kernel("mat1", "mat2"),
       .out_variant = "aten::addmm.out",
       .tags = Tag::Core});
  declare_with_inplace(
      ops,
      {.schema = "aten::baddbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
       .infer = [](const MetaArgs& args) -> Metas {
         const TensorMeta& left = *args.tensor("batch1");
         const TensorMeta& right = *args.tensor("batch2");
         require_rank(left, 3, "batch1", args.schema().name);
         require_rank(right, 3, "batch2", args.schema().name);
         require_equal(left.sizes[0], right.sizes[0], left, right, args.schema().name);
         return {add_product_meta(args, matmul_meta(left, right, args.schema().name))};
       },
       .kernel = add_product_kernel("batch1", "batch2"),
       .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> Values {
         return {add_scaled(builder, args, builder.call("aten::bmm", {args.tensor("batch1"), args.tensor("batch2")}))};
       }});
  ops.declare({.schema = "aten::mv(Tensor self, Tensor vec) -> Tensor",
               .infer = [](const MetaArgs& args) -> Metas {
                 require_rank(*args.tensor("self"), 2, "self", args.schema().name);
                 require_rank(*args.tensor("vec"), 1, "vec", args.schema().name);
                 return {matmul_meta(*args.tensor("self"), *args.tensor("vec"), args.schema().name)};
               },
               .kernel = product_kernel("self", "vec"),
               .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> Values {
                 Value* column = builder.call("aten::unsqueeze", {args.tensor("vec"), 1});
                 return {
                     builder.call("aten::squeeze.dim", {builder.call("aten::mm", {args.tensor("self"), column}), 1})};
               }});
  declare_with_inplace(
      ops,
      {.schema = "aten::addmv(Tensor self, Tensor mat, Tensor vec, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
       .infer = [](const MetaArgs& args) -> Metas {
         require_rank(*args.tensor("mat"), 2, "mat", args.schema().name);
         require_rank(*args.tensor("vec"), 1, "vec", args.schema().name);
         return {add_product_meta(args, matmul_meta(*args.tensor("mat"), *args.tensor("vec"), args.schema().name))};
       },
       .kernel = add_product_kernel("mat", "vec"),
       .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> Values {
         return {add_scaled(builder, args, builder.call("aten::mv", {args.tensor("mat"), args.tensor("vec")}))};
       }});
  ops.declare(
      {.schema = "aten::dot(Tensor self, Tensor tensor) -> Tensor",
       .infer = [](const MetaArgs& args) -> Metas {
         require_rank(*args.tensor("self"), 1, "self", args.schema().name);
         require_rank(*args.tensor("tensor"), 1, "tensor", args.schema().name);
         return {matmul_meta(*args.tensor("self"), *args.tensor("tensor"), args.schema().name)};
       },
       .kernel = product_kernel("self", "tensor"),
       .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> Values {
         Value* row = builder.call("aten::unsqueeze", {args.tensor("self"), 0});
         Value* column = builder.call("aten::unsqueeze", {args.tensor("tensor"), 1});
         return {builder.call("aten::squeeze.dims", {builder.call("aten::mm", {row, column}), {SymInt(0), SymInt(1)}})};
       }});
  ops.declare({.schema = "aten::outer(Tensor self, Tensor vec2) -> Tensor",
               .infer = [](const MetaArgs& args) -> Metas {
                 const TensorMeta& self = *args.tensor("self");
                 const TensorMeta& other = *args.tensor("vec2");
                 require_rank(self, 1, "self", args.schema().name);
                 require_rank(other, 1, "vec2", args.schema().name);
                 Promotion promotion;
                 promotion.add(self);
                 promotion.add(other);
                 return {contiguous_meta(promotion.result(), {self.sizes[0], other.sizes[0]})};
               },
               .kernel = [](const KernelArgs& args) -> Tensors {
                 const DType dtype = promote_types(args.tensor("self").dtype(), args.tensor("vec2").dtype());
                 const HostTensor& self = args.tensor("self");
                 const HostTensor& other = args.tensor("vec2");
                 const HostTensor column = self.as_strided({self.size(0), 1}, {self.strides()[0], 1}, 0).to(dtype);
                 const HostTensor row = other.as_strided({1, other.size(0)}, {1, other.strides()[0]}, 0).to(dtype);
                 return {product(column, row, args.schema().name)};
               },
               .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> Values {
                 Value* column = builder.call("aten::unsqueeze", {args.tensor("self"), 1});
                 return {builder.call("aten::mul.Tensor", {column, args.tensor("vec2")})};
               }});
  ops.declare({.schema = "aten::inner(Tensor self, Tensor other) -> Tensor",
               .infer = [](const MetaArgs& args) -> Metas {
                 const TensorMeta& self = *args.tensor("self");
                 const TensorMeta& other = *args.tensor("other");
                 if (self.rank() == 0 || other.rank() == 0) unsupported("{}: 0-d tensors", args.schema().name);
                 require_same_dtype(self, other, args.schema().name);
                 require_equal(self.sizes.back(), other.sizes.back(), self, other, args.schema().name);
                 std::vector<SymInt> sizes(self.sizes.begin(), self.sizes.end() - 1);
                 sizes.insert(sizes.end(), other.sizes.begin(), other.sizes.end() - 1);
                 return {contiguous_meta(self.dtype, std::move(sizes))};
               },
               .kernel = [](const KernelArgs& args) -> Tensors {
                 const HostTensor self = args.tensor("self").contiguous();
                 const HostTensor other = args.tensor("other").contiguous();
                 const int64_t k = self.size(-1);
                 std::vector<int64_t> sizes(self.sizes().begin(), self.sizes().end() - 1);
                 const HostTensor left = self.reshaped({element_count(sizes), k});
                 const std::vector<int64_t> right_sizes(other.sizes().begin(), other.sizes().end() - 1);
                 const HostTensor right = transposed(other.reshaped({element_count(right_sizes), k}), 0, 1);
                 sizes.insert(sizes.end(), right_sizes.begin(), right_sizes.end());
                 return {product(left, right, args.schema().name).reshaped(sizes)};
               },
               .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> Values {
                 Value* self = args.tensor("self");
                 Value* other = args.tensor("other");
                 std::vector<SymInt> sizes(self->meta.sizes.begin(), self->meta.sizes.end() - 1);
                 sizes.insert(sizes.end(), other->meta.sizes.begin(), other->meta.sizes.end() - 1);
                 const auto rows = [&](Value* value) {
                   return value->meta.rank() == 1 ? builder.call("aten::unsqueeze", {value, 0})
                                                  : fold_rows(builder, value);
                 };
                 Value* left = rows(self);
                 Value* right = builder.call("aten::permute", {rows(other), last_two_swapped(2)});
                 return {builder.call("aten::view", {builder.call("aten::mm", {left, right}), sizes})};
               }});
}

}  // namespace exformer
