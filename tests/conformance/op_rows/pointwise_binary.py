"""Ops of two operands (ops/pointwise_binary.cpp)."""

from op_row import FLOATS, INTS, Row, S, T

NAN, INF = float("nan"), float("inf")
PAIRS = (("f32", "i64"), ("i32", "f16"), ("f16", "bf16"), ("f64", "f32"), ("bool", "i32"), ("u8", "i8"),
    ("i32", "i64"), ("bool", "f32"), ("bf16", "f32"))
ODD = [0.0, -0.0, 1.0, -1.0, 2.0, -2.5, 0.5, INF, -INF, NAN, 3.0]
ODDER = [1.0, 0.0, -0.0, 2.0, -3.0, 0.5, INF, -INF, NAN, 4.0, -1.0, 7.0, 2.5]


def tensor_rows(op, dtypes, left={}, right={}, pairs=PAIRS, shapes=True, **options):
    """Two tensors: every dtype, mixed dtypes, broadcasting, layouts, 0-d."""
    yield Row(op, T("*", "b", "s", 4, **left), T("*", "b", "s", 4, **right), dtypes=dtypes, **options)
    for a, b in pairs:
        yield Row(op, T(a, "b", "s", **left), T(b, "b", "s", **right), **options)
        yield Row(op, T(a, "b", "s", **left), T(b, **right), **options)
        yield Row(op, T(a, **left), T(b, "b", "s", **right), **options)
    if not shapes:
        return
    one = dtypes[0]
    yield Row(op, T(one, "b", 1, "s", **left), T(one, "n", 1, **right), **options)
    yield Row(op, T(one, "n", **left), T(one, "b", "s", "n", **right), inplace=False, **options)
    yield Row(op, T(one, "b", "s", "n", order=(0, 2, 1), **left), T(one, "b", "s", "n", order=(0, 2, 1), **right),
        **options)
    yield Row(op, T(one, "b", "s", "n", order=(2, 0, 1), **left), T(one, "b", "s", "n", **right), **options)
    yield Row(op, T(one, "b", "s", "n", **left), T(one, "b", "s", "n", order=(1, 2, 0), **right), **options)
    yield Row(op, T(one, "b", "s", "n", order=(0, 2, 1), **left), T(one, "n", **right), **options)
    yield Row(op, T(one, "b", "s", step=3, **left), T(one, "b", "s", expand=(0,), **right), **options)
    yield Row(op, T(one, **left), T(one, **right), **options)
    yield Row(op, T(one, "b", 3, **left), T(one, "b", 4, **right), raises=True)


def scalar_rows(op, dtypes, numbers, left={}, **options):
    for number in numbers:
        yield Row(op, T("*", "b", "s", **left), number, dtypes=dtypes, **options)
    yield Row(op, T(dtypes[0], "b", "s", "n", order=(1, 2, 0), **left), numbers[0], **options)
    yield Row(op, T(dtypes[0], **left), numbers[0], **options)


NONZERO = {"low": 1, "high": 6}
ALL = (*FLOATS, *INTS, "bool")
NUMBERS = (*FLOATS, *INTS)
NO_BOOL = tuple(pair for pair in PAIRS if "bool" not in pair)
REALS = (("f32", "i64"), ("i32", "f16"), ("f64", "f32"), ("bool", "f32"))
WHOLE = (("u8", "i8"), ("i32", "i64"), ("bool", "i32"))

ROWS = [
    *tensor_rows("add.Tensor", ALL),
    *tensor_rows("mul.Tensor", ALL),
    *tensor_rows("sub.Tensor", NUMBERS, pairs=NO_BOOL),
    *tensor_rows("rsub.Tensor", NUMBERS, pairs=NO_BOOL),
    *[Row(op, T(a, "b"), T(b, "b"), raises=True) for op in ("sub.Tensor", "rsub.Tensor")
        for a, b in (("bool", "i32"), ("f32", "bool"), ("bool", "bool"))],
    Row("sub.Scalar", T("i64", "b"), True, raises=True),
    *scalar_rows("add.Scalar", ALL, (2, 0.3, True)),
    *scalar_rows("mul.Scalar", ALL, (2, 0.3, True)),
    *scalar_rows("sub.Scalar", NUMBERS, (2, 0.3)),
    *scalar_rows("rsub.Scalar", NUMBERS, (2, 0.3), rtol=1.6e-2, atol=1e-2),
    Row("add.Tensor", T("*", "b", "s"), T("*", "s"), alpha=3, dtypes=NUMBERS),
    Row("add.Tensor", T("f32", "b", "s"), T("f32", "s"), alpha=-0.25),
    Row("add.Tensor", T("i64", "b", "s"), T("i64", "s"), alpha=0.5, raises=True),
    Row("add.Scalar", T("i64", "b", "s"), S("s")),
    Row("add.Scalar", T("f32", "b", "s"), S("2*s - b")),
    Row("mul.Scalar", T("i64", "b", "s"), S("s")),
    Row("sub.Tensor", T("f32", "b", "s"), T("f32", "s"), alpha=2),
    Row("rsub.Scalar", T("f32", "b", "s"), 1.5, 2),
    Row("add.Tensor", T("f32", "b", 1000), T("f32", 1000), sets=({"b": 90}, {"b": 3})),
    Row("mul.Tensor", T("f32", "b", "h", "s", 64, order=(0, 2, 1, 3)), T("f32", "s", 64),
        sets=({"b": 2, "h": 3, "s": 300}, {"b": 1, "h": 2, "s": 7})),
    Row("mul.Tensor", T("f32", "b", "s", 700), T("f32", "b", "s", 1), sets=({"b": 2, "s": 60}, {"b": 1, "s": 7})),
    *[Row(op + ".Tensor", T(dtype, "b", "s", 1), T(dtype, "s", "n"),
          sets=({"b": 2, "s": 3, "n": 4}, {"b": 1, "s": 3, "n": 5}))
        for op in ("add", "sub", "mul") for dtype in ("i64", "f32")],
    # Division.
    *tensor_rows("div.Tensor", ALL, right=NONZERO),
    *scalar_rows("div.Scalar", ALL, (2, 0.3)),
    Row("div.Tensor", T("f32", 11, values=ODD), T("f32", 13, 1, values=ODDER)),
    *[row for mode in ("floor", "trunc") for row in (
        Row("div.Tensor_mode", T("*", "b", "s"), T("*", "b", "s", low=1, high=4), rounding_mode=mode, dtypes=NUMBERS),
        Row("div.Tensor_mode", T("*", "b", "s"), T("*", "b", "s", values=[-3, 2, -1]), rounding_mode=mode,
            dtypes=("i64", "i32", "f32")),
        Row("div.Tensor_mode", T("f32", 11, values=ODD), T("f32", 13, 1, values=ODDER), rounding_mode=mode,
            inplace=False),
        Row("div.Tensor_mode", T("i64", "b"), T("i64", values=[0]), rounding_mode=mode, raises=True),
        Row("div.Scalar_mode", T("*", "b", "s"), 3, rounding_mode=mode, dtypes=NUMBERS),
        Row("div.Scalar_mode", T("i64", "b", "s"), 1.5, rounding_mode=mode),
    )],
    Row("div.Tensor_mode", T("i64", "b", "s"), T("i64", "s", low=1, high=4), rounding_mode=None),
    Row("div.Scalar_mode", T("i64", "b", "s"), 4, rounding_mode=None),
    Row("div.Tensor_mode", T("i64", "b", "s"), T("i64", "s"), rounding_mode="up", raises=True),
    *tensor_rows("floor_divide", NUMBERS, right=NONZERO, pairs=REALS),
    *scalar_rows("floor_divide.Scalar", NUMBERS, (2, -3)),
    Row("floor_divide", T("i64", "b"), T("i64", values=[0]), raises=True),
    *tensor_rows("remainder.Tensor", NUMBERS, right=NONZERO, pairs=REALS),
    *scalar_rows("remainder.Scalar", NUMBERS, (3,)),
    *scalar_rows("remainder.Scalar", ("f32", "i64"), (-3, 1.5)),
    Row("remainder.Scalar_Tensor", 7, T("*", "b", "s", low=1, high=5), dtypes=NUMBERS),
    Row("remainder.Tensor", T("f32", 11, values=ODD), T("f32", 13, 1, values=ODDER), inplace=False),
    Row("remainder.Tensor", T("i64", "b"), T("i64", values=[0]), raises=True),
    *tensor_rows("fmod.Tensor", NUMBERS, right=NONZERO, pairs=REALS),
    *scalar_rows("fmod.Scalar", NUMBERS, (3,)),
    Row("fmod.Tensor", T("f32", 11, values=ODD), T("f32", 13, 1, values=ODDER), inplace=False),
    # Powers.
    *tensor_rows("pow.Tensor_Tensor", NUMBERS, left={"low": 1, "high": 4}, right={"low": 0, "high": 3}, pairs=REALS),
    *[Row("pow.Tensor_Scalar", T("*", "b", "s", low=1, high=4), number, dtypes=FLOATS)
        for number in (2, 3, 0.5, -0.5, -1, -2, 0, 1, 2.5)],
    Row("pow.Tensor_Scalar", T("f32", 11, values=ODD), 2), Row("pow.Tensor_Scalar", T("f32", 11, values=ODD), 3),
    Row("pow.Tensor_Scalar", T("f32", 11, values=ODD), 0.5), Row("pow.Tensor_Scalar", T("f32", 11, values=ODD), 1.5),
    *[Row("pow.Tensor_Scalar", T("*", "b", "s"), number, dtypes=("i64", "i32", "u8")) for number in (0, 1, 2, 3, 5)],
    Row("pow.Tensor_Scalar", T("i64", "b", "s"), 0.5), Row("pow.Tensor_Scalar", T("bool", "b"), 2),
    Row("pow.Tensor_Scalar", T("i64", "b", "s"), -1, raises=True),
    Row("pow.Tensor_Scalar", T("f32", "b", "s", "n", order=(0, 2, 1)), 2),
    Row("pow.Tensor_Tensor", T("i64", "b", "s"), T("i64", "s", low=-3, high=70)),  # wraps around
    Row("pow.Tensor_Scalar", T("i64", "b", "s", low=-9, high=9), 41),
    Row("pow.Tensor_Tensor", T("i64", 6, values=[10**9 + 7, 3, 2, -1, 1, 5]), T("i64", 6, values=[7, 40, 63, 5, 9, 0])),
    Row("pow.Tensor_Tensor", T("i64", values=[10**9 + 7]), T("i64", 6, values=[0, 1, 2, 3, 4, 5])),
    Row("remainder.Scalar", T("i64", 5, values=[10**18 + 9, -(10**18) - 9, 2**62 + 1, 7, -7]), 60),
    Row("mul.Tensor", T("i64", 5, values=[10**18 + 9, -(10**18) - 9, 2**62 + 1, 7, -7]), T("i64", 1, values=[5])),
    Row("pow.Scalar", 2, T("*", "b", "s", low=0, high=4), dtypes=NUMBERS),
    Row("pow.Scalar", 10000.0, T("*", "b", "s"), dtypes=("f32", "f64", "i64"), rtol=1e-4),
    Row("pow_.Scalar", T("f32", "b", "s"), 2), Row("pow_.Tensor", T("f32", "b", "s"), T("f32", "s")),
    Row("floor_divide_.Tensor", T("f32", "b", "s"), T("f32", "s")),
    # Extremes and functions of two floats.
    *[row for op in ("maximum", "minimum", "max.other", "min.other", "fmax", "fmin") for row in (
        *tensor_rows(op, ALL), Row(op, T("f32", 11, values=ODD), T("f32", 13, 1, values=ODDER)))],
    *tensor_rows("atan2", (*FLOATS, "i64"), pairs=REALS),
    *tensor_rows("hypot", ("f32", "f64"), pairs=()),
    *tensor_rows("logaddexp", ("f32", "f64"), pairs=()),
    Row("logaddexp", T("f32", 11, values=ODD), T("f32", 13, 1, values=ODDER)),
    # Bits and logic.
    *[row for op in ("bitwise_and", "bitwise_or", "bitwise_xor", "__and__", "__or__", "__xor__") for row in (
        *tensor_rows(op + ".Tensor", (*INTS, "bool"), pairs=WHOLE), *scalar_rows(op + ".Scalar", INTS, (3,)),
        Row(op + ".Scalar", T("bool", "b"), True), Row(op + ".Tensor", T("f32", "b"), T("f32", "b"), raises=True))],
    *[Row(op + ".Scalar_Tensor", 5, T("*", "b", "s"), dtypes=INTS)
        for op in ("bitwise_and", "bitwise_or", "bitwise_xor")],
    *[row for op in ("logical_and", "logical_or", "logical_xor") for row in tensor_rows(op, ALL)],
    # Other names.
    *[row for op in ("true_divide", "divide", "multiply", "subtract") for row in (
        *tensor_rows(op + ".Tensor", ("f32", "i64"), right=NONZERO, pairs=()), *scalar_rows(op + ".Scalar", ("f32",
              "i64"), (2,)))],
]  # fmt: skip
