"""Rows of the op tables: one op call with symbolic sizes, as torch runs it and as op_runner reads it.

    Row("add.Tensor", T("f32", "b", 4), T("f32", 4), alpha=2)

Sizes are numbers, symbols or expressions ("2*b"); a number argument that depends on a size is S("b + 1").
"""

import hashlib
import itertools
import re
from dataclasses import dataclass, field

import torch

DTYPES = {
    "f32": torch.float32, "f64": torch.float64, "f16": torch.float16, "bf16": torch.bfloat16,
    "i64": torch.int64, "i32": torch.int32, "i16": torch.int16, "i8": torch.int8, "u8": torch.uint8, "bool": torch.bool,
    "c64": torch.complex64,
}  # fmt: skip
FLOATS = ("f32", "f64", "f16", "bf16")
INTS = ("i64", "i32", "u8")

# What the symbols are in the runs, unless a row says otherwise. In the second run a batch of 1: it is not special.
SETS = (
    {"b": 2, "s": 6, "n": 4, "m": 5, "h": 3, "k": 7},
    {"b": 1, "s": 9, "n": 7, "m": 2, "h": 4, "k": 3},
)


def floordiv(a, b):
    return a // b


def evaluate(expression, sizes):
    """A size under one set of symbol values."""
    if isinstance(expression, str):
        functions = {"floordiv": floordiv, "mod": lambda a, b: a % b, "max": max, "min": min}
        return eval(expression, functions, dict(sizes))  # noqa: S307
    return expression


def symbols_in(expression):
    if not isinstance(expression, str):
        return set()
    return set(re.findall(r"[a-z]\w*", expression)) - {"floordiv", "mod", "max", "min"}


@dataclass
class S:
    """An integer argument that depends on sizes."""

    expression: str


class T:
    """A tensor input.

    dtype     a name of DTYPES, or "*" for the row's dtypes in turn
    order     its dims from the outermost to the innermost in memory (a transposed tensor); default: row-major
    step      elements between neighbours of the innermost dim (a strided slice)
    expand    dims of stride 0
    low, high bounds of random integers, or of uniform random floats; default: normal floats, integers in [-5, 5]
    values    the elements themselves, repeated as needed
    distinct  no two elements are equal
    """

    def __init__(self, dtype, *sizes, order=None, step=1, expand=(), low=None, high=None, values=None, distinct=False):
        self.dtype, self.sizes = dtype, list(sizes)
        self.order = tuple(order) if order is not None else tuple(range(len(sizes)))
        self.step, self.expand = step, tuple(expand)
        self.low, self.high, self.values, self.distinct = low, high, values, distinct

    def with_dtype(self, name):
        copy = T.__new__(T)
        copy.__dict__.update(self.__dict__)
        copy.dtype = name if self.dtype == "*" else self.dtype
        return copy

    def strides(self):
        """One expression for each dim."""
        strides, inner = [0] * len(self.sizes), [str(self.step)]
        for dim in reversed(self.order):
            if dim in self.expand:
                continue
            strides[dim] = "*".join(inner)
            inner.append(f"({self.sizes[dim]})")
        return strides

    def make(self, sizes, generator):
        """The storage and the tensor on it."""
        shape = [evaluate(size, sizes) for size in self.sizes]
        strides = [evaluate(stride, sizes) for stride in self.strides()]
        count = 1 + sum((size - 1) * stride for size, stride in zip(shape, strides)) if 0 not in shape else 0
        storage = self.elements(max(count, 0), generator)
        return storage, storage.as_strided(shape, strides)

    def elements(self, count, generator):
        dtype = DTYPES[self.dtype]
        if self.values is not None:
            repeated = list(itertools.islice(itertools.cycle(self.values), count))
            return torch.tensor(repeated, dtype=dtype)
        if self.distinct:
            return torch.randperm(count, generator=generator).sub(0 if dtype == torch.uint8 else count // 2).to(dtype)
        if dtype == torch.bool:
            return torch.randint(0, 2, (count,), generator=generator).bool()
        if not dtype.is_floating_point and not dtype.is_complex:
            low = self.low if self.low is not None else -5
            low = max(low, 0) if dtype == torch.uint8 else low
            high = self.high if self.high is not None else low + 10
            return torch.randint(low, high + 1, (count,), generator=generator, dtype=dtype)
        if self.low is not None or self.high is not None:
            low, high = self.low if self.low is not None else 0.0, self.high if self.high is not None else 1.0
            return (torch.rand(count, generator=generator, dtype=torch.float64) * (high - low) + low).to(dtype)
        return (torch.randn(count, generator=generator, dtype=torch.float64) * 2).to(dtype)


class Row:
    """One call of `op` (ATen name without namespace). Keyword arguments are the op's own; these have a meaning here:

    dtypes     names that stand for "*" in the inputs, one row each
    rtol, atol tolerances in place of those of the dtype
    sets       the values of the symbols in each run
    symbols    bounds: {"b": {"min": 2, "max": 8, "divisor": 2}}
    raises     torch refuses this call, and so must we
    refused    we refuse it though torch does not: a part of our message
    unordered  values of these outputs may differ (ties, unspecified order)
    decomposes False: the decomposition is not compared (say why beside the row)
    strides    False: strides are not compared (say why beside the row)
    inplace    False: no row for the in-place form is derived
    """

    OPTIONS = ("dtypes", "rtol", "atol", "sets", "symbols", "raises", "refused", "unordered", "decomposes", "strides",
               "inplace")  # fmt: skip

    def __init__(self, op, *args, **kwargs):
        self.op = op
        self.options = {name: kwargs.pop(name) for name in self.OPTIONS if name in kwargs}
        # An op's own argument of such a name is written with an underscore at its end.
        self.args = list(args)
        self.kwargs = {name.rstrip("_"): value for name, value in kwargs.items()}


@dataclass
class Case:
    """A row with one dtype filled in."""

    id: str
    op: str
    args: list
    kwargs: dict
    options: dict
    inputs: list = field(default_factory=list)

    @property
    def sets(self):
        return self.options.get("sets", SETS)

    def torch_op(self):
        name, _, overload = self.op.partition(".")
        return getattr(getattr(torch.ops.aten, name), overload or "default")

    def generator(self, number):
        digest = hashlib.sha256(f"{self.id}/{number}".encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))

    def make_inputs(self, number):
        """[(storage, tensor)] of one set of sizes."""
        generator = self.generator(number)
        return [each.make(self.sets[number], generator) for each in self.inputs]

    def call_torch(self, number, tensors):
        """What torch returns, as a list."""

        def real(value):
            if isinstance(value, T):
                return tensors[next(i for i, each in enumerate(self.inputs) if each is value)]
            if isinstance(value, S):
                return evaluate(value.expression, self.sets[number])
            if isinstance(value, (list, tuple)):
                return [real(item) for item in value]
            return value

        with torch.no_grad():
            named = {name: real(value) for name, value in self.kwargs.items()}
            result = self.torch_op()(*map(real, self.args), **named)
        return list(result) if isinstance(result, (list, tuple)) else [result]

    def to_json(self):
        symbols = {name: {} for each in self.inputs for size in each.sizes for name in sorted(symbols_in(size))}
        for expression in self.expressions():
            symbols.update({name: {} for name in sorted(symbols_in(expression))})
        symbols.update(self.options.get("symbols", {}))
        types = {argument.name: argument for argument in self.torch_op()._schema.arguments}
        ordered = [*types.values()] + [None] * len(self.args)
        return {
            "id": self.id,
            "op": "aten::" + self.op,
            "symbols": symbols,
            "sets": list(self.sets),
            "args": [self._argument(value, schema) for value, schema in zip(self.args, ordered)],
            "kwargs": {name: self._argument(value, types.get(name)) for name, value in self.kwargs.items()},
            "inputs": [
                {
                    "dtype": str(DTYPES[each.dtype]).removeprefix("torch."),
                    "sizes": each.sizes,
                    "strides": each.strides(),
                    "data": [f"{self.id}/{number}/{i}" for number in range(len(self.sets))],
                }
                for i, each in enumerate(self.inputs)
            ],
        }

    def expressions(self):
        return list(self._expressions(self.args + list(self.kwargs.values())))

    def _expressions(self, values):
        for value in values:
            if isinstance(value, S):
                yield value.expression
            elif isinstance(value, (list, tuple)):
                yield from self._expressions(value)

    def _argument(self, value, schema):
        kind = str(schema.type) if schema else ""
        if value is None:
            return {"none": True}
        if isinstance(value, T):
            return {"tensor": next(i for i, each in enumerate(self.inputs) if each is value)}
        if isinstance(value, S):
            return {"int": value.expression}
        if isinstance(value, bool):
            return {"bool": value}
        if isinstance(value, int):
            return {"int": value}
        if isinstance(value, float):
            return {"float": value if value == value and abs(value) != float("inf") else str(value)}
        if isinstance(value, str):
            return {"str": value}
        if isinstance(value, torch.dtype):
            return {"dtype": str(value).removeprefix("torch.")}
        if isinstance(value, torch.memory_format):
            return {"memory_format": str(value).removeprefix("torch.")}
        if isinstance(value, torch.device):
            return {"device": str(value)}
        if isinstance(value, torch.layout):
            return {"layout": str(value)}
        assert isinstance(value, (list, tuple)), value
        if any(isinstance(item, T) for item in value) or "Tensor" in kind:
            return {"tensors": [None if item is None else self._argument(item, None)["tensor"] for item in value]}
        if value and all(isinstance(item, bool) for item in value):
            return {"bools": list(value)}
        if any(isinstance(item, float) for item in value):
            return {"floats": list(value)}
        return {"ints": [item.expression if isinstance(item, S) else item for item in value]}


def cases_of(rows):
    """Rows with every dtype, named by op and number."""
    counts = {}
    for row in rows:
        for dtype in row.options.get("dtypes", (None,)):
            number = counts[row.op] = counts.get(row.op, -1) + 1
            inputs = []

            def fill(value):
                if isinstance(value, T):
                    inputs.append(value.with_dtype(dtype))
                    return inputs[-1]
                if isinstance(value, (list, tuple)):
                    return [fill(item) for item in value]
                return value

            args = [fill(value) for value in row.args]
            kwargs = {name: fill(value) for name, value in row.kwargs.items()}
            yield Case(f"{row.op}-{number}" + (f"-{dtype}" if dtype else ""), row.op, args, kwargs, row.options, inputs)
