"""Poses as torch while transformers' modeling code is traced: every call on a tensor goes into exformer's tracer and
its table of ops. It is importable in the interpreter that exformer starts for a trace, nowhere else."""

import builtins
import math
import sys

from exformer import _core

from . import _absent, _state, _types

__version__ = "2.13.0"
_module = sys.modules[__name__]

from ._types import (  # noqa: E402
    LAYOUTS, MEMORY_FORMATS, Size, default_dtype as get_default_dtype, device, dtype, finfo, iinfo, layout,
    memory_format, set_default_dtype)
from ._symbols import (  # noqa: E402
    SymBool, SymFloat, SymInt, sym_float, sym_int, sym_ite, sym_max, sym_min, sym_not, sym_sqrt, sym_sum)
from . import _tensor  # noqa: E402
from ._rows import Pieces, Progression, Rows, Table  # noqa: E402
from ._tensor import Tensor  # noqa: E402

for _name, _value in {**_types.DTYPES, **LAYOUTS, **MEMORY_FORMATS}.items():
    setattr(_module, _name, _value)
for _name, _value in _types.ALIASES.items():
    setattr(_module, _name, _types.DTYPES[_value])
legacy_contiguous_format = MEMORY_FORMATS["contiguous_format"]
pi, inf, nan, e = math.pi, math.inf, math.nan, math.e
newaxis = None

_state.types["tensor"] = Tensor
_state.start(_core.Session({"tensor": Tensor, "dtype": dtype, "dtypes": _types.BY_CODE, "device": device,
                            "layout": layout, "memory_format": memory_format}))
_tensor.install(_state.core)


def _op_function(name):
    def function(*args, **kwargs):
        return _state.core.call(name, args, kwargs)

    function.__name__ = function.__qualname__ = name
    function.__module__ = "torch"
    return function


for _name in _state.core.op_names:
    if _name.isidentifier() and not hasattr(builtins, _name) or _name in ("abs", "all", "any", "sum", "round", "pow",
                                                                        "max", "min"):
        setattr(_module, _name, _op_function(_name))

from . import _complex, _creation, _functions  # noqa: E402

for _name, _value in {**_creation.FUNCTIONS, **_functions.FUNCTIONS, **_complex.FUNCTIONS}.items():
    setattr(_module, _name, _value)
# torch's second names.
for _name, _op in {"greater": "gt", "greater_equal": "ge", "less": "lt", "less_equal": "le", "not_equal": "ne",
                   "negative": "neg", "absolute": "abs", "arccos": "acos", "arcsin": "asin", "arctan": "atan",
                   "arctan2": "atan2", "fix": "trunc"}.items():
    if _state.core.has_op(_op) and not _state.core.has_op(_name):
        setattr(_module, _name, _op_function(_op))
        setattr(Tensor, _name, _tensor._op_method(_op))
for _name in _functions.METHODS:
    setattr(Tensor, _name, getattr(_functions, _name))


class return_types:
    """Named results of ops that give values and their places."""

    class _values_indices(tuple):
        def __new__(cls, values, indices):
            return super().__new__(cls, (values, indices))

        values = property(lambda self: self[0])
        indices = property(lambda self: self[1])


class _LegacyType(type(Tensor)):
    """torch.LongTensor and its like: constructors and types to compare with."""

    def __instancecheck__(cls, instance):
        return isinstance(instance, Tensor) and instance.dtype is cls._dtype

    def __call__(cls, *args, **kwargs):
        if len(args) == 1 and not isinstance(args[0], (builtins.int, SymInt)):
            return _creation.tensor(args[0], dtype=cls._dtype)
        return _creation.empty(*args, dtype=cls._dtype)


for _name, _value in {"LongTensor": "int64", "FloatTensor": "float32", "BoolTensor": "bool", "IntTensor": "int32",
                      "DoubleTensor": "float64", "HalfTensor": "float16", "ByteTensor": "uint8", "CharTensor": "int8",
                      "ShortTensor": "int16", "BFloat16Tensor": "bfloat16"}.items():
    setattr(_module, _name, _LegacyType(_name, (Tensor,), {"_dtype": _types.DTYPES[_value], "__module__": "torch"}))


def _check(condition, message=None):
    if condition is False:
        raise RuntimeError(message() if callable(message) else message or "Expected cond to be True")


def _check_is_size(value, message=None, *, max=None):
    pass


def _check_with(kind, condition, message=None):
    _check(condition, message)


_check_value = _check_index = _check_type = _check_tensor_all = _check


def is_grad_enabled():
    return False


is_inference_mode_enabled = is_autocast_enabled = is_autocast_cpu_enabled = are_deterministic_algorithms_enabled = (
    lambda *args: False)


def get_autocast_dtype(kind=None):
    return _types.DTYPES["bfloat16"]


get_autocast_gpu_dtype = get_autocast_cpu_dtype = get_autocast_dtype


def clear_autocast_cache():
    pass


def get_default_device():
    return _types.CPU


def set_default_device(value):
    pass


def manual_seed(seed):
    return Generator()


def get_num_threads():
    return 1


def set_num_threads(count):
    pass


def set_float32_matmul_precision(precision):
    pass


def get_float32_matmul_precision():
    return "highest"


def use_deterministic_algorithms(mode, warn_only=False):
    pass


def compile(model=None, **kwargs):
    return model if model is not None else lambda inner: inner


def load(*args, **kwargs):
    raise NotImplementedError("pickled weights are never read")


def save(*args, **kwargs):
    raise NotImplementedError("torch.save")


def typename(value):
    return f"{type(value).__module__}.{type(value).__qualname__}"


def from_dlpack(value):
    raise NotImplementedError("torch.from_dlpack")


_absent.install()
from . import _submodules  # noqa: E402

no_grad = type("no_grad", (_submodules.NoGrad,), {"__module__": "torch"})
enable_grad = type("enable_grad", (_submodules.NoGrad,), {"__module__": "torch"})
inference_mode = type("inference_mode", (_submodules.NoGrad,), {"__module__": "torch"})
set_grad_enabled = type("set_grad_enabled", (_submodules.NoGrad,), {"__module__": "torch"})
autocast = _submodules.NoGrad
Generator = _submodules.Generator
Storage = UntypedStorage = TypedStorage = FloatStorage = _submodules.FakeTensor
vmap = _submodules.vmap
_submodules.install()

from . import library, nn, utils  # noqa: E402
from ._ops import ops  # noqa: E402

# Parts of torch that are imported by name and not used in a forward pass.
_LAZY = ("_higher_order_ops", "_guards", "_logging", "_inductor", "ao", "package", "sparse", "masked", "futures",
         "classes", "nested", "signal", "_utils", "_refs", "_decomp", "_prims", "_export", "_meta_registrations")


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    if name in _LAZY:
        import importlib

        return importlib.import_module("torch." + name)
    raise AttributeError(f"{_absent.caller()}: torch.{name} is not supported")


__all__ = ["Tensor", "Size", "SymInt", "SymFloat", "SymBool", "sym_int", "sym_float", "sym_max", "sym_min", "sym_not",
           "sym_ite", "sym_sqrt", "sym_sum", "nn", "utils", "library", "ops", "finfo", "iinfo", "set_default_dtype",
           "get_default_dtype", "return_types"]
