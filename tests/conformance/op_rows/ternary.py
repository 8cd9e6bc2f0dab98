"""Pointwise ops of three operands (ops/ternary.cpp)."""

from op_row import FLOATS, INTS, Row, T

ALL = (*FLOATS, *INTS, "bool")
NAN, INF = float("nan"), float("inf")
ODD = [0.0, -0.0, 1.0, -1.0, 2.5, -3.5, INF, -INF, NAN]
PAIRS = (("f32", "i64"), ("i32", "f16"), ("f16", "bf16"), ("f64", "f32"), ("bool", "i32"), ("u8", "i8"))

ROWS = [
    Row("where.self", T("bool", "b", "s"), T("*", "b", "s"), T("*", "b", "s"), dtypes=ALL),
    *[Row("where.self", T("bool", "b", "s"), T(a, "b", "s"), T(b, "s")) for a, b in PAIRS],
    *[Row("where.self", T("bool", "b", "s"), T(a, "b", "s"), T(b)) for a, b in PAIRS],
    *[Row("where.self", T("bool", "s"), T(a), T(b)) for a, b in PAIRS],
    Row("where.self", T("bool", "b", 1, "s"), T("f32", "n", 1), T("f32")),
    Row("where.self", T("bool", "b", 1, "s", "n"), T("f32", "b", "h", "s", "n", order=(0, 2, 1, 3)), T("f32")),
    Row("where.self", T("bool", "s", "n", order=(1, 0)), T("f32", "s", "n", order=(1, 0)), T("f32")),
    Row("where.self", T("bool", "s", "n"), T("f32", "s", "n", order=(1, 0)), T("f32", "s", "n", expand=(0,))),
    Row("where.self", T("f32", "s"), T("f32", "s"), T("f32", "s"), raises=True),
    Row("where.self", T("bool", "b", 3), T("f32", "b", 4), T("f32"), raises=True),
    *[Row("where.ScalarOther", T("bool", "b", "s"), T("*", "b", "s"), number, dtypes=ALL) for number in (2, 0.5)],
    Row("where.ScalarOther", T("bool", "b", "s"), T("f32", "b", "s"), -INF),
    *[Row("where.ScalarSelf", T("bool", "b", "s"), number, T("*", "b", "s"), dtypes=ALL) for number in (2, 0.5)],
    Row("where.Scalar", T("bool", "b", "s"), 1, 0), Row("where.Scalar", T("bool", "b", "s"), 1.0, 0),
    Row("where.Scalar", T("bool", "b", "s"), True, False),
    Row("where.Scalar", T("bool", "b", "s", order=(1, 0)), 0.0, -INF),
    # masked_fill
    Row("masked_fill.Scalar", T("*", "b", "s"), T("bool", "b", "s"), 3, dtypes=(*FLOATS, *INTS)),
    Row("masked_fill.Scalar", T("*", "b", "s"), T("bool", "s"), -INF, dtypes=FLOATS),
    Row("masked_fill.Scalar", T("f32", "b", "h", "s", "n"), T("bool", "b", 1, "s", "n"), -3.4028234663852886e38),
    # Strides: the decomposition is a where; masked_fill writes into a contiguous clone.
    Row("masked_fill.Scalar", T("f32", "b", "s", "n", order=(0, 2, 1)), T("bool", "s", "n"), 0.5),
    Row("masked_fill.Scalar", T("f32", "n"), T("bool", "s", "n"), 0.5, inplace=False),
    Row("masked_fill.Scalar", T("bool", "b", "s"), T("bool", "s"), True),
    Row("masked_fill.Scalar", T("f32", "b", "s"), T("i64", "s"), 0.5, raises=True),
    Row("masked_fill.Tensor", T("*", "b", "s"), T("bool", "s"), T("*"), dtypes=(*FLOATS, "i64")),
    Row("masked_fill.Tensor", T("f16", "b", "s"), T("bool", "s"), T("f32")),
    Row("masked_fill.Tensor", T("f32", "b", "s"), T("bool", "s"), T("f32", 2), raises=True),
    # clamp
    *[Row(op, T("*", "b", "s"), low, high, dtypes=(*FLOATS, *INTS)) for op in ("clamp", "clip")
        for low, high in ((1, 3), (None, 2), (2, None), (3, 1))],
    Row("clamp", T("*", "b", "s"), -0.5, 1.5, dtypes=("f32", "i64")),
    Row("clamp", T("f32", 9, values=ODD), -1.0, 2.0), Row("clamp", T("f32", 9, values=ODD), None, 2.0),
    Row("clamp", T("f32", 9, values=ODD), NAN, 2.0), Row("clamp", T("f32", 9, values=ODD), -INF, NAN),
    Row("clamp", T("f32", "b", "s", "n", order=(2, 0, 1)), 0.0), Row("clamp", T("f32", "b"), raises=True),
    *[Row(op, T("*", "b", "s"), T("*", "s"), T("*", "s"), dtypes=(*FLOATS, "i64"))
        for op in ("clamp.Tensor", "clip.Tensor")],
    Row("clamp.Tensor", T("f32", "b", "s"), T("f32", "b", 1)),
    Row("clamp.Tensor", T("f32", "b", "s"), None, T("f32", "s")),
    Row("clamp.Tensor", T("f32", "b", "s"), T("i64"), T("f64")), Row("clamp.Tensor", T("i64", "b", "s"), T("f32")),
    Row("clamp.Tensor", T("f32", 9, values=ODD), T("f32", 9, 1, values=ODD), T("f32", 9, 1, 1, values=ODD),
        inplace=False),
    Row("clamp_min", T("*", "b", "s"), 1, dtypes=(*FLOATS, *INTS)),
    Row("clamp_max", T("*", "b", "s"), 1, dtypes=(*FLOATS, *INTS)),
    Row("clamp_min", T("i64", "b", "s"), 0.5), Row("clamp_min", T("f32", 9, values=ODD), 0.5),
    Row("clamp_min.Tensor", T("f32", "b", "s"), T("f32", "s")), Row("clamp_max.Tensor", T("f32", "b", "s"), T("f32")),
    # lerp, addcmul, addcdiv; decompositions round between their steps
    *[Row("lerp.Scalar", T("*", "b", "s"), T("*", "s"), weight, dtypes=("f32", "f64"), rtol=1e-4, atol=1e-5)
        for weight in (0.25, 0.75, 1, 0)],
    Row("lerp.Scalar", T("*", "b", "s"), T("*", "s"), 0.25, dtypes=("f16", "bf16"), rtol=2e-2, atol=2e-2),
    Row("lerp.Tensor", T("f32", "b", "s"), T("f32", "s"), T("f32", "b", 1), rtol=1e-4, atol=1e-5),
    Row("lerp.Tensor", T("f32", "b", "s", order=(1, 0)), T("f32", "b", "s", order=(1, 0)), T("f32"), rtol=1e-4,
        atol=1e-5),
    Row("lerp.Scalar", T("f32", "b", "s"), T("f64", "s"), 0.5, raises=True),
    Row("lerp.Scalar", T("i64", "s"), T("i64", "s"), 0.5, raises=True),
    Row("addcmul", T("*", "b", "s"), T("*", "s"), T("*", "b", 1), dtypes=("f32", "f64", "i64", "i32"), rtol=1e-4,
        atol=1e-5),
    Row("addcmul", T("*", "b", "s"), T("*", "s"), T("*", "b", 1), value=3, dtypes=("f32", "i64"), rtol=1e-4, atol=1e-5),
    Row("addcmul", T("*", "b", "s"), T("*", "s"), T("*", "b", 1), value=0.5, dtypes=("f32", "f64"), rtol=1e-4,
        atol=1e-5),
    Row("addcmul", T("*", "b", "s"), T("*", "s"), T("*", "b", 1), value=0.5, dtypes=("f16", "bf16"), rtol=2e-2,
        atol=2e-2),
    Row("addcdiv", T("*", "b", "s"), T("*", "s"), T("*", "b", 1, low=1.0, high=3.0), value=0.5,
        dtypes=("f32", "f64"), rtol=1e-4, atol=1e-5),
    Row("addcdiv", T("i64", "s"), T("i64", "s"), T("i64", "s", low=1, high=3), raises=True),
]  # fmt: skip
