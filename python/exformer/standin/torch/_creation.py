"""Tensors from Python's own numbers, from numpy, and from nothing."""

import builtins
import math

from . import _state
from ._rows import Progression
from ._symbols import SymFloat, SymInt, bool_known, sym_max
from ._types import DTYPES, default_dtype


def _call(name, *args, **kwargs):
    return _state.core.call(name, args, kwargs)


def _is_tensor(value):
    return isinstance(value, _state.types["tensor"])


def _wrap(handle):
    return _state.types["tensor"](handle)


def _flatten(data, sizes, depth, out):
    """Fills `out` with the numbers of nested lists; `sizes` with their lengths."""
    if isinstance(data, (list, tuple, range)) or (hasattr(data, "__len__") and not hasattr(data, "dtype")
                                                  and not isinstance(data, str)):
        if depth == len(sizes):
            sizes.append(len(data))
        elif sizes[depth] != len(data):
            raise ValueError(f"expected sequence of length {sizes[depth]} at dim {depth} (got {len(data)})")
        for item in data:
            _flatten(item, sizes, depth + 1, out)
    else:
        out.append(data)


def _inferred(values):
    if any(isinstance(value, builtins.complex) for value in values):
        return DTYPES["complex64"]
    if any(isinstance(value, (float, SymFloat)) or _numpy_kind(value) == "f" for value in values) or not values:
        return default_dtype()
    if all(isinstance(value, bool) or _numpy_kind(value) == "b" for value in values):
        return DTYPES["bool"]
    return DTYPES["int64"]


def _numpy_kind(value):
    return getattr(getattr(value, "dtype", None), "kind", None)


def _from_numpy(array, dtype):
    import numpy

    array = numpy.ascontiguousarray(array) if array.ndim else array
    kind = DTYPES.get(array.dtype.name)
    if kind is None:
        raise TypeError(f"can't convert np.ndarray of type {array.dtype}")
    result = _wrap(_state.core.constant_from_bytes(array.tobytes(), kind, list(array.shape)))
    return result if dtype is None or dtype is kind else result.to(dtype)


def tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False):
    if _is_tensor(data):
        copy = data.clone()
        return copy if dtype is None else copy.to(dtype)
    if isinstance(dtype, type):  # Python's own
        dtype = DTYPES["bool" if dtype is bool else "int64" if issubclass(dtype, int) else "float64"]
    if isinstance(data, Progression):
        return data.tensor(dtype)
    if hasattr(data, "tobytes") and hasattr(data, "dtype"):
        return _from_numpy(data, dtype)
    sizes, values = [], []
    _flatten(data, sizes, 0, values)
    if values and all(hasattr(value, "ndim") and value.ndim for value in values) and not _is_tensor(values[0]):
        import numpy

        return _from_numpy(numpy.asarray(data), dtype)
    if any(_is_tensor(value) or isinstance(value, (SymInt, SymFloat)) for value in values):
        parts = [value.reshape(()) if _is_tensor(value) else _call("scalar_tensor", value, dtype=_inferred([value]))
                 for value in values]
        kind = dtype or (parts[0].dtype if _is_tensor(values[0]) else _inferred(
            [value for value in values if not _is_tensor(value)]))
        parts = [part.to(kind) for part in parts]
        return parts[0] if not sizes else _call("stack", parts, 0).reshape(sizes)
    kind = dtype or _inferred(values)
    if kind.is_complex:
        raise NotImplementedError("torch.tensor of complex numbers")
    values = [value.item() if _numpy_kind(value) else value for value in values]
    return _wrap(_state.core.constant_from_values(values, kind, sizes))


def as_tensor(data, dtype=None, device=None):
    if _is_tensor(data):
        return data if dtype is None else data.to(dtype)
    return tensor(data, dtype=dtype)


def from_numpy(array):
    return _from_numpy(array, None)


def _sizes(size):
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        return list(size[0])
    return [item.item() if _is_tensor(item) else item for item in size]


def _filled(name):
    def create(*size, dtype=None, out=None, device=None, layout=None, requires_grad=False, pin_memory=False,
               generator=None, memory_format=None, **kwargs):
        if "size" in kwargs:
            size = (kwargs["size"],)
        return _call(name, _sizes(size), dtype=dtype or default_dtype())

    create.__name__ = name
    return create


empty, zeros, ones, rand, randn = (_filled(name) for name in ("empty", "zeros", "ones", "rand", "randn"))


def full(size, fill_value, *, dtype=None, **kwargs):
    if _is_tensor(fill_value):
        return _call("expand", fill_value.to(dtype or fill_value.dtype), _sizes((size,))).clone()
    if dtype is None:
        dtype = _inferred([fill_value])
    return _call("full", _sizes((size,)), fill_value, dtype=dtype)


def arange(start=0, end=None, step=1, *, dtype=None, out=None, device=None, layout=None, requires_grad=False,
           pin_memory=False):
    if end is None:
        start, end = 0, start
    bounds = [value.item() if _is_tensor(value) else value for value in (start, end, step)]
    if dtype is None:
        is_real = any(isinstance(value, (float, SymFloat)) or _numpy_kind(value) == "f" for value in bounds)
        dtype = default_dtype() if is_real else DTYPES["int64"]
    bounds = [float(value) if isinstance(value, SymFloat) else value for value in bounds]
    if bounds[2] == 1 and isinstance(bounds[0], float) and isinstance(bounds[1], SymInt):
        whole = math.floor(bounds[0])  # as many numbers as from the next integer on
        first = whole if whole == bounds[0] else whole + 1
        return _call("arange", first, bounds[1] + (first - whole), dtype=dtype) + (bounds[0] - first)
    if bounds[2] == 1:
        if isinstance(bounds[0], int) and bounds[0] == 0:
            return _call("arange", bounds[1], dtype=dtype)
        return _call("arange", bounds[0], bounds[1], dtype=dtype)
    return _call("arange", *bounds, dtype=dtype)


def linspace(start, end, steps, *, dtype=None, **kwargs):
    start, end = [value.item() if _is_tensor(value) else value for value in (start, end)]
    dtype = dtype or default_dtype()
    if not any(isinstance(value, (SymInt, SymFloat)) for value in (start, end, steps)):
        return _call("linspace", start, end, steps, dtype=dtype)
    places = arange(steps, dtype=dtype)
    if bool_known(end - start == steps - 1):
        return places + start
    return (places * ((end - start) / sym_max(steps - 1, 1)) + start).to(dtype)


def logspace(start, end, steps, base=10.0, *, dtype=None, **kwargs):
    return _call("pow", float(base), linspace(start, end, steps, dtype=dtype))


def eye(n, m=None, *, dtype=None, **kwargs):
    rows, columns = arange(n), arange(n if m is None else m)
    return (rows.unsqueeze(-1) == columns).to(dtype or default_dtype())


def randint(low, high=None, size=None, *, dtype=None, **kwargs):
    if size is None:
        low, high, size = 0, low, high
    return (rand(size) * (high - low)).to(dtype or DTYPES["int64"]) + low


def normal(mean, std=1.0, size=None, *, dtype=None, **kwargs):
    shape = size if size is not None else (mean if _is_tensor(mean) else std).shape
    return randn(shape, dtype=dtype) * std + mean


def randperm(n, *, dtype=None, **kwargs):
    return _call("argsort", rand(n)).to(dtype or DTYPES["int64"])


def complex(real, imag, *, out=None):
    return _call("complex", real, imag)


def empty_strided(size, stride, *, dtype=None, **kwargs):
    return empty(size, dtype=dtype)


def scalar_tensor(value, *, dtype=None, **kwargs):
    return _call("scalar_tensor", value, dtype=dtype or default_dtype())


FUNCTIONS = {name: globals()[name] for name in (
    "tensor", "as_tensor", "from_numpy", "empty", "zeros", "ones", "rand", "randn", "full", "arange", "linspace",
    "logspace", "eye", "randint", "randperm", "normal", "complex", "empty_strided", "scalar_tensor")}
FUNCTIONS["asarray"] = as_tensor
