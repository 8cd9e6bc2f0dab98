"""torch.Tensor: a handle on a traced tensor. Every op of the registry is a method; what is written out here is what
Python adds to them."""

import operator

from exformer import _core

from . import _state, _types
from ._rows import Numbers, Table
from ._symbols import DataDependentError, SymFloat, SymInt, caller
from ._types import CPU, DTYPES, Size

_INPLACE_OPERATORS = {"add": "add_", "sub": "sub_", "mul": "mul_", "truediv": "div_", "and": "bitwise_and_",
                      "or": "bitwise_or_", "xor": "bitwise_xor_", "pow": "pow_", "mod": "remainder_",
                      "floordiv": "floor_divide_"}


def call(name, *args, **kwargs):
    """One op of the registry, by its ATen name."""
    return _state.core.call(name, args, kwargs)



class Tensor(_core.TensorBase):
    requires_grad = False
    grad = None
    grad_fn = None
    is_leaf = True
    is_meta = is_sparse = is_quantized = is_nested = is_cuda = is_mps = is_xpu = is_mkldnn = False
    is_cpu = True
    __array_priority__ = 1000
    __array_ufunc__ = None  # numpy's numbers leave arithmetic with a tensor to it
    names = None
    layout = _types.LAYOUTS["strided"]
    device = CPU

    def __init__(self, data=None, *rest, dtype=None, device=None, requires_grad=False):
        if data is None:
            data = call("empty", [0], dtype=_types.default_dtype())
        elif not isinstance(data, _core.TensorBase):
            from . import _creation

            is_sizes = rest or isinstance(data, (int, SymInt, Size))
            data = _creation.empty(data, *rest) if is_sizes else _creation.tensor(data, dtype=_types.default_dtype())
        super().__init__(data)

    # ---- what it is
    dtype = property(_types.dtype_of)
    shape = property(lambda self: Size(self._sizes()))
    ndim = property(lambda self: self._rank())
    itemsize = property(lambda self: self.dtype.itemsize)
    nbytes = property(lambda self: self.numel() * self.dtype.itemsize)
    is_inference = lambda self: False  # noqa: E731
    T = property(lambda self: call("numpy_T", self))
    mT = property(lambda self: call("transpose", self, -2, -1))
    H = property(lambda self: call("transpose", self, 0, 1))
    real = property(lambda self: call("real", self) if self.dtype.is_complex else self)
    imag = property(lambda self: call("imag", self))

    @property
    def data(self):
        return self

    @data.setter
    def data(self, value):
        self._rebind(value)

    def dim(self):
        return self._rank()

    def ndimension(self):
        return self._rank()

    def size(self, dim=None):
        return Size(self._sizes()) if dim is None else self._size_at(dim)

    def _size_at(self, dim):
        rank = self._rank()
        if not -rank <= dim < rank:
            raise IndexError(f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], "
                             f"but got {dim})")
        return self._size(dim)

    def stride(self, dim=None):
        strides = self._strides()
        return strides if dim is None else strides[dim]

    def storage_offset(self):
        return 0

    def numel(self):
        return Size(self._sizes()).numel()

    nelement = numel

    def element_size(self):
        return self.dtype.itemsize

    def is_floating_point(self):
        return self.dtype.is_floating_point

    def is_complex(self):
        return self.dtype.is_complex

    def is_signed(self):
        return self.dtype.is_signed

    def is_contiguous(self, memory_format=None):
        expected = 1
        for size, stride in zip(reversed(self._sizes()), reversed(self._strides())):
            if isinstance(size, int) and size == 1:
                continue
            if not (stride is expected or bool(stride == expected)):
                return False
            expected = expected * size
        return True

    def get_device(self):
        return -1

    def data_ptr(self):
        return self._key()

    def untyped_storage(self):
        return Storage(self)

    storage = untyped_storage

    def __len__(self):
        if self._rank() == 0:
            raise TypeError("len() of a 0-d tensor")
        size = self._size(0)
        return size if isinstance(size, int) else operator.index(size)

    def __hash__(self):
        return id(self)

    def __repr__(self):
        return f"tensor(sizes={list(self._sizes())}, dtype={self.dtype})"

    def __format__(self, spec):
        return format(self.item(), spec) if self._rank() == 0 and spec else repr(self)

    def __iter__(self):
        if self._rank() == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(call("unbind", self, 0)) if isinstance(self._size(0), int) else iter(
            [self[i] for i in range(operator.index(self._size(0)))])

    def __deepcopy__(self, memo):
        copy = type(self)(self.clone()) if type(self) is not Tensor else self.clone()
        copy.__dict__.update(self.__dict__)
        memo[id(self)] = copy
        return copy

    # ---- values, where they do not depend on the inputs
    def _values(self):
        values = _state.core.values(self)
        if values is None:
            raise DataDependentError(f"{caller()}: the values of a tensor that depends on the inputs are needed")
        return values

    def item(self):
        values = _state.core.values(self)
        if values is None and not self.dtype.is_floating_point and not self.dtype.is_complex:
            return _state.core.item(self.long())  # a number that the run defines; 0 or 1 for a truth
        values = self._values() if values is None else values
        if len(values) != 1:
            raise RuntimeError(f"a Tensor with {len(values)} elements cannot be converted to Scalar")
        return values[0]

    def tolist(self):
        if self._rank() == 0:
            return self.item()
        values = _state.core.values(self)
        if values is None and self._rank() <= 2 and isinstance(self._size(0), SymInt):
            return Numbers(self) if self._rank() == 1 else Table(self)
        if values is None:
            return [self[i].tolist() for i in range(operator.index(self._size(0)))]
        values = iter(values)

        def build(sizes):
            return [build(sizes[1:]) for _ in range(sizes[0])] if sizes else next(values)

        return build(list(self._sizes()))

    def numpy(self, *args, **kwargs):
        import numpy

        data = _state.core.bytes(self.float() if self.dtype.name == "bfloat16" else self)
        if data is None:
            raise DataDependentError(f"{caller()}: the values of a tensor that depends on the inputs are needed")
        name = "float32" if self.dtype.name == "bfloat16" else self.dtype.name
        return numpy.frombuffer(data, dtype=name).reshape(self._sizes()).copy()

    def __array__(self, dtype=None, copy=None):
        array = self.numpy()
        return array if dtype is None else array.astype(dtype)

    def __bool__(self):
        return bool(self.item())

    def __int__(self):
        return int(self.item())

    def __float__(self):
        return float(self.item())

    def __index__(self):
        if self.dtype.is_floating_point:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __contains__(self, value):
        return bool(call("any", call("eq", self, value)))

    # ---- dtypes and places
    def to(self, *args, dtype=None, device=None, copy=False, memory_format=None, non_blocking=False, other=None):
        for value in (*args, other):
            if isinstance(value, _types.dtype):
                dtype = value
            elif isinstance(value, Tensor):
                dtype = value.dtype
        if dtype is None or dtype is self.dtype:
            return self.clone() if copy else self
        return call("to", self, dtype, False, copy)

    def type(self, dtype=None, non_blocking=False, **kwargs):
        if dtype is None:
            return "torch." + {"float32": "FloatTensor", "int64": "LongTensor"}.get(self.dtype.name, self.dtype.name)
        if isinstance(dtype, str):
            dtype = _types.DTYPES[{"FloatTensor": "float32", "LongTensor": "int64", "BoolTensor": "bool"}.get(
                dtype.rpartition(".")[2], dtype.rpartition(".")[2])]
        return self.to(getattr(dtype, "_dtype", dtype))

    def type_as(self, other):
        return self.to(other.dtype)

    def cpu(self, *args, **kwargs):
        return self

    cuda = pin_memory = cpu

    def detach(self):
        return call("detach", self)

    def detach_(self):
        return self

    def requires_grad_(self, requires_grad=True):
        self.requires_grad = requires_grad
        return self

    def backward(self, *args, **kwargs):
        raise NotImplementedError("training is not exported: there are no gradients")

    def register_hook(self, hook):
        return None

    def share_memory_(self):
        return self

    def is_shared(self):
        return False

    def resolve_conj(self):
        return self

    def apply_(self, function):
        raise NotImplementedError("Tensor.apply_ needs the tensor's values")

    # ---- shapes
    def view(self, *sizes, dtype=None):
        if sizes and isinstance(sizes[0], _types.dtype):
            dtype = sizes[0]
        if dtype is not None:
            return self if dtype is self.dtype else call("view", self, dtype)
        return _resized("view", self, _sizes(sizes))

    def reshape(self, *sizes, shape=None):
        return _resized("reshape", self, _sizes(sizes) if shape is None else list(shape))

    def expand(self, *sizes, size=None, implicit=False):
        return call("expand", self, _sizes(sizes) if size is None else list(size))

    def permute(self, *dims, **kwargs):
        return call("permute", self, _sizes(dims) if dims else list(kwargs["dims"]))

    def repeat(self, *sizes, repeats=None):
        return call("repeat", self, _sizes(sizes) if repeats is None else list(repeats))

    def tile(self, *dims):
        return call("tile", self, _sizes(dims))

    def flip(self, *dims, **kwargs):
        return call("flip", self, _sizes(dims) if dims else list(kwargs["dims"]))

    def new_tensor(self, data, dtype=None, device=None, requires_grad=False):
        from . import _creation

        return _creation.tensor(data, dtype=dtype or self.dtype)

    def new(self, *sizes, **kwargs):
        from . import _creation

        return _creation.empty(*sizes, dtype=self.dtype) if sizes else _creation.empty(0, dtype=self.dtype)

    def __getitem__(self, index):
        from ._indexing import get_item

        return get_item(self, index)

    def __setitem__(self, index, value):
        from ._indexing import set_item

        set_item(self, index, value)

    def where(self, condition, other):
        return call("where", condition, self, other)

    def index_fill(self, dim, index, value):
        return self.clone().index_fill_(dim, index, value)

    def normal_(self, mean=0.0, std=1.0, *, generator=None):
        return self.copy_(call("randn", self.shape, dtype=self.dtype) * std + mean)

    # ---- operators
    def __neg__(self):
        return call("neg", self)

    def __pos__(self):
        return self

    def __abs__(self):
        return call("abs", self)

    def __invert__(self):
        return call("bitwise_not", self)

    def __rsub__(self, other):
        return call("rsub", self, _as_operand(other))

    def __rtruediv__(self, other):
        return call("mul", call("reciprocal", self), _as_operand(other))

    def __rpow__(self, other):
        return call("pow", other, self)

    def __rfloordiv__(self, other):
        return call("floor_divide", call("full_like", self, other), self)

    def __rmod__(self, other):
        return call("remainder", other, self)

    def __matmul__(self, other):
        return call("matmul", self, other)

    def __rmatmul__(self, other):
        return call("matmul", other, self)

    def __lshift__(self, other):
        return call("mul", self, 2**other)

    def __rshift__(self, other):
        return call("floor_divide", self, 2**other)

    def __torch_function__(self, *args, **kwargs):
        return NotImplemented

    @classmethod
    def _make_subclass(cls, kind, data, requires_grad=False):
        return kind(data)


def _sizes(args):
    """`view(2, 3)` and `view((2, 3))` alike."""
    if len(args) == 1 and isinstance(args[0], (tuple, list)):
        return list(args[0])
    return list(args)


def _resized(op, tensor, sizes):
    """A view in which -1 is spelled out where a run may have no elements, which would not tell what it stands for."""
    result = call(op, tensor, sizes)
    open_dim = next((dim for dim, size in enumerate(sizes) if isinstance(size, int) and size == -1), None)
    may_be_empty = any(isinstance(size, SymInt) and (size >= 1) is not True for size in sizes)
    if open_dim is None or not may_be_empty or not isinstance(result.shape[open_dim], int):
        return result
    return call(op, tensor, [*sizes[:open_dim], result.shape[open_dim], *sizes[open_dim + 1:]])


class Storage:
    """Identity of a tensor's memory, which is all that code asks of it."""

    def __init__(self, tensor):
        self._tensor = tensor

    def data_ptr(self):
        return self._tensor._key()

    def nbytes(self):
        return self._tensor.nbytes

    size = nbytes
    device = CPU


def _binary(op):
    def method(self, other):
        if other is None or isinstance(other, (str, list, tuple)):
            return NotImplemented
        return call(op, self, _as_operand(other))

    return method


def _as_operand(number):
    return number.tensor() if isinstance(number, SymFloat) else number


def _reverse(op):
    def method(self, other):
        return call(op, self, _as_operand(other))

    return method


def _in_place(op):
    def method(self, other):
        call(op, self, _as_operand(other))
        return self

    return method


for _name, _op in {"add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "floordiv": "floor_divide",
                   "mod": "remainder", "pow": "pow", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
                   "lt": "lt", "le": "le", "gt": "gt", "ge": "ge", "eq": "eq", "ne": "ne"}.items():
    setattr(Tensor, f"__{_name}__", _binary(_op))
for _name, _op in {"add": "add", "mul": "mul", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor"}.items():
    setattr(Tensor, f"__r{_name}__", _reverse(_op))
for _name, _op in _INPLACE_OPERATORS.items():
    setattr(Tensor, f"__i{_name}__", _in_place(_op))


def _cast(name):
    def method(self, memory_format=None):
        return self.to(DTYPES[name])

    return method


for _method, _name in {"float": "float32", "double": "float64", "half": "float16", "bfloat16": "bfloat16",
                       "long": "int64", "int": "int32", "short": "int16", "char": "int8", "byte": "uint8",
                       "bool": "bool", "cfloat": "complex64"}.items():
    setattr(Tensor, _method, _cast(_name))


def _op_method(name):
    def method(self, *args, **kwargs):
        return _state.core.call(name, (self, *args), kwargs)

    method.__name__ = name
    return method


def _written_method(name):
    """`x.foo_()` for an op that the registry knows in its functional form only."""

    def method(self, *args, **kwargs):
        return self.copy_(getattr(self, name)(*args, **kwargs))

    method.__name__ = name + "_"
    return method


def install(core):
    """Gives Tensor a method for each op of the registry."""
    for name in core.op_names:
        if name.isidentifier() and name not in Tensor.__dict__:
            setattr(Tensor, name, _op_method(name))
    for name in core.op_names:
        if not name.endswith("_") and name + "_" not in Tensor.__dict__:
            setattr(Tensor, name + "_", _written_method(name))
