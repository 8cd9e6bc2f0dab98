// SymInt as Python sees it: integer arithmetic, comparisons that may stay open.
#include <pybind11/operators.h>

#include "convert.h"
#include "exformer/base/error.h"
#include "exformer/symbolic/printers.h"

namespace exformer::python {
namespace {

py::object not_implemented() { return py::reinterpret_borrow<py::object>(Py_NotImplemented); }

template <class Operation>
auto binary(Operation operation) {
  return [operation](const SymInt& self, py::handle other) -> py::object {
    const auto value = PyFloat_Check(other.ptr()) ? std::nullopt : to_sym_int(other);
    return value ? to_python(operation(self, *value)) : not_implemented();
  };
}

py::object from_truth(Truth truth, SymBool open) {
  if (truth == Truth::Unknown) return py::cast(open);
  return py::bool_(truth == Truth::Yes);
}

py::object is_equal(const SymInt& a, const SymInt& b) { return from_truth(equal(a, b), {SymBool::Kind::Equal, a, b}); }
py::object is_not_equal(const SymInt& a, const SymInt& b) {
  const Truth truth = equal(a, b);
  const Truth inverse = truth == Truth::Unknown ? truth : truth == Truth::Yes ? Truth::No : Truth::Yes;
  return from_truth(inverse, {SymBool::Kind::NotEqual, a, b});
}
py::object is_less(const SymInt& a, const SymInt& b) { return from_truth(less(a, b), {SymBool::Kind::Less, a, b}); }
py::object is_less_equal(const SymInt& a, const SymInt& b) {
  return from_truth(less_equal(a, b), {SymBool::Kind::LessEqual, a, b});
}

template <class Compare>
auto comparison(Compare compare) {
  return [compare](const SymInt& self, py::handle other) -> py::object {
    if (PyFloat_Check(other.ptr())) {  // only whole ones can be equal; order is that of the next integer
      const double real = PyFloat_AS_DOUBLE(other.ptr());
      if (real != static_cast<double>(static_cast<int64_t>(real))) return not_implemented();
      return compare(self, SymInt(static_cast<int64_t>(real)));
    }
    const auto value = to_sym_int(other);
    return value ? compare(self, *value) : not_implemented();
  };
}

bool is_shorter(const SymInt& a, const SymInt& b) { return to_string(a).size() < to_string(b).size(); }

/// -(x + n - 1) // n instead of (-x) // n: rounding up is written in one way.
SymInt quotient(const SymInt& a, const SymInt& b) {
  if (b.is_constant() && b.value() > 0 && !a.is_constant() && is_shorter(-a, a)) return -floordiv(b - a - 1, b);
  return floordiv(a, b);
}

/// What is missing to a multiple, (n - x % n) % n, is n * ((x + n - 1) // n) - x: added to x, it leaves a multiple that
/// is seen to be one.
SymInt remainder(const SymInt& a, const SymInt& b) {
  const SymInt direct = mod(a, b);
  if (!b.is_constant() || b.value() < 2 || top_operation(direct).kind != SymKind::Mod) return direct;
  const SymInt mirrored = mod(-a, b);
  if (top_operation(mirrored).kind != SymKind::Mod) return direct;
  const SymInt x = top_operation(mirrored).operands[0];
  if (!is_shorter(x, top_operation(direct).operands[0])) return direct;
  return b * floordiv(x + b - 1, b) - x;
}

SymInt power(const SymInt& base, const SymInt& exponent) {
  if (!exponent.is_constant() || exponent.value() < 0) unsupported("a size to the power of {}", to_string(exponent));
  SymInt result = 1;
  for (int64_t i = 0; i < exponent.value(); ++i) result = result * base;
  return result;
}

}  // namespace

void bind_symbols(py::module_& module) {
  py::class_<SymBool>(module, "SymBool")
      .def_property_readonly("kind",
                             [](const SymBool& self) {
                               constexpr const char* kNames[] = {"eq", "ne", "lt", "le"};
                               return kNames[static_cast<int>(self.kind)];
                             })
      .def_property_readonly("left", [](const SymBool& self) { return to_python(self.left); })
      .def_property_readonly("right", [](const SymBool& self) { return to_python(self.right); });

  py::class_<SymInt>(module, "SymInt")
      .def("__add__", binary([](const SymInt& a, const SymInt& b) { return a + b; }))
      .def("__radd__", binary([](const SymInt& a, const SymInt& b) { return b + a; }))
      .def("__sub__", binary([](const SymInt& a, const SymInt& b) { return a - b; }))
      .def("__rsub__", binary([](const SymInt& a, const SymInt& b) { return b - a; }))
      .def("__mul__", binary([](const SymInt& a, const SymInt& b) { return a * b; }))
      .def("__rmul__", binary([](const SymInt& a, const SymInt& b) { return b * a; }))
      .def("__floordiv__", binary([](const SymInt& a, const SymInt& b) { return quotient(a, b); }))
      .def("__rfloordiv__", binary([](const SymInt& a, const SymInt& b) { return quotient(b, a); }))
      .def("__mod__", binary(remainder))
      .def("__rmod__", binary([](const SymInt& a, const SymInt& b) { return remainder(b, a); }))
      .def("__pow__", binary(power))
      .def("__neg__", [](const SymInt& self) { return to_python(-self); })
      .def("__pos__", [](const SymInt& self) { return to_python(self); })
      .def("__eq__", comparison(is_equal))
      .def("__ne__", comparison(is_not_equal))
      .def("__lt__", comparison(is_less))
      .def("__le__", comparison(is_less_equal))
      .def("__gt__", comparison([](const SymInt& a, const SymInt& b) { return is_less(b, a); }))
      .def("__ge__", comparison([](const SymInt& a, const SymInt& b) { return is_less_equal(b, a); }))
      .def("__hash__", [](const SymInt& self) { return static_cast<int64_t>(self.hash()); })
      .def("__repr__", [](const SymInt& self) { return to_string(self); })
      .def("modulo", binary([](const SymInt& a, const SymInt& b) { return mod(a, b); }))
      .def("ceildiv", binary([](const SymInt& a, const SymInt& b) { return ceildiv(a, b); }))
      .def("minimum", binary([](const SymInt& a, const SymInt& b) { return sym_min(a, b); }))
      .def("maximum", binary([](const SymInt& a, const SymInt& b) { return sym_max(a, b); }));
}

}  // namespace exformer::python
