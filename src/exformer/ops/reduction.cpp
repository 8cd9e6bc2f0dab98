// Reductions: sums, products, extremes, logic, moments and norms over dims.
// Results are contiguous, as at::meta::resize_reduction makes them.
#include <algorithm>
#include <cmath>
#include <limits>

#include "exformer/ops/builder.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/float_functions.h"
#include "exformer/ops/reduction_kernels.h"
#include "exformer/ops/row_view.h"
#include "exformer/ops/shape_rules.h"

namespace exformer {
namespace {

/// The dims that a call names: `dim` may be absent, None, one integer or a list; nothing means all.
template <class T>
std::vector<int64_t> dims_of(const Args<T>& args, int64_t rank) {
  const auto& arguments = args.schema().arguments;
  const bool has_dim = std::any_of(arguments.begin(), arguments.end(),
                                   [](const SchemaArgument& argument) { return argument.name == "dim"; });
  std::vector<int64_t> list;
  if (has_dim && args.has("dim")) {
    if (args["dim"].template is<SymInt>()) {
      list = {args.integer("dim")};
    } else {
      list = args.integers("dim");
      // any.dims and all.dims take an empty list at its word.
      if (list.empty() && args.schema().name.ends_with(".dims")) return {};
    }
  }
  return reduced_dims(list, rank, args.schema().name);
}

template <class T>
bool keeps_dims(const Args<T>& args) {
  for (const SchemaArgument& argument : args.schema().arguments) {
    if (argument.name == "keepdim") return args.boolean("keepdim");
  }
  return false;
}

template <class T>
std::optional<DType> asked_dtype(const Args<T>& args) {
  for (const SchemaArgument& argument : args.schema().arguments) {
    if (argument.name == "dtype") return args.dtype("dtype");
  }
  return std::nullopt;
}

/// How the dtype of a result follows from the input's.
enum class ReductionDType {
  Sum,   // int64 for integers and bool, or the one asked for
  Mean,  // floating only, or the one asked for
  Same,
  Bool,      // uint8 stays uint8
  Index,     // int64
  Floating,  // float32 for integers
  FloatOnly,
};

DType reduction_dtype(ReductionDType rule, DType self, std::optional<DType> asked, std::string_view op) {
  switch (rule) {
    case ReductionDType::Sum: return asked.value_or(is_floating_point(self) || is_complex(self) ? self : DType::Int64);
    case ReductionDType::Mean:
    case ReductionDType::FloatOnly: {
      const DType dtype = asked.value_or(self);
      if (!is_floating_point(dtype)) fail("{}: expected a floating dtype, got {}", op, dtype_name(dtype));
      return dtype;
    }
    case ReductionDType::Same: return self;
    case ReductionDType::Bool: return self == DType::UInt8 ? self : DType::Bool;
    case ReductionDType::Index: return DType::Int64;
    case ReductionDType::Floating: return to_floating(self);
  }
  return self;
}

InferFunction reduction_infer(ReductionDType rule) {
  return [rule](const MetaArgs& args) -> std::vector<OutputMeta> {
    const TensorMeta& self = *args.tensor("self");
    const DType dtype = reduction_dtype(rule, self.dtype, asked_dtype(args), args.schema().name);
    return {contiguous_meta(dtype, reduced_sizes(self.sizes, dims_of(args, self.rank()), keeps_dims(args)))};
  };
}

/// Results of `function(row, length)` for each row: read in the arithmetic type T of `input`, stored as `dtype`.
template <class R, class T, class F>
HostTensor reduce(const KernelArgs& args, const HostTensor& self, DType dtype, F function) {
  const std::vector<int64_t> dims = dims_of(args, self.rank());
  const RowView view = rows_along(self, dims, ArithmeticType<T>::kDType);
  HostTensor result = HostTensor::empty(ArithmeticType<R>::kDType, reduced_sizes(self.sizes(), dims, keeps_dims(args)));
  map_rows<R, T>(view, result.template data<R>(), function);
  return result.to(dtype);
}

/// A kernel over the arithmetic type of the input cast to the result's dtype.
template <class F>
KernelFunction reduction_kernel(ReductionDType rule, F function) {
  return [rule, function](const KernelArgs& args) -> std::vector<HostTensor> {
    const std::string_view op = args.schema().name;
    const DType dtype = reduction_dtype(rule, args.tensor("self").dtype(), asked_dtype(args), op);
    const HostTensor self = asked_dtype(args) ? args.tensor("self").to(dtype) : args.tensor("self");
    return {visit_arithmetic(dtype, op, [&](auto zero) {
      using T = decltype(zero);
      return reduce<T, T>(args, self, dtype, [&](const T* row, int64_t length) { return function(row, length); });
    })};
  };
}

void require_elements(const MetaArgs& args) {
  const TensorMeta& self = *args.tensor("self");
  for (const int64_t dim : dims_of(args, self.rank())) {
    if (self.sizes[dim] == SymInt(0)) fail("{}: dimension {} to reduce is empty", args.schema().name, dim);
  }
}

/// The same infer, for ops that have no value for an empty row.
InferFunction nonempty_infer(ReductionDType rule) {
  return [infer = reduction_infer(rule)](const MetaArgs& args) {
    require_elements(args);
    return infer(args);
  };
}

struct Reduction {
  std::string_view schema;
  std::string_view out = {};
  Tag tags = Tag::None;
  DecomposeFunction decompose = nullptr;
};

void declare(OpRegistry& ops, InferFunction infer, const KernelFunction& kernel,
             std::initializer_list<Reduction> overloads) {
  for (const Reduction& overload : overloads) {
    ops.declare({.schema = overload.schema,
                 .infer = infer,
                 .kernel = kernel,
                 .out_variant = overload.out,
                 .tags = Tag::Reduction | overload.tags,
                 .decompose = overload.decompose});
  }
}

/// Calls another op over all dims.
DecomposeFunction over_all_dims(std::string_view op) {
  return [op](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
    const auto& arguments = args.schema().arguments;
    const bool has_dtype = arguments.back().name == "dtype" && args.has("dtype");
    std::vector<NamedArgument> named;
    if (has_dtype) named.push_back({"dtype", args["dtype"]});
    return {builder.call(op, {args.tensor("self"), std::vector<SymInt>(), false}, named)};
  };
}

void declare_sums(OpRegistry& ops) {
  const auto sum = [](const auto* row, int64_t length) { return sum_of(row, length); };
  declare(ops, reduction_infer(ReductionDType::Sum), reduction_kernel(ReductionDType::Sum, sum),
          {{"aten::sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
            "aten::sum.IntList_out", Tag::Core},
           {"aten::sum(Tensor self, *, ScalarType? dtype=None) -> Tensor",
            {},
            Tag::None,
            over_all_dims("aten::sum.dim_IntList")}});
  const auto mean = [](const auto* row, int64_t length) {
    using T = std::decay_t<decltype(*row)>;
    return static_cast<T>(static_cast<double>(sum_of(row, length)) / static_cast<double>(length));
  };
  declare(ops, reduction_infer(ReductionDType::Mean), reduction_kernel(ReductionDType::Mean, mean),
          {{"aten::mean.dim(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
            "aten::mean.out", Tag::Core},
           {"aten::mean(Tensor self, *, ScalarType? dtype=None) -> Tensor", "aten::mean.dtype_out", Tag::Core}});
  const auto product = [](const auto* row, int64_t length) {
    using T = std::decay_t<decltype(*row)>;
    if constexpr (std::is_integral_v<T>) {
      uint64_t result = 1;
      for (int64_t i = 0; i < length; ++i) result *= static_cast<uint64_t>(row[i]);
      return static_cast<T>(result);
    } else {
      T result = 1;
      for (int64_t i = 0; i < length; ++i) result *= row[i];
      return result;
    }
  };
  declare(ops, reduction_infer(ReductionDType::Sum), reduction_kernel(ReductionDType::Sum, product),
          {{"aten::prod(Tensor self, *, ScalarType? dtype=None) -> Tensor", "aten::prod.out", Tag::Core},
           {"aten::prod.dim_int(Tensor self, int dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
            "aten::prod.int_out", Tag::Core}});
}

// Extremes
// --------------------------------------------------------------------------------------------------------------------------

template <bool kLargest>
std::vector<HostTensor> extreme_kernel(const KernelArgs& args) {
  const HostTensor& self = args.tensor("self");
  return {visit_arithmetic(self.dtype(), args.schema().name, [&](auto zero) {
    using T = decltype(zero);
    return reduce<T, T>(args, self, self.dtype(),
                        [](const T* row, int64_t length) { return extreme_value<kLargest>(row, length); });
  })};
}

template <bool kLargest>
std::vector<HostTensor> extreme_index_kernel(const KernelArgs& args) {
  const HostTensor& self = args.tensor("self");
  return {visit_arithmetic(self.dtype(), args.schema().name, [&](auto zero) {
    using T = decltype(zero);
    return reduce<int64_t, T>(args, self, DType::Int64,
                              [](const T* row, int64_t length) { return extreme_index<kLargest>(row, length); });
  })};
}

template <bool kLargest>
std::vector<HostTensor> extreme_pair_kernel(const KernelArgs& args) {
  return {extreme_kernel<kLargest>(args)[0], extreme_index_kernel<kLargest>(args)[0]};
}

std::vector<OutputMeta> extreme_pair_infer(const MetaArgs& args) {
  return {nonempty_infer(ReductionDType::Same)(args)[0], nonempty_infer(ReductionDType::Index)(args)[0]};
}

template <bool kLargest>
void declare_extremes(OpRegistry& ops) {
  const std::string word = kLargest ? "max" : "min";
  const std::string all_dims = "aten::a" + word;
  declare(ops, nonempty_infer(ReductionDType::Same), extreme_kernel<kLargest>,
          {{all_dims + "(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor", all_dims + ".out", Tag::Core},
           {"aten::" + word + "(Tensor self) -> Tensor", "aten::" + word + ".unary_out", Tag::None,
            over_all_dims(kLargest ? "aten::amax" : "aten::amin")}});
  declare(ops, extreme_pair_infer, extreme_pair_kernel<kLargest>,
          {{"aten::" + word + ".dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
            "aten::" + word + ".dim_" + word, Tag::Core}});
  declare(ops, nonempty_infer(ReductionDType::Index), extreme_index_kernel<kLargest>,
          {{"aten::arg" + word + "(Tensor self, int? dim=None, bool keepdim=False) -> Tensor",
            "aten::arg" + word + ".out", Tag::Core}});
}

// Logic
// -----------------------------------------------------------------------------------------------------------------------------

KernelFunction logic_kernel(bool is_all) {
  return [is_all](const KernelArgs& args) -> std::vector<HostTensor> {
    const HostTensor& self = args.tensor("self");
    const DType dtype = reduction_dtype(ReductionDType::Bool, self.dtype(), std::nullopt, args.schema().name);
    const auto test = [is_all](const uint8_t* row, int64_t length) -> uint8_t {
      for (int64_t i = 0; i < length; ++i) {
        if ((row[i] != 0) != is_all) return is_all ? 0 : 1;
      }
      return is_all ? 1 : 0;
    };
    return {reduce<uint8_t, uint8_t>(args, self, dtype, test)};
  };
}

/// not any(not x)
std::vector<Value*> decompose_all(GraphBuilder& builder, const ValueArgs& args) {
  Value* inverse = builder.call("aten::logical_not", {args.tensor("self")});
  const std::string op = "aten::any" + args.schema().name.substr(std::string_view("aten::all").size());
  std::vector<Argument> arguments{inverse};
  for (size_t i = 1; i < args.schema().arguments.size(); ++i)
    arguments.push_back(args[args.schema().arguments[i].name]);
  Value* result = builder.call("aten::logical_not", {builder.call(op, std::move(arguments))});
  if (args.tensor("self")->meta.dtype == DType::UInt8)
    result = builder.call("aten::_to_copy", {result}, {{"dtype", DType::UInt8}});
  return {result};
}

void declare_logic(OpRegistry& ops) {
  declare(ops, reduction_infer(ReductionDType::Bool), logic_kernel(false),
          {{"aten::any(Tensor self) -> Tensor", "aten::any.all_out", Tag::Core},
           {"aten::any.dim(Tensor self, int dim, bool keepdim=False) -> Tensor", "aten::any.out", Tag::Core},
           {"aten::any.dims(Tensor self, int[]? dim=None, bool keepdim=False) -> Tensor", "aten::any.dims_out",
            Tag::Core}});
  declare(
      ops, reduction_infer(ReductionDType::Bool), logic_kernel(true),
      {{"aten::all(Tensor self) -> Tensor", {}, Tag::None, decompose_all},
       {"aten::all.dim(Tensor self, int dim, bool keepdim=False) -> Tensor", {}, Tag::None, decompose_all},
       {"aten::all.dims(Tensor self, int[]? dim=None, bool keepdim=False) -> Tensor", {}, Tag::None, decompose_all}});
  const auto count = [](const KernelArgs& args) -> std::vector<HostTensor> {
    return {reduce<int64_t, uint8_t>(args, args.tensor("self"), DType::Int64, [](const uint8_t* row, int64_t length) {
      int64_t result = 0;
      for (int64_t i = 0; i < length; ++i) result += row[i] != 0;
      return result;
    })};
  };
  const auto decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
    Value* is_set = builder.call("aten::ne.Scalar", {args.tensor("self"), 0});
    Argument dims = args["dim"];
    if (dims.is_none()) dims = std::vector<SymInt>();
    return {builder.call("aten::sum.dim_IntList", {is_set, std::move(dims)})};
  };
  declare(ops, reduction_infer(ReductionDType::Index), count,
          {{"aten::count_nonzero(Tensor self, int? dim=None) -> Tensor", {}, Tag::None, decompose},
           {"aten::count_nonzero.dim_IntList(Tensor self, int[] dim) -> Tensor", {}, Tag::None, decompose}});
}

// Moments
// -----------------------------------------------------------------------------------------------------------------------------

/// Unlike `correction`, the older overloads say only whether to subtract one.
template <class T>
double correction_of(const Args<T>& args) {
  for (const SchemaArgument& argument : args.schema().arguments) {
    if (argument.name == "unbiased") return args.boolean("unbiased") ? 1.0 : 0.0;
  }
  return args.optional_real("correction").value_or(1.0);
}

enum class Moment { Variance, Deviation, Both };

KernelFunction moment_kernel(Moment moment) {
  return [moment](const KernelArgs& args) -> std::vector<HostTensor> {
    const HostTensor& self = args.tensor("self");
    const double correction = correction_of(args);
    return visit_floating(self.dtype(), args.schema().name, [&](auto zero) -> std::vector<HostTensor> {
      using T = decltype(zero);
      HostTensor spread = reduce<T, T>(args, self, self.dtype(), [&](const T* row, int64_t length) {
        const double variance = variance_of(row, length, correction);
        return static_cast<T>(moment == Moment::Deviation ? std::sqrt(variance) : variance);
      });
      if (moment != Moment::Both) return {spread};
      return {spread, reduce<T, T>(args, self, self.dtype(),
                                   [](const T* row, int64_t length) { return static_cast<T>(mean_of(row, length)); })};
    });
  };
}

std::vector<Value*> decompose_moment(GraphBuilder& builder, const ValueArgs& args, Moment moment) {
  Argument dims = std::vector<SymInt>();
  bool keepdim = false;
  for (const SchemaArgument& argument : args.schema().arguments) {
    if (argument.name == "dim") dims = args["dim"];
    if (argument.name == "keepdim") keepdim = args.boolean("keepdim");
  }
  Value* self = args.tensor("self");
  Value* variance =
      builder.call("aten::var.correction", {self, dims}, {{"correction", correction_of(args)}, {"keepdim", keepdim}});
  if (moment == Moment::Deviation) return {builder.call("aten::sqrt", {variance})};
  if (moment == Moment::Variance) return {variance};
  return {variance, builder.call("aten::mean.dim", {self, dims, keepdim})};
}

void declare_moments(OpRegistry& ops) {
  const auto decompose = [](Moment moment) -> DecomposeFunction {
    return [moment](GraphBuilder& builder, const ValueArgs& args) { return decompose_moment(builder, args, moment); };
  };
  const InferFunction infer = reduction_infer(ReductionDType::FloatOnly);
  declare(
      ops, infer, moment_kernel(Moment::Variance),
      {{"aten::var.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor",
        "aten::var.correction_out", Tag::Core},
       {"aten::var.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> Tensor", "aten::var.out",
        Tag::Core},
       {"aten::var(Tensor self, bool unbiased=True) -> Tensor", {}, Tag::None, decompose(Moment::Variance)}});
  const DecomposeFunction deviation = decompose(Moment::Deviation);
  declare(
      ops, infer, moment_kernel(Moment::Deviation),
      {{"aten::std.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor",
        {},
        Tag::None,
        deviation},
       {"aten::std.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> Tensor",
        {},
        Tag::None,
        deviation},
       {"aten::std(Tensor self, bool unbiased=True) -> Tensor", {}, Tag::None, deviation}});
  const InferFunction infer_both = [infer](const MetaArgs& args) -> std::vector<OutputMeta> {
    return {infer(args)[0], infer(args)[0]};
  };
  const DecomposeFunction both = decompose(Moment::Both);
  declare(ops, infer_both, moment_kernel(Moment::Both),
          {{"aten::var_mean.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) "
            "-> (Tensor, Tensor)",
            "aten::var_mean.correction_out", Tag::None, both},
           {"aten::var_mean.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> (Tensor, Tensor)",
            {},
            Tag::None,
            both},
           {"aten::var_mean(Tensor self, bool unbiased=True) -> (Tensor, Tensor)", {}, Tag::None, both}});
}

// Norms
// -------------------------------------------------------------------------------------------------------------------------------

/// The order of a norm: `p` or `ord`; None is 2.
template <class T>
double order_of(const Args<T>& args) {
  const std::string_view name = args.schema().arguments[1].name;
  return args.optional_real(name).value_or(2.0);
}

std::vector<HostTensor> norm_kernel(const KernelArgs& args) {
  const std::string_view op = args.schema().name;
  const DType dtype = reduction_dtype(ReductionDType::FloatOnly, args.tensor("self").dtype(), asked_dtype(args), op);
  const HostTensor self = args.tensor("self").to(dtype);
  const double order = order_of(args);
  return {visit_floating(dtype, op, [&](auto zero) {
    using T = decltype(zero);
    return reduce<T, T>(args, self, dtype,
                        [order](const T* row, int64_t length) { return static_cast<T>(norm_of(row, length, order)); });
  })};
}

std::vector<Value*> decompose_norm(GraphBuilder& builder, const ValueArgs& args) {
  Value* self = args.tensor("self");
  Argument dims = std::vector<SymInt>();
  bool keepdim = false;
  for (const SchemaArgument& argument : args.schema().arguments) {
    if (argument.name == "dim" && args.has("dim")) dims = args["dim"];
    if (argument.name == "keepdim") keepdim = args.boolean("keepdim");
    if (argument.name == "dtype" && args.has("dtype"))
      self = builder.call("aten::_to_copy", {self}, {{"dtype", args["dtype"]}});
  }
  const double order = order_of(args);
  Value* size = builder.call("aten::abs", {self});
  if (std::isinf(order)) return {builder.call(order > 0 ? "aten::amax" : "aten::amin", {size, dims, keepdim})};
  if (order == 0.0) {
    Value* is_set = builder.call("aten::ne.Scalar", {self, 0});
    return {builder.call("aten::sum.dim_IntList", {is_set, dims, keepdim}, {{"dtype", self->meta.dtype}})};
  }
  if (order == 1.0) return {builder.call("aten::sum.dim_IntList", {size, dims, keepdim})};
  if (order == 2.0) {
    Value* sum = builder.call("aten::sum.dim_IntList", {builder.call("aten::mul.Tensor", {self, self}), dims, keepdim});
    return {builder.call("aten::sqrt", {sum})};
  }
  Value* sum =
      builder.call("aten::sum.dim_IntList", {builder.call("aten::pow.Tensor_Scalar", {size, order}), dims, keepdim});
  return {builder.call("aten::pow.Tensor_Scalar", {sum, 1.0 / order})};
}

void declare_norms(OpRegistry& ops) {
  declare(ops, reduction_infer(ReductionDType::FloatOnly), norm_kernel,
          {{"aten::linalg_vector_norm(Tensor self, Scalar ord=2, int[1]? dim=None, bool keepdim=False, *, ScalarType? "
            "dtype=None) -> Tensor",
            {},
            Tag::None,
            decompose_norm},
           {"aten::norm.Scalar(Tensor self, Scalar p=2) -> Tensor", {}, Tag::None, decompose_norm},
           {"aten::norm.ScalarOpt_dim(Tensor self, Scalar? p, int[1] dim, bool keepdim=False) -> Tensor",
            {},
            Tag::None,
            decompose_norm},
           {"aten::norm.ScalarOpt_dim_dtype(Tensor self, Scalar? p, int[1] dim, bool keepdim, *, ScalarType dtype) -> "
            "Tensor",
            {},
            Tag::None,
            decompose_norm},
           {"aten::norm.ScalarOpt_dtype(Tensor self, Scalar? p, *, ScalarType dtype) -> Tensor",
            {},
            Tag::None,
            decompose_norm}});
  const auto log_sum_exp = [](const KernelArgs& args) -> std::vector<HostTensor> {
    const DType dtype = to_floating(args.tensor("self").dtype());
    return {visit_floating(dtype, args.schema().name, [&](auto zero) {
      using T = decltype(zero);
      return reduce<T, T>(args, args.tensor("self"), dtype,
                          [](const T* row, int64_t length) { return log_sum_exp_of(row, length); });
    })};
  };
  const auto decompose = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
    // An infinite maximum is not subtracted, as torch's decomposition has it.
    Value* self = args.tensor("self");
    Value* top = builder.call("aten::amax", {self, args["dim"], true});
    Value* is_infinite =
        builder.call("aten::eq.Scalar", {builder.call("aten::abs", {top}), std::numeric_limits<double>::infinity()});
    Value* shift = builder.call("aten::masked_fill.Scalar", {top, is_infinite, 0});
    Value* terms = builder.call("aten::exp", {builder.call("aten::sub.Tensor", {self, shift})});
    Value* result = builder.call("aten::log", {builder.call("aten::sum.dim_IntList", {terms, args["dim"], true})});
    result = builder.call("aten::add.Tensor", {result, shift});
    if (!args.boolean("keepdim")) {
      std::vector<int64_t> dims = reduced_dims(args.integers("dim"), self->meta.rank(), args.schema().name);
      result = builder.call("aten::squeeze.dims", {result, dims});
    }
    return {result};
  };
  declare(ops, reduction_infer(ReductionDType::Floating), log_sum_exp,
          {{"aten::logsumexp(Tensor self, int[1] dim, bool keepdim=False) -> Tensor", {}, Tag::None, decompose}});
}

}  // namespace

void declare_reduction_ops(OpRegistry& ops) {
  declare_sums(ops);
  declare_extremes<true>(ops);
  declare_extremes<false>(ops);
  declare_logic(ops);
  declare_moments(ops);
  declare_norms(ops);
}

}  // namespace exformer
