// Tensors of one number that are computed from sizes: code that keeps kernel sizes in buffers pads by what they give.
#include <algorithm>
#include <functional>

#include "exformer/ops/args.h"
#include "session.h"

namespace exformer::python {
namespace {

struct Ratio {
  SymInt numerator;
  int64_t denominator = 1;
};

Ratio sum(const Ratio& a, const Ratio& b, int64_t factor) {
  return {a.numerator * b.denominator + factor * b.numerator * a.denominator, a.denominator * b.denominator};
}

std::optional<Ratio> quotient(const Ratio& a, const Ratio& b) {
  if (!b.numerator.is_constant() || b.numerator.value() <= 0) return std::nullopt;
  return Ratio{a.numerator * b.denominator, a.denominator * b.numerator.value()};
}

class SizeValues {
 public:
  using Evaluate = std::function<std::optional<HostTensor>(Value*)>;
  explicit SizeValues(Evaluate evaluate) : evaluate_(std::move(evaluate)) {}

  std::optional<Ratio> value(Value* value) {
    if (const auto known = evaluate_(value)) return constant(*known);
    const Node* node = value->producer();
    if (!node || node->inputs().size() > 2) return std::nullopt;
    const std::string_view op = node->op();
    const auto is = [&](std::initializer_list<std::string_view> names) {
      return std::find(names.begin(), names.end(), op) != names.end();
    };
    if (is({"aten::scalar_tensor"})) return argument(node->argument("s"));
    if (passes_values_on(*node)) return this->value(node->inputs().front());
    if (node->arguments().empty() || element_count(value->meta.sizes) != SymInt(1)) return std::nullopt;
    const auto a = argument(node->arguments()[0]);
    if (!a) return std::nullopt;
    if (is({"aten::ceil"})) return Ratio{ceildiv(a->numerator, a->denominator)};
    if (is({"aten::floor"})) return Ratio{floordiv(a->numerator, a->denominator)};
    if (is({"aten::neg"})) return Ratio{-a->numerator, a->denominator};
    if (node->arguments().size() < 2) return std::nullopt;
    const auto b = argument(node->arguments()[1]);
    if (!b) return std::nullopt;
    if (is({"aten::div.Tensor_mode", "aten::div.Scalar_mode", "aten::floor_divide", "aten::floor_divide.Scalar"})) {
      const auto exact = quotient(*a, *b);  // of sizes: rounded down either way
      return exact ? std::optional(Ratio{floordiv(exact->numerator, exact->denominator)}) : std::nullopt;
    }
    if (node->arguments().size() > 2 && node->arguments()[2] != Argument(SymInt(1))) return std::nullopt;
    if (is({"aten::add.Tensor", "aten::add.Scalar"})) return sum(*a, *b, 1);
    if (is({"aten::sub.Tensor", "aten::sub.Scalar"})) return sum(*a, *b, -1);
    if (is({"aten::rsub.Tensor", "aten::rsub.Scalar"})) return sum(*b, *a, -1);
    if (is({"aten::mul.Tensor", "aten::mul.Scalar"}))
      return Ratio{a->numerator * b->numerator, a->denominator * b->denominator};
    if (is({"aten::div.Tensor", "aten::div.Scalar"})) return quotient(*a, *b);
    return std::nullopt;
  }

 private:
  static std::optional<Ratio> constant(const HostTensor& tensor) {
    if (tensor.element_count() != 1) return std::nullopt;
    const HostTensor one = tensor.contiguous();
    if (!is_floating_point(one.dtype())) return Ratio{one.item_int()};
    const double real = one.item_double();
    const auto whole = static_cast<int64_t>(real);
    return static_cast<double>(whole) == real ? std::optional(Ratio{whole}) : std::nullopt;
  }

  std::optional<Ratio> argument(const Argument& argument) {
    if (const auto* size = argument.get_if<SymInt>()) return Ratio{*size};
    if (const auto* real = argument.get_if<double>()) {
      const auto whole = static_cast<int64_t>(*real);
      return static_cast<double>(whole) == *real ? std::optional(Ratio{whole}) : std::nullopt;
    }
    const auto* value = argument.get_if<Value*>();
    return value && *value ? this->value(*value) : std::nullopt;
  }

  Evaluate evaluate_;
};

}  // namespace

SymInt Session::item(const Tensor& tensor) {
  SizeValues sizes([this](Value* value) { return evaluate(value, Given::Constants); });
  const auto ratio = sizes.value(tensor.value());
  return ratio && ratio->denominator == 1 ? ratio->numerator : tracer_.item(tensor);
}

}  // namespace exformer::python
