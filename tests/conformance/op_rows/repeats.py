"""Repeating and moving slices (ops/repeats.cpp)."""

from op_row import Row, S, T


def pair(op, *args, **kwargs):
    yield Row(op, T("f32", "b", 6, 8), *args, **kwargs)
    yield Row(op, T("f32", "b", 6, 8, order=(0, 2, 1)), *args, **kwargs)


ROWS = [
    Row("repeat", T("*", "b", "s"), [2, 3], dtypes=("f32", "f16", "i64", "bool")),
    *pair("repeat", [1, 2, 1]),
    Row("repeat", T("f32", "b", 3), [S("s"), 1, 2]),
    Row("repeat", T("f32"), [S("s")]),
    Row("repeat", T("f32", "b", 3), [2], raises=True),
    *pair("tile", [2]),
    Row("tile", T("f32", "b", 3), [2, 1, 3]),
    *pair("repeat_interleave.self_int", 3, 1),
    *pair("repeat_interleave.self_int", 2),
    Row("repeat_interleave.self_int", T("f32", "b", "h", "s", 4), 2, 1),
    Row("repeat_interleave.Tensor", T("i64", 5, values=[2, 0, 1, 3, 1]), output_size=7),
    Row("repeat_interleave.Tensor", T("i64", "s", low=0, high=4)),
    Row("repeat_interleave.Tensor", T("i32", "s", low=0, high=4)),
    Row("repeat_interleave.self_Tensor", T("f32", "b", "s"), T("i64", "s", low=0, high=3), 1),
    Row("repeat_interleave.self_Tensor", T("f32", "s", "n", 3), T("i64", "s", low=0, high=3), 0),
    Row("repeat_interleave.self_Tensor", T("f32", "b", 3), T("i64", 1, low=0, high=3)),
    Row("repeat_interleave.self_Tensor", T("f32", "b", 5), T("i64", 5, values=[2, 0, 1, 3, 1]), 1, output_size=7),
    Row("repeat_interleave.self_Tensor", T("f32", "b", 5), T("i64", 1, values=[2]), 1, output_size=10),
    *pair("roll", [2], [1]),
    *pair("roll", [1, -3], [1, 2]),
    *pair("roll", [5]),
    Row("roll", T("f32", "b", "s"), [1], [1]),
    Row("roll", T("f32", "b", 6), [1, 2], [0], raises=True),
    *pair("flip", [1]),
    *pair("flip", [0, 2]),
    Row("flip", T("*", "s"), [0], dtypes=("i64", "bool", "f64")),
    Row("flip", T("f32", "b", 6), [0, 0], raises=True),
    Row("meshgrid", [T("f32", "s"), T("f32", "n")]),
    Row("meshgrid.indexing", [T("f32", "s"), T("f32", "n"), T("f32", 3)], indexing="ij"),
    Row("meshgrid", [T("f32", "s"), T("i64", "n")], raises=True),
    Row("meshgrid.indexing", [T("f32", "s"), T("f32", "n"), T("f32", 3)], indexing="xy"),
    Row("meshgrid.indexing", [T("f32", "s"), T("f32", "n")], indexing="yx", raises=True),
]  # fmt: skip
