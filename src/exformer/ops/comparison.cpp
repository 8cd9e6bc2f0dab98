// Comparisons; the result is bool.
#include <algorithm>
#include <cmath>

#include "exformer/ops/builder.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/pointwise_binary.h"

namespace exformer {
namespace {

constexpr BinaryRule kTest{.result = BinaryResult::Bool, .rounding = ScalarRounding::ToCommon};

template <class F>
void declare_comparison(OpRegistry& ops, const std::string& name, Tag tags, F function) {
  const std::string base = "aten::" + name;
  const KernelFunction kernel = binary_kernel<BinaryResult::Bool>(kTest, function);
  for (const std::string kind : {"Tensor", "Scalar"}) {
    const std::string schema = base + "." + kind + "(Tensor self, " + kind + " other) -> Tensor";
    const std::string out = base + "." + kind + "_out";
    ops.declare({.schema = schema,
                 .infer = binary_infer(kTest),
                 .kernel = kernel,
                 .out_variant = out,
                 .tags = Tag::Pointwise | Tag::Core | tags});
    // The in-place form writes 0 and 1 in the dtype of self.
    declare_inplace(ops, inplace_schema(schema), binary_infer(kTest));
  }
}

/// |a - b| <= atol + rtol * |b|, or equal.
std::vector<HostTensor> isclose_kernel(const KernelArgs& args) {
  const HostTensor& a = args.tensor("self");
  const HostTensor& b = args.tensor("other");
  const bool equal_nan = args.boolean("equal_nan");
  return {visit_arithmetic(a.dtype(), args.schema().name, [&](auto zero) {
    using T = decltype(zero);
    return map_elements<uint8_t, T, T>(
        DType::Bool,
        [rtol = args.real("rtol"), atol = args.real("atol"), equal_nan](T x, T y) {
          if (x == y) return true;
          if (equal_nan && x != x && y != y) return true;
          const double allowed = atol + std::fabs(rtol * static_cast<double>(y));
          const double difference = std::fabs(static_cast<double>(x) - static_cast<double>(y));
          return std::isfinite(difference) && difference <= allowed;
        },
        a, b);
  })};
}

std::vector<OutputMeta> isclose_infer(const MetaArgs& args) {
  const TensorMeta* inputs[] = {args.tensor("self"), args.tensor("other")};
  if (inputs[0]->dtype != inputs[1]->dtype) {
    fail("{}: dtypes {} and {} differ", args.schema().name, dtype_name(inputs[0]->dtype), dtype_name(inputs[1]->dtype));
  }
  return {pointwise_meta(inputs, DType::Bool, args.schema().name)};
}

constexpr std::string_view kIsinNames[][2] = {
    {"elements", "test_elements"}, {"elements", "test_element"}, {"element", "test_elements"}};

/// isin: each element of the first argument against all of the second.
void declare_isin(OpRegistry& ops, std::string_view schema, const std::string_view (&names)[2]) {
  const std::string_view first = names[0];
  const std::string_view second = names[1];
  ops.declare(
      {.schema = schema,
       .infer = [first](const MetaArgs& args) -> std::vector<OutputMeta> {
         const auto* tensor = args.optional_tensor(first);
         if (!tensor) return {contiguous_meta(DType::Bool, {})};
         return {contiguous_meta(DType::Bool, (*tensor)->sizes)};
       },
       .kernel = [first, second](const KernelArgs& args) -> std::vector<HostTensor> {
         const std::string_view both[] = {first, second};
         const DType common = common_dtype(args, both);
         const HostTensor elements = operand(args, first, common, ScalarRounding::ToCommon);
         const bool invert = args.boolean("invert");
         return {visit_arithmetic(common, args.schema().name, [&](auto zero) {
           using T = decltype(zero);
           const HostTensor tests =
               operand(args, second, common, ScalarRounding::ToCommon).to(ArithmeticType<T>::kDType).contiguous();
           const T* begin = tests.data<T>();
           const T* end = begin + tests.element_count();
           return map_elements<uint8_t, T>(
               DType::Bool, [=](T x) { return (std::find(begin, end, x) != end) != invert; }, elements);
         })};
       },
       .tags = Tag::None});
}

}  // namespace

void declare_comparison_ops(OpRegistry& ops) {
  declare_comparison(ops, "eq", Tag::Commutative, [](auto a, auto b) { return a == b; });
  declare_comparison(ops, "ne", Tag::Commutative, [](auto a, auto b) { return a != b; });
  declare_comparison(ops, "lt", Tag::None, [](auto a, auto b) { return a < b; });
  declare_comparison(ops, "le", Tag::None, [](auto a, auto b) { return a <= b; });
  declare_comparison(ops, "gt", Tag::None, [](auto a, auto b) { return a > b; });
  declare_comparison(ops, "ge", Tag::None, [](auto a, auto b) { return a >= b; });
  ops.declare({.schema = "aten::isclose(Tensor self, Tensor other, float rtol=1.0000000000000001e-05, float "
                         "atol=1e-08, bool equal_nan=False) -> Tensor",
               .infer = isclose_infer,
               .kernel = isclose_kernel,
               .tags = Tag::Pointwise});
  declare_isin(ops,
               "aten::isin.Tensor_Tensor(Tensor elements, Tensor test_elements, *, bool assume_unique=False, bool "
               "invert=False) -> Tensor",
               kIsinNames[0]);
  declare_isin(ops,
               "aten::isin.Tensor_Scalar(Tensor elements, Scalar test_element, *, bool assume_unique=False, bool "
               "invert=False) -> Tensor",
               kIsinNames[1]);
  declare_isin(ops,
               "aten::isin.Scalar_Tensor(Scalar element, Tensor test_elements, *, bool assume_unique=False, bool "
               "invert=False) -> Tensor",
               kIsinNames[2]);
}

}  // namespace exformer
