"""Ops of one tensor (ops/pointwise_unary.cpp)."""

import math

from op_row import FLOATS, INTS, Row, T

NAN, INF = float("nan"), float("inf")
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 1.5, 2.5, 88.0, -88.0, 1e-6, -1e-6, 30.0, INF, -INF, NAN]


def shapes(op, dtypes, **options):
    """Contiguous, transposed, strided, expanded and 0-d inputs of one op; odd values where floats are taken."""
    yield Row(op, T("*", "b", "s", 4, **options), dtypes=dtypes)
    yield Row(op, T("f32", "b", "s", "n", order=(0, 2, 1), **options))
    yield Row(op, T("f32", "s", "n", step=2, **options))
    yield Row(op, T("f32", "s", "n", expand=(0,), **options))
    yield Row(op, T("f32", **options))


def family(ops, dtypes, **options):
    return [row for op in ops for row in shapes(op, dtypes, **options)]


ROWS = [
    *family(("abs", "neg", "floor", "ceil", "round", "trunc", "nan_to_num"), (*FLOATS, *INTS)),
    *family(("sign", "sgn", "isnan", "isinf", "isfinite", "logical_not", "isposinf", "isneginf", "signbit", "square"),
        (*FLOATS, *INTS, "bool")),
    *family(("frac",), FLOATS),
    *family(("exp", "exp2", "expm1", "sigmoid", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh", "asinh", "erf",
          "erfc", "deg2rad"), (*FLOATS, "i64", "bool")),
    *family(("log", "log2", "log10", "log1p", "sqrt", "rsqrt", "reciprocal"), (*FLOATS, "i64", "bool"), low=1, high=9),
    *family(("asin", "acos", "atanh"), (*FLOATS, "i32", "bool"), low=-1, high=0),
    *family(("acosh",), (*FLOATS, "i32"), low=1, high=4),
    *family(("logit",), ("f32", "f64"), low=0.1, high=0.9),
    # torch rounds x / (1 - x) to 16 bits before the logarithm.
    Row("logit", T("*", "b", "s", low=0.1, high=0.9), dtypes=("f16", "bf16"), rtol=2e-2, atol=2e-2),
    Row("bitwise_not", T("*", "b", "s"), dtypes=(*INTS, "bool")),
    Row("bitwise_not", T("i64", "b", "s", order=(1, 0))),
    Row("bitwise_not", T("f32", "b", "s"), raises=True),
    Row("neg", T("bool", "b"), raises=True),
    Row("nan_to_num", T("*", 16, values=SPECIAL), dtypes=FLOATS),
    Row("nan_to_num", T("f32", "s", values=SPECIAL), 1.5, 7.0, -7.0),
    Row("round.decimals", T("*", "b", "s"), decimals=2, dtypes=("f32", "f64")),
    Row("round.decimals", T("f32", "b", "s", low=-4000.0, high=4000.0), decimals=-2),
    Row("logit", T("f32", "b", "s", low=-0.5, high=1.5), 0.125),
    *[Row(op, T("f32", 16, values=SPECIAL))
      for op in ("abs", "neg", "floor", "ceil", "round", "trunc", "sign", "isnan", "isinf", "isfinite",
                                                       "isposinf", "isneginf", "logical_not", "exp", "expm1",
                                                       "sigmoid", "tanh", "erf", "atan",
                                                       "log", "log1p", "sqrt", "rsqrt", "reciprocal", "square",
                                                             "signbit")],
    # Long enough for several blocks and threads.
    Row("exp", T("f32", "n", 20011), sets=({"n": 5}, {"n": 2})),
    Row("tanh", T("f32", "n", 3001, order=(1, 0)), sets=({"n": 30}, {"n": 2})),
    Row("cos", T("f32", "s", 32, low=-math.pi * 100, high=math.pi * 100)),
]  # fmt: skip
