#include "exformer/backends/executorch/spelled_out_ops.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "exformer/ops/builder.h"
#include "exformer/ops/exponent_bits.h"
#include "exformer/ops/shape_rules.h"

namespace exformer::executorch {

bool is_floating(const Value* value) { return is_floating_point(value->meta.dtype); }

Value* number(GraphBuilder& builder, const Argument& value, DType dtype) {
  return builder.call("aten::full", {std::vector<SymInt>(), value}, {{"dtype", dtype}});
}

Value* numbers_from_0(GraphBuilder& builder, const SymInt& count, DType dtype) {
  return builder.call("aten::arange.start_step", {0, count}, {{"dtype", dtype}});
}

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Value* as(GraphBuilder& builder, Value* value, DType dtype) {
  return value->meta.dtype == dtype ? value : builder.call("aten::_to_copy", {value}, {{"dtype", dtype}});
}

/// x == value, nowhere true for integers.
Value* equals_number(GraphBuilder& builder, Value* self, double value) {
  if (is_floating(self)) return builder.call("aten::eq.Scalar", {self, value});
  return builder.call("aten::full_like", {self, false}, {{"dtype", DType::Bool}});
}

Values is_finite(GraphBuilder& builder, const ValueArgs& args) {
  Value* self = args.tensor("self");
  if (!is_floating(self)) return {builder.call("aten::full_like", {self, true}, {{"dtype", DType::Bool}})};
  return {builder.call("aten::lt.Scalar", {builder.call("aten::abs", {self}), kInfinity})};
}

Values is_positive_infinity(GraphBuilder& builder, const ValueArgs& args) {
  return {equals_number(builder, args.tensor("self"), kInfinity)};
}

Values is_negative_infinity(GraphBuilder& builder, const ValueArgs& args) {
  return {equals_number(builder, args.tensor("self"), -kInfinity)};
}

Values sgn(GraphBuilder& builder, const ValueArgs& args) { return {builder.call("aten::sign", {args.tensor("self")})}; }

/// x - trunc(x)
Values frac(GraphBuilder& builder, const ValueArgs& args) {
  Value* self = args.tensor("self");
  return {builder.call("aten::sub.Tensor", {self, builder.call("aten::trunc", {self})})};
}

Values exp2(GraphBuilder& builder, const ValueArgs& args) {
  return {builder.call("aten::pow.Scalar", {2.0, args.tensor("self")})};
}

Values deg2rad(GraphBuilder& builder, const ValueArgs& args) {
  return {builder.call("aten::mul.Scalar", {args.tensor("self"), std::numbers::pi / 180.0})};
}

/// The larger (or smaller) one; the other where one is NaN.
Values extreme(GraphBuilder& builder, const ValueArgs& args, std::string_view op) {
  Value* extreme = builder.call(op, {args.tensor("self"), args.tensor("other")});
  if (!is_floating(extreme)) return {extreme};
  Value* self = as(builder, args.tensor("self"), extreme->meta.dtype);
  Value* other = as(builder, args.tensor("other"), extreme->meta.dtype);
  Value* known = builder.call("aten::where.self", {builder.call("aten::isnan", {other}), self, extreme});
  return {builder.call("aten::where.self", {builder.call("aten::isnan", {self}), other, known})};
}
Values fmax(GraphBuilder& builder, const ValueArgs& args) { return extreme(builder, args, "aten::maximum"); }
Values fmin(GraphBuilder& builder, const ValueArgs& args) { return extreme(builder, args, "aten::minimum"); }

/// max(a, b) + log1p(exp(-|a - b|)); a + log(2) where both are equal, infinities among them
Values logaddexp(GraphBuilder& builder, const ValueArgs& args) {
  Value* self = args.tensor("self");
  Value* other = args.tensor("other");
  Value* distance = builder.call("aten::abs", {builder.call("aten::sub.Tensor", {self, other})});
  Value* tail = builder.call("aten::log1p", {builder.call("aten::exp", {builder.call("aten::neg", {distance})})});
  Value* sum = builder.call("aten::add.Tensor", {builder.call("aten::maximum", {self, other}), tail});
  Value* doubled = builder.call("aten::add.Scalar", {self, std::numbers::ln2});
  return {builder.call("aten::where.self", {builder.call("aten::eq.Tensor", {self, other}), doubled, sum})};
}

double largest(DType dtype) {
  switch (dtype) {
    case DType::Float16: return 65504.0;
    case DType::BFloat16: return 3.3895313892515355e38;
    case DType::Float32: return static_cast<double>(std::numeric_limits<float>::max());
    default: return std::numeric_limits<double>::max();
  }
}

Values nan_to_num(GraphBuilder& builder, const ValueArgs& args) {
  Value* self = args.tensor("self");
  if (!is_floating(self)) return {self};
  const DType dtype = self->meta.dtype;
  const auto replaced = [&](Value* where, double value, Value* otherwise) {
    return builder.call("aten::where.self", {where, number(builder, value, dtype), otherwise});
  };
  Value* result = replaced(builder.call("aten::isnan", {self}), args.optional_real("nan").value_or(0.0), self);
  result =
      replaced(equals_number(builder, self, kInfinity), args.optional_real("posinf").value_or(largest(dtype)), result);
  return {replaced(equals_number(builder, self, -kInfinity), args.optional_real("neginf").value_or(-largest(dtype)),
                   result)};
}

Values hardshrink(GraphBuilder& builder, const ValueArgs& args) {
  Value* self = args.tensor("self");
  Value* is_small = builder.call("aten::le.Scalar", {builder.call("aten::abs", {self}), args.real("lambd")});
  return {builder.call("aten::where.self", {is_small, number(builder, 0.0, self->meta.dtype), self})};
}

Values softshrink(GraphBuilder& builder, const ValueArgs& args) {
  Value* self = args.tensor("self");
  const double limit = args.real("lambd");
  Value* below = builder.call("aten::where.self", {builder.call("aten::lt.Scalar", {self, -limit}),
                                                   builder.call("aten::add.Scalar", {self, limit}),
                                                   builder.call("aten::mul.Scalar", {self, 0.0})});
  return {builder.call("aten::where.self", {builder.call("aten::gt.Scalar", {self, limit}),
                                            builder.call("aten::sub.Scalar", {self, limit}), below})};
}

/// Whether each element is among the others.
Values is_in(GraphBuilder& builder, const ValueArgs& args) {
  Value* elements = args.tensor("elements");
  Value* others = args.tensor("test_elements");
  others = builder.call("aten::reshape", {others, {element_count(others->meta.sizes)}});
  Value* same = builder.call("aten::eq.Tensor", {builder.call("aten::unsqueeze", {elements, -1}), others});
  Value* found = builder.call("aten::any.dim", {same, -1});
  return {args.boolean("invert") ? builder.call("aten::logical_not", {found}) : found};
}

Values is_number(GraphBuilder& builder, const ValueArgs& args) {
  return {builder.call(args.boolean("invert") ? "aten::ne.Scalar" : "aten::eq.Scalar",
                       {args.tensor("elements"), args["test_element"]})};
}

/// remainder(number, tensor)
Values remainder_of_number(GraphBuilder& builder, const ValueArgs& args) {
  Value* other = args.tensor("other");
  const bool is_real = args["self"].is<double>();
  const DType dtype = is_real && !is_floating(other) ? DType::Float32 : other->meta.dtype;
  Value* self = builder.call("aten::full", {std::vector<SymInt>(), args["self"]}, {{"dtype", dtype}});
  return {builder.call("aten::remainder.Tensor", {self, as(builder, other, dtype)})};
}

/// The kernel's remainder of integers has the sign of the dividend, torch's that of the divisor: a - a // b * b.
Values integer_remainder(GraphBuilder& builder, const ValueArgs& args) {
  Value* self = args.tensor("self");
  const bool by_number = !args["other"].is<Value*>();
  if (is_floating(self) || (by_number ? args["other"].is<double>() : is_floating(args.tensor("other")))) return {};
  Value* whole = builder.call(by_number ? "aten::div.Scalar_mode" : "aten::div.Tensor_mode", {self, args["other"]},
                              {{"rounding_mode", "floor"}});
  Value* product = builder.call(by_number ? "aten::mul.Scalar" : "aten::mul.Tensor", {whole, args["other"]});
  return {builder.call("aten::sub.Tensor", {self, product})};
}

/// The kernel adds integers up as float32. Running sums are exact, and wrap around as torch's: the last one is the sum.
Values integer_sum(GraphBuilder& builder, const ValueArgs& args) {
  Value* self = args.tensor("self");
  const int64_t rank = self->meta.rank();
  if (self->meta.dtype != DType::Int64 || args.dtype("dtype").value_or(DType::Int64) != DType::Int64) return {};
  if (const Node* producer = self->producer(); producer && producer->is("aten::_to_copy")) {
    if (producer->arguments()[0].as<Value*>()->meta.dtype == DType::Bool) return {};  // a count is small
  }
  std::vector<int64_t> dims = args.has("dim") ? args.integers("dim") : std::vector<int64_t>();
  for (int64_t& dim : dims) dim = wrap_dim(dim, rank, args.schema().name);
  if (rank == 0 || dims.size() != 1) return {};
  const SymInt size = self->meta.sizes[static_cast<size_t>(dims[0])];
  if (less(0, size) != Truth::Yes) return {};
  Value* last = builder.call("aten::cumsum", {self, dims[0]});
  last = builder.call("aten::select.int", {last, dims[0], size - 1});
  return {args.boolean("keepdim") ? builder.call("aten::unsqueeze", {last, dims[0]}) : last};
}

/// Powers of integers wrap around as products do; the kernels compute them as real numbers. One bit of the exponent
/// after the other: base^(2^bit) where it is set.
Value* integer_power(GraphBuilder& builder, Value* base, Value* exponent, std::optional<int> known_bits) {
  const int bits = known_bits.value_or(kExponentBits);
  Value* none = number(builder, 1.0, base->meta.dtype);
  Value* square = base;
  Value* result = nullptr;
  for (int bit = 0; bit < bits; ++bit) {
    Value* is_set = builder.call("aten::bitwise_and.Scalar", {exponent, int64_t{1} << bit});
    Value* factor = builder.call("aten::where.self", {builder.call("aten::ne.Scalar", {is_set, 0}), square, none});
    result = result ? builder.call("aten::mul.Tensor", {result, factor}) : factor;
    if (bit + 1 < bits) square = builder.call("aten::mul.Tensor", {square, square});
  }
  if (known_bits) return result;
  // 1 / base^n is 0, but for 1 and -1
  Value* odd = builder.call("aten::bitwise_and.Scalar", {exponent, 1});
  Value* is_unit = builder.call("aten::eq.Scalar", {builder.call("aten::abs", {base}), 1});
  Value* sign = builder.call("aten::where.self", {builder.call("aten::eq.Scalar", {odd, 0}), none, base});
  Value* inverse = builder.call("aten::where.self", {is_unit, sign, number(builder, 0.0, base->meta.dtype)});
  return builder.call("aten::where.self", {builder.call("aten::lt.Scalar", {exponent, 0}), inverse, result});
}

Values power(GraphBuilder& builder, const ValueArgs& args) {
  const auto operand = [&](std::string_view name) -> Value* {
    if (args[name].is_tensor()) {
      const DType dtype = args.tensor(name)->meta.dtype;
      return is_floating(args.tensor(name)) || dtype == DType::Bool ? nullptr : args.tensor(name);
    }
    const auto* whole = args[name].get_if<SymInt>();
    if (!whole || (name == "exponent" && whole->is_constant() && whole->value() >= 0 && whole->value() < 3))
      return nullptr;
    return number(builder, *whole, DType::Int64);
  };
  Value* base = operand("self");
  Value* exponent = base ? operand("exponent") : nullptr;
  if (!exponent) return {};
  const bool has_scalar = !args["self"].is_tensor() || !args["exponent"].is_tensor();
  const DType dtype = has_scalar ? args.tensor(args["self"].is_tensor() ? "self" : "exponent")->meta.dtype
                                 : promote_types(base->meta.dtype, exponent->meta.dtype);
  return {integer_power(builder, as(builder, base, dtype), as(builder, exponent, dtype), exponent_bits(args))};
}

/// round(x * 10^decimals) / 10^decimals
Values round_decimals(GraphBuilder& builder, const ValueArgs& args) {
  const auto decimals = args.integer("decimals");
  const double power = std::pow(10.0, static_cast<double>(std::abs(decimals)));
  const char* there = decimals >= 0 ? "aten::mul.Scalar" : "aten::div.Scalar";
  const char* back = decimals >= 0 ? "aten::div.Scalar" : "aten::mul.Scalar";
  Value* rounded = builder.call("aten::round", {builder.call(there, {args.tensor("self"), power})});
  return {builder.call(back, {rounded, power})};
}

void add_pointwise_spellings(SpelledOutOps& ops) {
  ops.insert({{"aten::isfinite", is_finite},
              {"aten::isposinf", is_positive_infinity},
              {"aten::isneginf", is_negative_infinity},
              {"aten::sgn", sgn},
              {"aten::frac", frac},
              {"aten::exp2", exp2},
              {"aten::deg2rad", deg2rad},
              {"aten::fmax", fmax},
              {"aten::fmin", fmin},
              {"aten::logaddexp", logaddexp},
              {"aten::nan_to_num", nan_to_num},
              {"aten::hardshrink", hardshrink},
              {"aten::softshrink", softshrink},
              {"aten::isin.Tensor_Tensor", is_in},
              {"aten::isin.Tensor_Scalar", is_number},
              {"aten::remainder.Scalar_Tensor", remainder_of_number},
              {"aten::remainder.Scalar", integer_remainder},
              {"aten::remainder.Tensor", integer_remainder},
              {"aten::sum.dim_IntList", integer_sum},
              {"aten::pow.Tensor_Tensor", power},
              {"aten::pow.Tensor_Scalar", power},
              {"aten::pow.Scalar", power},
              {"aten::round.decimals", round_decimals}});
}

const SpelledOutOps& spelled_out_ops() {
  static const SpelledOutOps kOps = [] {
    SpelledOutOps ops;
    add_pointwise_spellings(ops);
    add_sorting_spellings(ops);
    add_scatter_spellings(ops);
    add_interpolation_spellings(ops);
    add_creation_spellings(ops);
    return ops;
  }();
  return kOps;
}

bool known_same_sizes(const std::vector<SymInt>& a, const std::vector<SymInt>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), known_equal);
}

}  // namespace

bool spell_out(Node* node) {
  const auto found = spelled_out_ops().find(node->op());
  if (found == spelled_out_ops().end()) return false;
  GraphBuilder builder(node->graph(), node);
  builder.set_module_path(node->module_path);
  const Values results = found->second(builder, ValueArgs(node->schema(), node->arguments()));
  if (results.size() != node->outputs().size()) return false;
  for (size_t i = 0; i < results.size(); ++i) {
    if (!known_same_sizes(results[i]->meta.sizes, node->output(i)->meta.sizes) ||
        results[i]->meta.dtype != node->output(i)->meta.dtype)
      return false;
  }
  for (size_t i = 0; i < results.size(); ++i) node->graph().replace_all_uses(node->output(i), results[i]);
  node->graph().erase_node(node);
  return true;
}

}  // namespace exformer::executorch
