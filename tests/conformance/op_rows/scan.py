"""Running sums, products and extremes (ops/scan.cpp)."""

import torch
from op_row import FLOATS, INTS, Row, T

ODD = [1.0, 1.0, 3.0, float("nan"), 5.0, -float("inf"), 5.0, float("inf")]

ROWS = [
    *[Row("cumsum", T("*", "b", "s", "n"), dim, dtypes=(*FLOATS, *INTS, "bool")) for dim in (0, 1, -1)],
    Row("cumsum", T("f32", "b", "s", order=(1, 0)), 1), Row("cumsum", T("f32", "b", "s", step=2), 0),
    Row("cumsum", T("f32"), 0),
    Row("cumsum", T("i32", "b", "s"), 1, dtype=torch.int32),
    Row("cumsum", T("bool", "b", "s"), 1, dtype=torch.float32, inplace=False),
    Row("cumsum", T("f16", "b", "s"), 1, dtype=torch.float32, inplace=False),
    Row("cumsum", T("i64", "b", "s", expand=(0,)), 1), Row("cumsum", T("f32", "b"), 1, raises=True),
    Row("cumsum", T("f32", "b", 3001), 1, sets=({"b": 30}, {"b": 1}), rtol=1e-4, atol=1e-3),
    *[Row("cumprod", T("*", "b", "s"), dim, dtypes=("f32", "f64", "i64", "i32"), rtol=1e-4) for dim in (0, 1)],
    Row("cumprod", T("bool", "b", "s"), 1),
    Row("cumprod", T("f32", "b", "s", order=(1, 0)), 1, dtype=torch.float64, inplace=False),
    *[row for op in ("cummax", "cummin") for row in (
        *[Row(op, T("*", "b", "s", "n", low=-2, high=2), dim, dtypes=(*FLOATS, *INTS)) for dim in (0, 1, -1)],
        Row(op, T("f32", 2, 8, values=ODD), 1), Row(op, T("f32", "b", "s", order=(1, 0)), 1), Row(op, T("f32"), 0),
              Row(op, T("bool", "b", "s"), 1))],
]  # fmt: skip
