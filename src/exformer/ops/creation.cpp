// Ops that make tensors from sizes and numbers. Sizes, ends and values may be symbolic.
#include <algorithm>
#include <cmath>

#include "exformer/ops/builder.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/dispatch.h"
#include "exformer/ops/fill.h"
#include "exformer/ops/pointwise_rules.h"
#include "exformer/ops/shape_rules.h"
#include "exformer/symbolic/printers.h"

namespace exformer {

HostTensor filled_with(const HostTensor& value, const std::vector<int64_t>& sizes) {
  HostTensor result = HostTensor::empty(value.dtype(), sizes);
  const int64_t count = result.element_count();
  visit_storage(value.dtype(), [&](auto zero) {
    using T = decltype(zero);
    std::fill_n(result.data<T>(), count, *value.data<T>());
  });
  return result;
}

HostTensor filled(DType dtype, const std::vector<int64_t>& sizes, const Scalar& value) {
  return filled_with(value.kind == Scalar::Kind::Float ? HostTensor::scalar(dtype, value.real)
                                                       : HostTensor::scalar_int(dtype, value.integer.value()),
                     sizes);
}

namespace {

/// What torch.tensor(value) would have.
DType scalar_dtype(const Scalar& value) {
  return value.kind == Scalar::Kind::Float  ? DType::Float32
         : value.kind == Scalar::Kind::Bool ? DType::Bool
                                            : DType::Int64;
}

void check_sizes(const std::vector<SymInt>& sizes, std::string_view op) {
  for (const SymInt& size : sizes) {
    if (less(size, 0) == Truth::Yes) fail("{}: sizes must not be negative, got {}", op, to_string(sizes));
  }
}

std::vector<int64_t> values_of(const std::vector<SymInt>& sizes) {
  std::vector<int64_t> values;
  for (const SymInt& size : sizes) values.push_back(size.value());
  return values;
}

constexpr std::string_view kOptions =
    "ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None";

/// One creation op. `dtype` and `value` look at the arguments: the dtype when none is given, and the number to fill
/// with.
struct FillOp {
  std::string schema;
  std::string_view out_variant = {};
  Tag tags = Tag::None;
  DecomposeFunction decompose = nullptr;
};

template <class DTypeOf, class ValueOf>
void declare_sized(OpRegistry& ops, const FillOp& op, DTypeOf default_dtype, ValueOf value) {
  ops.declare(
      {.schema = op.schema,
       .infer = [=](const MetaArgs& args) -> std::vector<OutputMeta> {
         check_sizes(args.syms("size"), args.schema().name);
         return {contiguous_meta(args.dtype("dtype").value_or(default_dtype(args)), args.syms("size"))};
       },
       .kernel = [=](const KernelArgs& args) -> std::vector<HostTensor> {
         return {filled(args.dtype("dtype").value_or(default_dtype(args)), values_of(args.syms("size")), value(args))};
       },
       .out_variant = op.out_variant,
       .tags = op.tags,
       .decompose = op.decompose});
}

DType dtype_of(const TensorMeta* tensor) { return tensor->dtype; }
DType dtype_of(const HostTensor& tensor) { return tensor.dtype(); }

template <class ValueOf>
void declare_like(OpRegistry& ops, const FillOp& op, ValueOf value) {
  ops.declare({.schema = op.schema,
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const TensorMeta& self = *args.tensor("self");
                 return {TensorMeta{args.dtype("dtype").value_or(self.dtype), self.sizes,
                                    format_strides(self, args.memory_format("memory_format"), args.schema().name)}};
               },
               .kernel = [=](const KernelArgs& args) -> std::vector<HostTensor> {
                 const HostTensor& self = args.tensor("self");
                 return {filled(args.dtype("dtype").value_or(self.dtype()), self.sizes(), value(args))};
               },
               .out_variant = op.out_variant,
               .tags = op.tags,
               .decompose = op.decompose});
}

void declare_filled(OpRegistry& ops) {
  const std::string options(kOptions);
  const auto float32 = [](const auto&) { return DType::Float32; };
  const auto of_self = [](const auto& args) { return dtype_of(args.tensor("self")); };
  const auto given = [](const auto& args) { return args.scalar("fill_value"); };
  const auto of_given = [](const auto& args) { return scalar_dtype(args.scalar("fill_value")); };
  const auto zero = [](const auto&) { return Scalar{Scalar::Kind::Int, 0}; };
  const auto one = [](const auto&) { return Scalar{Scalar::Kind::Int, 1}; };
  // Each in terms of full and full_like, which are core.
  const auto as_full = [](int64_t value) -> DecomposeFunction {
    return [value](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
      return {builder.call("aten::full", {args.syms("size"), value},
                           {{"dtype", args.dtype("dtype").value_or(DType::Float32)}})};
    };
  };
  const auto as_full_like = [](int64_t value) -> DecomposeFunction {
    return [value](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
      return {builder.call("aten::full_like", {args.tensor("self"), value},
                           {{"dtype", args["dtype"]}, {"memory_format", args["memory_format"]}})};
    };
  };
  const auto as_new_full = [](std::optional<int64_t> value) -> DecomposeFunction {
    return [value](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
      const Argument number = value ? Argument(*value) : args["fill_value"];
      const DType dtype = args.dtype("dtype").value_or(args.tensor("self")->meta.dtype);
      return {builder.call("aten::full", {args.syms("size"), number}, {{"dtype", dtype}})};
    };
  };
  declare_sized(
      ops, {"aten::full(SymInt[] size, Scalar fill_value, *, " + options + ") -> Tensor", "aten::full.out", Tag::Core},
      of_given, given);
  declare_sized(ops, {"aten::zeros(SymInt[] size, *, " + options + ") -> Tensor", {}, Tag::None, as_full(0)}, float32,
                zero);
  declare_sized(ops, {"aten::ones(SymInt[] size, *, " + options + ") -> Tensor", {}, Tag::None, as_full(1)}, float32,
                one);
  declare_sized(
      ops,
      {"aten::empty.memory_format(SymInt[] size, *, " + options + ", MemoryFormat? memory_format=None) -> Tensor",
       "aten::empty.out", Tag::Core},
      float32, zero);
  declare_sized(ops,
                {"aten::new_full(Tensor self, SymInt[] size, Scalar fill_value, *, " + options + ") -> Tensor",
                 {},
                 Tag::None,
                 as_new_full({})},
                of_self, given);
  declare_sized(
      ops, {"aten::new_zeros(Tensor self, SymInt[] size, *, " + options + ") -> Tensor", {}, Tag::None, as_new_full(0)},
      of_self, zero);
  declare_sized(
      ops, {"aten::new_ones(Tensor self, SymInt[] size, *, " + options + ") -> Tensor", {}, Tag::None, as_new_full(1)},
      of_self, one);
  declare_sized(
      ops, {"aten::new_empty(Tensor self, SymInt[] size, *, " + options + ") -> Tensor", {}, Tag::None, as_new_full(0)},
      of_self, zero);
  const std::string like = options + ", MemoryFormat? memory_format=None) -> Tensor";
  declare_like(ops, {"aten::full_like(Tensor self, Scalar fill_value, *, " + like, "aten::full_like.out", Tag::Core},
               given);
  declare_like(ops, {"aten::zeros_like(Tensor self, *, " + like, {}, Tag::None, as_full_like(0)}, zero);
  declare_like(ops, {"aten::ones_like(Tensor self, *, " + like, {}, Tag::None, as_full_like(1)}, one);
  declare_like(ops, {"aten::empty_like(Tensor self, *, " + like, {}, Tag::None, as_full_like(0)}, zero);
  ops.declare({.schema = "aten::scalar_tensor(Scalar s, *, " + options + ") -> Tensor",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 return {contiguous_meta(args.dtype("dtype").value_or(DType::Float32), {})};
               },
               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                 return {filled(args.dtype("dtype").value_or(DType::Float32), {}, args.scalar("s"))};
               },
               .out_variant = "aten::scalar_tensor.out",
               .tags = Tag::Core});
}

struct Range {
  Scalar start{Scalar::Kind::Int, 0};
  Scalar end;
  Scalar step{Scalar::Kind::Int, 1};
  DType dtype = DType::Int64;
};

template <class A>
Range range_of(const A& args) {
  Range range;
  const auto& arguments = args.schema().arguments;
  if (arguments[0].name == "start") range.start = args.scalar("start");
  range.end = args.scalar("end");
  if (arguments.size() > 2 && arguments[2].name == "step") range.step = args.scalar("step");
  const bool is_float = range.start.kind == Scalar::Kind::Float || range.end.kind == Scalar::Kind::Float ||
                        range.step.kind == Scalar::Kind::Float;
  range.dtype = args.dtype("dtype").value_or(is_float ? DType::Float32 : DType::Int64);
  return range;
}

/// A whole number as an integer; nothing for 0.5.
std::optional<SymInt> whole(const Scalar& value, bool truncate) {
  if (value.kind != Scalar::Kind::Float) return value.integer;
  if (!truncate && value.real != std::trunc(value.real)) return std::nullopt;
  return SymInt(static_cast<int64_t>(value.real));
}

SymInt range_length(const Range& range, std::string_view op) {
  const bool truncate = range.dtype == DType::Int64;
  const auto start = whole(range.start, truncate), end = whole(range.end, truncate), step = whole(range.step, truncate);
  if (start && end && step) {
    const Truth up = less(0, *step);
    if (known_equal(*step, 0)) fail("{}: step must not be 0", op);
    if (up == Truth::Unknown) fail("{}: the sign of step {} is not known", op, to_string(*step));
    const bool ascending = up == Truth::Yes;
    if (less(ascending ? *end : *start, ascending ? *start : *end) == Truth::Yes) {
      fail("{}: end {} and start {} do not agree with step {}", op, to_string(*end), to_string(*start),
           to_string(*step));
    }
    return ascending ? ceildiv(*end - *start, *step) : ceildiv(*start - *end, -*step);
  }
  for (const Scalar* value : {&range.start, &range.end, &range.step}) {
    if (value->kind != Scalar::Kind::Float && !value->integer.is_constant()) {
      unsupported("{}: the symbolic bound {} together with a fractional number", op, to_string(value->integer));
    }
  }
  const double width = range.step.to_double();
  const double span = range.end.to_double() - range.start.to_double();
  if (width == 0.0) fail("{}: step must not be 0", op);
  if (span / width < 0)
    fail("{}: end {} and start {} do not agree with step {}", op, range.end.to_double(), range.start.to_double(),
         width);
  return SymInt(static_cast<int64_t>(std::ceil(span / width)));
}

HostTensor range_tensor(const Range& range, std::string_view op) {
  const int64_t count = range_length(range, op).value();
  if (arithmetic_dtype(range.dtype, op) == DType::Int64) {
    HostTensor result = HostTensor::empty(DType::Int64, {count});
    const int64_t start = whole(range.start, true)->value(), step = whole(range.step, true)->value();
    for (int64_t i = 0; i < count; ++i) result.data<int64_t>()[i] = start + i * step;
    return result.to(range.dtype);
  }
  HostTensor result = HostTensor::empty(DType::Float64, {count});
  const double start = range.start.to_double(), step = range.step.to_double();
  for (int64_t i = 0; i < count; ++i) result.data<double>()[i] = start + static_cast<double>(i) * step;
  return result.to(range.dtype);
}

void declare_ranges(OpRegistry& ops) {
  const std::string options(kOptions);
  const auto declare = [&](std::string_view arguments, std::string_view overload, std::string_view out_variant,
                           Tag tags, DecomposeFunction decompose) {
    ops.declare({.schema = "aten::arange" + std::string(overload) + "(" + std::string(arguments) + ", *, " + options +
                           ") -> Tensor",
                 .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                   const Range range = range_of(args);
                   if (range.dtype == DType::Bool) fail("{}: not defined for bool", args.schema().name);
                   return {contiguous_meta(range.dtype, {range_length(range, args.schema().name)})};
                 },
                 .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                   return {range_tensor(range_of(args), args.schema().name)};
                 },
                 .out_variant = out_variant,
                 .tags = tags,
                 .decompose = std::move(decompose)});
  };
  const auto as_core = [](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
    const bool has_start = args.schema().arguments[0].name == "start";
    return {builder.call("aten::arange.start_step", {has_start ? args["start"] : Argument(0), args["end"], 1},
                         {{"dtype", range_of(args).dtype}})};
  };
  declare("Scalar end", "", {}, Tag::None, as_core);
  declare("Scalar start, Scalar end", ".start", {}, Tag::None, as_core);
  declare("Scalar start, Scalar end, Scalar step=1", ".start_step", "aten::arange.start_out", Tag::Core, nullptr);
}

HostTensor linspace_tensor(const Scalar& start, const Scalar& end, int64_t steps, DType dtype, std::string_view op) {
  // Counted from both ends, so that the last element is the end itself; as torch's kernel does.
  const auto fill = [&](auto zero) {
    using T = decltype(zero);
    HostTensor result = HostTensor::empty(ArithmeticType<T>::kDType, {steps});
    using Step = std::conditional_t<std::is_integral_v<T>, double, T>;
    const T first = static_cast<T>(start.to_double()), last = static_cast<T>(end.to_double());
    const Step step =
        steps > 1 ? (static_cast<Step>(last) - static_cast<Step>(first)) / static_cast<Step>(steps - 1) : Step(0);
    for (int64_t i = 0; i < steps; ++i) {
      const bool lower = i < steps / 2 || steps == 1;
      const Step value = lower ? static_cast<Step>(first) + step * static_cast<Step>(i)
                               : static_cast<Step>(last) - step * static_cast<Step>(steps - i - 1);
      result.data<T>()[i] = static_cast<T>(value);
    }
    return result.to(dtype);
  };
  return visit_arithmetic(dtype, op, fill);
}

/// The part of the last two dims on or below (tril) or above (triu) a diagonal; zero elsewhere.
enum class Triangle { Lower, Upper };

template <class T>
void copy_triangle(const HostTensor& self, HostTensor& result, int64_t diagonal, Triangle triangle) {
  const int64_t rows = self.size(-2), columns = self.size(-1);
  const int64_t planes = rows * columns == 0 ? 0 : self.element_count() / (rows * columns);
  const T* from = self.data<T>();
  T* to = result.data<T>();
  for (int64_t plane = 0; plane < planes; ++plane) {
    for (int64_t row = 0; row < rows; ++row, from += columns, to += columns) {
      const int64_t edge =
          std::clamp<int64_t>(triangle == Triangle::Lower ? row + diagonal + 1 : row + diagonal, 0, columns);
      const int64_t begin = triangle == Triangle::Lower ? 0 : edge;
      const int64_t end = triangle == Triangle::Lower ? edge : columns;
      std::copy(from + begin, from + end, to + begin);
    }
  }
}

void declare_triangle(OpRegistry& ops, std::string_view name, Triangle triangle) {
  declare_with_inplace(
      ops, {.schema = "aten::" + std::string(name) + "(Tensor self, SymInt diagonal=0) -> Tensor",
            .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
              const TensorMeta& self = *args.tensor("self");
              if (self.rank() < 2)
                fail("{}: expected at least 2 dims, got sizes {}", args.schema().name, to_string(self.sizes));
              return {contiguous_meta(self.dtype, self.sizes)};
            },
            .kernel = [triangle](const KernelArgs& args) -> std::vector<HostTensor> {
              const HostTensor self = args.tensor("self").contiguous();
              HostTensor result = HostTensor::zeros(self.dtype(), self.sizes());
              visit_storage(self.dtype(), [&](auto zero) {
                copy_triangle<decltype(zero)>(self, result, args.integer("diagonal"), triangle);
              });
              return {result};
            },
            // where(column - row <= diagonal, self, 0), as torch's reference has it
            .decompose = [triangle](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
              Value* self = args.tensor("self");
              const size_t rank = self->meta.sizes.size();
              Value* rows =
                  builder.call("aten::arange.start_step", {0, self->meta.sizes[rank - 2]}, {{"dtype", DType::Int64}});
              Value* columns =
                  builder.call("aten::arange.start_step", {0, self->meta.sizes[rank - 1]}, {{"dtype", DType::Int64}});
              Value* offset = builder.call("aten::sub.Tensor", {columns, builder.call("aten::unsqueeze", {rows, 1})});
              Value* kept = builder.call(triangle == Triangle::Lower ? "aten::le.Scalar" : "aten::ge.Scalar",
                                         {offset, args["diagonal"]});
              Value* zero = builder.call("aten::full", {std::vector<SymInt>(), 0}, {{"dtype", self->meta.dtype}});
              return {builder.call("aten::where.self", {kept, self, zero})};
            }});
}

void declare_eye(OpRegistry& ops, std::string_view arguments, std::string_view overload, bool is_square) {
  ops.declare({.schema = "aten::eye" + std::string(overload) + "(" + std::string(arguments) + ", *, " +
                         std::string(kOptions) + ") -> Tensor",
               .infer = [is_square](const MetaArgs& args) -> std::vector<OutputMeta> {
                 const std::vector<SymInt> sizes{args.sym("n"), args.sym(is_square ? "n" : "m")};
                 check_sizes(sizes, args.schema().name);
                 return {contiguous_meta(args.dtype("dtype").value_or(DType::Float32), sizes)};
               },
               .kernel = [is_square](const KernelArgs& args) -> std::vector<HostTensor> {
                 const int64_t rows = args.integer("n"), columns = is_square ? rows : args.integer("m");
                 const DType dtype = args.dtype("dtype").value_or(DType::Float32);
                 HostTensor result = HostTensor::zeros(dtype, {rows, columns});
                 const HostTensor one = HostTensor::scalar_int(dtype, 1);
                 visit_storage(dtype, [&](auto zero) {
                   using T = decltype(zero);
                   for (int64_t i = 0; i < std::min(rows, columns); ++i)
                     result.data<T>()[i * (columns + 1)] = *one.data<T>();
                 });
                 return {result};
               },
               .decompose = [is_square](GraphBuilder& builder, const ValueArgs& args) -> std::vector<Value*> {
                 const DType dtype = args.dtype("dtype").value_or(DType::Float32);
                 Value* rows = builder.call("aten::arange.start_step", {0, args.sym("n")}, {{"dtype", DType::Int64}});
                 Value* columns = builder.call("aten::arange.start_step", {0, args.sym(is_square ? "n" : "m")},
                                               {{"dtype", DType::Int64}});
                 Value* same = builder.call("aten::eq.Tensor", {builder.call("aten::unsqueeze", {rows, 1}), columns});
                 return {dtype == DType::Bool ? same : builder.call("aten::_to_copy", {same}, {{"dtype", dtype}})};
               }});
}

}  // namespace

void declare_creation_ops(OpRegistry& ops) {
  declare_filled(ops);
  declare_ranges(ops);
  ops.declare(
      {.schema = "aten::linspace(Scalar start, Scalar end, int steps, *, " + std::string(kOptions) + ") -> Tensor",
       .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
         const int64_t steps = args.integer("steps");
         if (steps < 0) fail("{}: steps must not be negative, got {}", args.schema().name, steps);
         return {contiguous_meta(args.dtype("dtype").value_or(DType::Float32), {steps})};
       },
       .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
         return {linspace_tensor(args.scalar("start"), args.scalar("end"), args.integer("steps"),
                                 args.dtype("dtype").value_or(DType::Float32), args.schema().name)};
       }});
  declare_eye(ops, "SymInt n", "", true);
  declare_eye(ops, "SymInt n, SymInt m", ".m", false);
  declare_triangle(ops, "tril", Triangle::Lower);
  declare_triangle(ops, "triu", Triangle::Upper);
}

}  // namespace exformer
