// Python objects to and from the arguments of an op call.
#pragma once

#include <pybind11/pybind11.h>

#include <optional>
#include <vector>

#include "exformer/trace/tensor.h"

namespace exformer::python {

namespace py = pybind11;

/// A comparison of symbolic integers that the bounds leave open; Python asks for its truth through bool().
struct SymBool {
  enum class Kind { Equal, NotEqual, Less, LessEqual } kind;
  SymInt left, right;
};

/// The Python classes that stand for torch's: what comes in is recognised by them, what goes out is made of them.
struct PythonTypes {
  py::object tensor;               // torch.Tensor, a subclass of the bound one
  py::object dtype;                // torch.dtype; its `code` is the DType's number, or None for one that is not known
  std::vector<py::object> dtypes;  // by DType
  py::object memory_format;        // torch.memory_format; its `code` is the MemoryFormat's number
  py::object device, layout;       // torch.device, torch.layout
};

/// Thrown for an object that no op takes; the message names its type.
TensorArgument to_argument(const PythonTypes& types, py::handle object);
/// Constants become int.
py::object to_python(const SymInt& value);
/// An integer or a SymInt; nothing for another object.
std::optional<SymInt> to_sym_int(py::handle object);
DType to_dtype(const PythonTypes& types, py::handle object);
py::object to_python(const PythonTypes& types, const Tensor& tensor);

void bind_symbols(py::module_& module);

}  // namespace exformer::python
