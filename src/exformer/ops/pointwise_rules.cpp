#include "exformer/ops/pointwise_rules.h"

#include <algorithm>

#include "exformer/ops/dispatch.h"
#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

void add_operand(Promotion& promotion, const TensorMeta* tensor) { promotion.add(*tensor); }
void add_operand(Promotion& promotion, const HostTensor& tensor) {
  TensorMeta meta;  // only the dtype and whether there are dims matter
  meta.dtype = tensor.dtype();
  meta.sizes.resize(tensor.sizes().size());
  promotion.add(meta);
}

template <class T>
DType promote(const Args<T>& args, std::span<const std::string_view> names) {
  Promotion promotion;
  for (const std::string_view name : names) {
    if (!args.has(name)) continue;
    if (const T* tensor = args.optional_tensor(name)) {
      add_operand(promotion, *tensor);
    } else {
      promotion.add(args.scalar(name));
    }
  }
  return promotion.result();
}

int category(DType dtype) {
  return is_complex(dtype) ? 3 : is_floating_point(dtype) ? 2 : dtype == DType::Bool ? 0 : 1;
}

InferFunction inplace_infer(InferFunction functional) {
  return [functional = std::move(functional)](const MetaArgs& args) -> std::vector<OutputMeta> {
    const TensorMeta& self = *args.tensor(args.schema().arguments[0].name);
    const TensorMeta result = functional(args).front().tensor;
    const std::string& op = args.schema().name;
    if (result.sizes != self.sizes)
      fail("{}: a result of sizes {} cannot be written to {}", op, to_string(result.sizes), to_string(self.sizes));
    if (category(result.dtype) > category(self.dtype)) {
      fail("{}: a result of dtype {} cannot be written to {}", op, dtype_name(result.dtype), dtype_name(self.dtype));
    }
    return {self};
  };
}

}  // namespace

DType common_dtype(const MetaArgs& args, std::span<const std::string_view> names) { return promote(args, names); }
DType common_dtype(const KernelArgs& args, std::span<const std::string_view> names) { return promote(args, names); }

TensorMeta pointwise_result(const MetaArgs& args, std::span<const std::string_view> names, DType dtype) {
  std::vector<const TensorMeta*> tensors;
  for (const std::string_view name : names) {
    const auto* tensor = args.optional_tensor(name);
    if (tensor && *tensor) tensors.push_back(*tensor);
  }
  return pointwise_meta(tensors, dtype, args.schema().name);
}

HostTensor scalar_operand(const Scalar& scalar, DType common, std::string_view op) {
  const DType dtype = arithmetic_dtype(common, op);
  return scalar.kind == Scalar::Kind::Float ? HostTensor::scalar(dtype, scalar.real)
                                            : HostTensor::scalar_int(dtype, scalar.integer.value());
}

HostTensor operand(const KernelArgs& args, std::string_view name, DType common, ScalarRounding rounding) {
  const HostTensor* tensor = args.optional_tensor(name);
  const HostTensor value = tensor ? *tensor : scalar_operand(args.scalar(name), common, args.schema().name);
  if (value.rank() == 0 && rounding == ScalarRounding::Keep && is_floating_point(common)) return value;
  // Reading in the arithmetic dtype is the same as a cast to the common one, unless that is narrower.
  return arithmetic_dtype(common, args.schema().name) == common ? value : value.to(common);
}

void require_nonzero(const HostTensor& divisor, std::string_view op) {
  const HostTensor wide = divisor.to(DType::Int64).contiguous();
  const int64_t* values = wide.data<int64_t>();
  for (int64_t i = 0; i < wide.element_count(); ++i) {
    if (values[i] == 0) fail("{}: integer division by zero", op);
  }
}

std::string inplace_schema(std::string_view functional) {
  std::string schema(functional);
  const size_t open = schema.find('(');
  const size_t dot = std::min(schema.find('.', 6), open);
  EXFORMER_ASSERT(schema.substr(open + 1).starts_with("Tensor ") && schema.ends_with("-> Tensor"));
  schema += "(a!)";
  schema.insert(open + 1 + 6, "(a!)");
  schema.insert(dot, "_");
  return schema;
}

void declare_inplace(OpRegistry& ops, std::string_view schema, InferFunction functional_infer) {
  ops.declare({.schema = schema, .infer = inplace_infer(std::move(functional_infer)), .tags = Tag::Inplace});
}

void declare_with_inplace(OpRegistry& ops, OpDeclaration declaration) {
  const std::string schema = inplace_schema(declaration.schema);
  InferFunction infer = declaration.infer;
  ops.declare(std::move(declaration));
  declare_inplace(ops, schema, std::move(infer));
}

}  // namespace exformer
