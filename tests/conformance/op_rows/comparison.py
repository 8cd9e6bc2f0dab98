"""Comparisons (ops/comparison.cpp)."""

from op_row import FLOATS, INTS, Row, S, T

ALL = (*FLOATS, *INTS, "bool")
PAIRS = (("f32", "i64"), ("i32", "f16"), ("f16", "bf16"), ("f64", "f32"), ("bool", "i32"), ("u8", "i8"), ("i32", "i64"))
ODD = [0.0, -0.0, 1.0, float("inf"), float("-inf"), float("nan"), 0.1, 2.0]


def rows(op):
    few = {"low": -2, "high": 2}
    small = {"low": 0, "high": 2}
    yield Row(op + ".Tensor", T("*", "b", "s", 4, **small), T("*", "b", "s", 4, **small), dtypes=ALL)
    for a, b in PAIRS:
        yield Row(op + ".Tensor", T(a, "b", "s", **small), T(b, "s", **small))
        yield Row(op + ".Tensor", T(a, "b", "s", **small), T(b, **small))
        yield Row(op + ".Tensor", T(a, **small), T(b, "b", "s", **small))
    yield Row(op + ".Tensor", T("i64", "b", 1, "s", 1, **few), T("i64", "n", **few))
    yield Row(op + ".Tensor", T("f32", "b", "s", "n", order=(2, 0, 1)), T("f32", "b", "s", "n", order=(2, 0, 1)))
    yield Row(op + ".Tensor", T("f32", "s", 1), T("f32", 1, "n", order=(1, 0)))
    yield Row(op + ".Tensor", T("f32", 8, values=ODD), T("f32", 8, 1, values=ODD))
    yield Row(op + ".Tensor", T("f32", "b", 3), T("f32", "b", 4), raises=True)
    yield Row(op + ".Scalar", T("*", "b", "s", **small), 1, dtypes=ALL)
    yield Row(op + ".Scalar", T("*", "b", "s", values=[0.1, 0.25, 0.099975586]), 0.1, dtypes=FLOATS)
    yield Row(op + ".Scalar", T("*", "b", "s", **few), 0.5, dtypes=("i64", "i32", "bool"))
    yield Row(op + ".Scalar", T("i64", "b", "s", **few), True)
    yield Row(op + ".Scalar", T("i64", "b", "s", low=0, high=12), S("s"))
    yield Row(op + ".Scalar", T("f32", 8, values=ODD), 0)
    yield Row(op + ".Scalar", T("f32", "b", "s", "n", order=(0, 2, 1)), 0.0)


ROWS = [
    *[row for op in ("eq", "ne", "lt", "le", "gt", "ge") for row in rows(op)],
    Row("isclose", T("*", "b", "s", values=[1.0, 2.0, 3.0]), T("*", "s", values=[1.0, 2.00001, 3.1]),
        dtypes=("f32", "f64")),
    Row("isclose", T("f32", 8, values=ODD), T("f32", 8, 1, values=ODD), equal_nan=True),
    Row("isclose", T("i64", "s", low=0, high=3), T("i64", "b", "s", low=0, high=3)),
    Row("isclose", T("f32", "s", low=0.0, high=1.0), T("f32", "s", low=0.0, high=1.0), 0.3, 0.1),
    Row("isclose", T("f32", "s"), T("f64", "s"), raises=True),
    Row("isin.Tensor_Tensor", T("*", "b", "s", low=0, high=9), T("*", "n", low=0, high=9), dtypes=("i64", "i32", "u8")),
    Row("isin.Tensor_Tensor", T("i64", "b", "s", low=0, high=9), T("i64", "n", low=0, high=9), invert=True),
    Row("isin.Tensor_Tensor", T("f32", 8, values=ODD), T("f32", 8, values=ODD)),
    Row("isin.Tensor_Tensor", T("i64", "b", "s", low=0, high=9), T("i64", "n", 20, low=0, high=9)),
    Row("isin.Tensor_Scalar", T("i64", "b", "s", low=0, high=3), 2),
    Row("isin.Tensor_Scalar", T("i64", "b", "s", low=0, high=3), 2, invert=True),
    Row("isin.Scalar_Tensor", 2, T("i64", "b", "s", low=0, high=3)),
]
