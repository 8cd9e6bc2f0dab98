"""Activation functions (ops/activation.cpp)."""

from op_row import FLOATS, Row, T

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, -3.0, 20.0, 21.0, -30.0, 88.0, -100.0, float("inf"), float("-inf"),
      float("nan")]
PLAIN = ("relu", "silu", "gelu", "hardsigmoid", "hardswish", "hardtanh", "relu6", "leaky_relu", "elu", "softplus",
      "mish", "log_sigmoid", "selu",
         "celu", "hardshrink", "softshrink")  # fmt: skip


def rows(op):
    yield Row(op, T("*", "b", "s", 4), dtypes=FLOATS, **SIXTEEN.get(op, {}))
    yield Row(op, T("f32", "b", "s", "n", order=(0, 2, 1)))
    yield Row(op, T("f32", "s", "n", step=2))
    yield Row(op, T("f32", "s", "n", expand=(1,)))
    yield Row(op, T("f32"))
    # An infinite input is a NaN in one form and a limit in the other for some; all have a row of their own below.
    # torch's exact gelu makes NaN of infinity.
    special = SPECIAL[:13] if op == "gelu" else SPECIAL
    yield Row(op, T("f32", len(special), values=special), decomposes=op not in ("silu", "mish", "hardswish"))


# Decompositions round between their steps.
SIXTEEN = {op: {"rtol": 1.6e-2, "atol": 1e-2} for op in ("silu", "mish", "softplus", "log_sigmoid", "hardsigmoid",
    "hardswish")}

ROWS = [
    *[row for op in PLAIN for row in rows(op)],
    Row("relu", T("*", "b", "s"), dtypes=("i64", "i32", "u8")),
    Row("relu", T("bool", "b"), raises=True),
    Row("silu", T("i64", "b"), raises=True),
    Row("gelu", T("*", "b", "s"), approximate="tanh", dtypes=FLOATS),
    Row("gelu", T("f32", "b", "s", "n", order=(1, 0, 2)), approximate="tanh"),
    Row("gelu", T("f32", "b"), approximate="sigmoid", raises=True),
    Row("gelu", T("f32", "n", 20011), sets=({"n": 5}, {"n": 2})),
    Row("hardtanh", T("*", "b", "s"), -0.5, 2.0, dtypes=FLOATS),
    Row("leaky_relu", T("*", "b", "s"), 0.2, dtypes=FLOATS),
    Row("elu", T("*", "b", "s"), 0.5, 1.5, 2.0, dtypes=("f32", "f64")),
    Row("celu", T("f32", "b", "s"), 0.5),
    Row("softplus", T("*", "b", "s"), 2.0, 3.0, dtypes=("f32", "f64")),
    Row("threshold", T("*", "b", "s"), 0.5, -1.0, dtypes=FLOATS),
    Row("threshold", T("i64", "b", "s"), 1, 7),
    Row("hardshrink", T("f32", "b", "s"), 1.25),
    Row("softshrink", T("f32", "b", "s"), 1.25),
    Row("prelu", T("*", "b", 3, "s"), T("*", 3), dtypes=("f32", "f64")),
    Row("prelu", T("f32", "b", "s"), T("f32", 1)),
    Row("prelu", T("f32", "b", "s"), T("f32")),
    Row("prelu", T("f32", 5), T("f32", 1)),
    Row("prelu", T("f32", "b", 3, "s", order=(0, 2, 1)), T("f32", 3)),
    Row("_prelu_kernel", T("f32", "b", 3, "s"), T("f32", 1, 3, 1)),
    Row("glu", T("*", "b", "s", 8), dtypes=FLOATS, rtol=1.6e-2, atol=1e-3),
    Row("glu", T("f32", "b", 6, "s"), 1),
    Row("glu", T("f32", "b", "2*s", "n", order=(0, 2, 1)), 1),
    Row("glu", T("f32", "b", 5), raises=True),
]
