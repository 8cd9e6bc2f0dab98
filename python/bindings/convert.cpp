#include "convert.h"

#include <algorithm>

#include "exformer/base/error.h"

namespace exformer::python {
namespace {

std::string type_name(py::handle object) { return py::str(py::type::handle_of(object).attr("__name__")); }

bool is_real(py::handle object) {
  return PyFloat_Check(object.ptr()) || (!PyIndex_Check(object.ptr()) && PyNumber_Check(object.ptr()) &&
                                         py::hasattr(object, "__float__") && !py::hasattr(object, "__len__"));
}

/// A list of tensors, of integers, of floats or of bools; an empty one is a list of integers.
TensorArgument to_list(const PythonTypes& types, py::handle object) {
  const auto sequence = py::reinterpret_borrow<py::sequence>(object);
  bool has_tensor = false, has_real = false, all_bool = sequence.size() > 0;
  std::vector<TensorArgument> items;
  items.reserve(sequence.size());
  for (const py::handle item : sequence) {
    items.push_back(to_argument(types, item));
    has_tensor = has_tensor || items.back().is_tensor() || items.back().is_none();
    has_real = has_real || items.back().is<double>();
    all_bool = all_bool && items.back().is<bool>();
  }
  const auto wrong = [&](const char* kind) {
    throw py::type_error(fmt::format("a list of {} holds something else: {}", kind, std::string(py::repr(object))));
  };
  const auto is_number = [](const TensorArgument& item) { return item.is<SymInt>(); };
  if (has_tensor && std::any_of(items.begin(), items.end(), is_number)) {  // sizes, some of them read from tensors
    for (size_t i = 0; i < items.size(); ++i) {
      if (items[i].is_tensor()) items[i] = to_argument(types, py::object(sequence[i]).attr("item")());
    }
    has_tensor = false;
  }
  if (has_tensor) {
    std::vector<Tensor> tensors;
    for (const TensorArgument& item : items) {
      if (!item.is_tensor() && !item.is_none()) wrong("tensors");
      tensors.push_back(item.is_tensor() ? item.as<Tensor>() : Tensor());
    }
    return tensors;
  }
  if (all_bool) {
    std::vector<bool> flags;
    for (const TensorArgument& item : items) flags.push_back(item.as<bool>());
    return flags;
  }
  if (has_real) {
    std::vector<double> reals;
    for (const TensorArgument& item : items) {
      const auto* integer = item.get_if<SymInt>();
      if (!item.is<double>() && !(integer && integer->is_constant())) wrong("floats");
      reals.push_back(integer ? static_cast<double>(integer->value()) : item.as<double>());
    }
    return reals;
  }
  std::vector<SymInt> integers;
  for (const TensorArgument& item : items) {
    const auto* flag = item.get_if<bool>();
    if (!flag && !item.is<SymInt>()) wrong("integers");
    integers.push_back(flag ? SymInt(*flag ? 1 : 0) : item.as<SymInt>());
  }
  return integers;
}

/// Python's own types where a dtype is wanted, and what stands for `int` in modeling code.
std::optional<DType> dtype_of_type(py::handle object) {
  if (!PyType_Check(object.ptr())) return std::nullopt;
  if (object.ptr() == reinterpret_cast<PyObject*>(&PyBool_Type)) return DType::Bool;
  if (PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(object.ptr()), &PyLong_Type)) return DType::Int64;
  if (object.ptr() == reinterpret_cast<PyObject*>(&PyFloat_Type)) return DType::Float64;
  return std::nullopt;
}

}  // namespace

std::optional<SymInt> to_sym_int(py::handle object) {
  if (py::isinstance<SymInt>(object)) return object.cast<SymInt>();
  if (PyLong_Check(object.ptr())) return SymInt(object.cast<int64_t>());
  if (PyIndex_Check(object.ptr()) && !py::isinstance<Tensor>(object)) {
    const auto integer = py::reinterpret_steal<py::object>(PyNumber_Index(object.ptr()));
    if (!integer) throw py::error_already_set();
    return SymInt(integer.cast<int64_t>());
  }
  return std::nullopt;
}

DType to_dtype(const PythonTypes& types, py::handle object) {
  if (const auto dtype = dtype_of_type(object)) return *dtype;
  if (!py::isinstance(object, types.dtype)) throw py::type_error("expected a torch.dtype, got " + type_name(object));
  const py::object code = object.attr("code");
  if (code.is_none()) unsupported("{} is not supported", std::string(py::str(object)));
  return static_cast<DType>(code.cast<int>());
}

TensorArgument to_argument(const PythonTypes& types, py::handle object) {
  PyObject* raw = object.ptr();
  if (raw == Py_None) return None{};
  if (py::isinstance<Tensor>(object)) return object.cast<Tensor>();
  if (PyBool_Check(raw)) return raw == Py_True;
  if (PyLong_Check(raw)) {
    int overflow = 0;
    const int64_t value = PyLong_AsLongLongAndOverflow(raw, &overflow);
    if (overflow != 0) return object.cast<double>();
    return value;
  }
  if (PyFloat_Check(raw)) return PyFloat_AS_DOUBLE(raw);
  if (py::isinstance<SymInt>(object)) return object.cast<SymInt>();
  if (PyUnicode_Check(raw)) return object.cast<std::string>();
  if (PyTuple_Check(raw) || PyList_Check(raw)) return to_list(types, object);
  if (py::isinstance(object, types.dtype) || dtype_of_type(object)) return to_dtype(types, object);
  if (py::isinstance(object, types.device)) return Device::Cpu;
  if (py::isinstance(object, types.layout)) return Layout::Strided;
  if (py::isinstance(object, types.memory_format)) return static_cast<MemoryFormat>(object.attr("code").cast<int>());
  if (const auto integer = to_sym_int(object)) return *integer;
  if (py::isinstance<SymBool>(object)) return PyObject_IsTrue(raw) != 0;
  if (PySequence_Check(raw) && py::hasattr(object, "__len__") && !py::hasattr(object, "dtype"))
    return to_list(types, py::list(py::reinterpret_borrow<py::object>(object)));
  if (is_real(object)) return py::float_(py::reinterpret_borrow<py::object>(object)).cast<double>();
  throw py::type_error("no op takes a " + type_name(object));
}

py::object to_python(const SymInt& value) {
  return value.is_constant() ? py::object(py::int_(value.value())) : py::cast(value);
}

py::object to_python(const PythonTypes& types, const Tensor& tensor) { return types.tensor(tensor); }

}  // namespace exformer::python
