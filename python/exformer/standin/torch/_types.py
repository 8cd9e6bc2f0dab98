"""dtypes, devices, layouts, memory formats and sizes."""

class dtype:
    """One of torch's element types. `code` is its number in the tracer, None for a type that no op here takes."""

    def __init__(self, name, itemsize, category, code):
        self.name, self.itemsize, self.category, self.code = name, itemsize, category, code

    is_floating_point = property(lambda self: self.category == "float")
    is_complex = property(lambda self: self.category == "complex")
    is_signed = property(lambda self: self.category != "bool" and not self.name.startswith("uint"))

    def to_complex(self):
        return DTYPES["complex128" if self.name == "float64" else "complex64"]

    def to_real(self):
        return DTYPES[{"complex64": "float32", "complex128": "float64"}.get(self.name, self.name)]

    def __repr__(self):
        return "torch." + self.name

    def __reduce__(self):
        return (_dtype_by_name, (self.name,))

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


# In the order of the tracer's own list.
_KNOWN = [
    ("bool", 1, "bool"), ("uint8", 1, "int"), ("int8", 1, "int"), ("uint16", 2, "int"), ("int16", 2, "int"),
    ("uint32", 4, "int"), ("int32", 4, "int"), ("uint64", 8, "int"), ("int64", 8, "int"),
    ("float8_e4m3fn", 1, "float"), ("float8_e5m2", 1, "float"), ("float16", 2, "float"), ("bfloat16", 2, "float"),
    ("float32", 4, "float"), ("float64", 8, "float"), ("complex64", 8, "complex"), ("complex128", 16, "complex"),
]
_OTHER = [
    ("float8_e4m3fnuz", 1, "float"), ("float8_e5m2fnuz", 1, "float"), ("float8_e8m0fnu", 1, "float"),
    ("float4_e2m1fn_x2", 1, "float"), ("complex32", 4, "complex"), ("quint8", 1, "int"), ("qint8", 1, "int"),
    ("qint32", 4, "int"), ("quint4x2", 1, "int"), ("quint2x4", 1, "int"), ("bits8", 1, "int"), ("int4", 1, "int"),
    ("uint4", 1, "int"), ("int2", 1, "int"), ("uint2", 1, "int"), ("int1", 1, "int"), ("uint1", 1, "int"),
    ("int3", 1, "int"), ("uint3", 1, "int"), ("int5", 1, "int"), ("uint5", 1, "int"), ("int6", 1, "int"),
    ("uint6", 1, "int"), ("int7", 1, "int"), ("uint7", 1, "int"),
]
DTYPES = {name: dtype(name, size, category, code) for code, (name, size, category) in enumerate(_KNOWN)}
BY_CODE = list(DTYPES.values())
DTYPES |= {name: dtype(name, size, category, None) for name, size, category in _OTHER}
ALIASES = {
    "float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int32", "short": "int16",
    "cfloat": "complex64", "cdouble": "complex128", "chalf": "complex32",
}


def _dtype_by_name(name):
    return DTYPES[name]


class device:
    """Everything lives on the CPU; other names are accepted and compared with."""

    def __init__(self, type="cpu", index=None):
        if isinstance(type, device):
            type, index = type.type, type.index
        elif isinstance(type, int):
            type, index = "cpu", type
        if ":" in type:
            type, text = type.split(":")
            index = int(text)
        self.type, self.index = type, index

    def __eq__(self, other):
        if isinstance(other, str):
            other = device(other)
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self):
        return hash((self.type, self.index))

    def __repr__(self):
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{index})"

    def __str__(self):
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return False

    def __call__(self, function):
        return function


CPU = device("cpu")


class layout:
    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return "torch." + self.name


class memory_format:
    def __init__(self, name, code):
        self.name, self.code = name, code

    def __repr__(self):
        return "torch." + self.name


MEMORY_FORMATS = {
    name: memory_format(name, code)
    for code, name in enumerate(["contiguous_format", "preserve_format", "channels_last", "channels_last_3d"])
}
LAYOUTS = {name: layout(name) for name in ("strided", "sparse_coo", "sparse_csr", "sparse_csc", "jagged", "_mkldnn")}


class Size(tuple):
    """A tensor's sizes; entries are int or SymInt."""

    def numel(self):
        count = 1
        for size in self:
            count = count * size
        return count

    def __getitem__(self, index):
        result = super().__getitem__(index)
        return Size(result) if isinstance(index, slice) else result

    def __add__(self, other):
        return Size(tuple(self) + tuple(other))

    def __radd__(self, other):
        return Size(tuple(other) + tuple(self))

    def __eq__(self, other):
        if not isinstance(other, (tuple, list)) or len(self) != len(other):
            return False
        return all(bool(a == b) for a, b in zip(self, other))

    def __ne__(self, other):
        return not self == other

    __hash__ = tuple.__hash__

    def __repr__(self):
        return f"torch.Size({list(self)})"


class finfo:
    _FACTS = {  # max, eps, smallest normal
        "float64": (1.7976931348623157e308, 2.220446049250313e-16, 2.2250738585072014e-308),
        "float32": (3.4028234663852886e38, 1.1920928955078125e-07, 1.1754943508222875e-38),
        "float16": (65504.0, 0.0009765625, 6.103515625e-05),
        "bfloat16": (3.3895313892515355e38, 0.0078125, 1.1754943508222875e-38),
        "float8_e4m3fn": (448.0, 0.125, 0.015625),
        "float8_e5m2": (57344.0, 0.25, 6.103515625e-05),
    }

    def __init__(self, type=None):
        type = type or default_dtype()
        if type.is_complex:
            type = type.to_real()
        if type.name not in self._FACTS:
            raise TypeError(f"torch.finfo() requires a floating point input type, got {type}")
        self.dtype, self.bits = type.name, type.itemsize * 8
        self.max, self.eps, self.tiny = self._FACTS[type.name]
        self.min, self.smallest_normal, self.resolution = -self.max, self.tiny, self.eps


class iinfo:
    def __init__(self, type):
        if type.category not in ("int", "bool"):
            raise TypeError(f"torch.iinfo() requires an integer input type, got {type}")
        self.dtype, self.bits = type.name, type.itemsize * 8
        self.min = -(2 ** (self.bits - 1)) if type.is_signed else 0
        self.max = 2 ** (self.bits - 1) - 1 if type.is_signed else 2**self.bits - 1


_default = [DTYPES["float32"]]


def default_dtype():
    return _default[0]


def set_default_dtype(type):
    if not type.is_floating_point:
        raise TypeError(f"only floating-point types are supported as the default type, got {type}")
    _default[0] = type


def dtype_of(tensor):
    return BY_CODE[tensor._dtype_code()]

