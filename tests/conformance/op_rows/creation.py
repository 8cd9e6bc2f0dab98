"""Tensors from sizes and numbers (ops/creation.cpp)."""

import torch
from op_row import FLOATS, INTS, Row, S, T

ALL = (*FLOATS, *INTS, "bool")
DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.uint8,
    torch.bool)
INF = float("inf")
PLAIN, LAST = torch.contiguous_format, torch.channels_last


def like(op, *args):
    yield Row(op, T("*", "b", "s"), *args, dtypes=ALL)
    yield Row(op, T("f32", "b", "s", "n", order=(0, 2, 1)), *args)
    yield Row(op, T("f32", "b", "s", "n", order=(2, 0, 1)), *args, dtype=torch.int64)
    yield Row(op, T("f32", "b", "s", step=3), *args)
    yield Row(op, T("f32", "b", "s", expand=(1,)), *args)
    yield Row(op, T("f32", "b", "s", "n", order=(0, 2, 1)), *args, memory_format=PLAIN)
    yield Row(op, T("f32", "b", 3, "h", "s"), *args, memory_format=LAST)
    yield Row(op, T("f32"), *args)


# The values of empty tensors are whatever was there.
EMPTY = {"unordered": (0,)}

ROWS = [
    *[Row("full", [S("b"), S("s + 1"), 2], value) for value in (2, 0.5, True, -INF)],
    *[Row("full", [S("b"), 3], 1, dtype=dtype) for dtype in DTYPES],
    Row("full", [], 7), Row("full", [S("b")], S("s")), Row("full", [S("b")], 2.75, dtype=torch.int64),
    Row("full", [-1], 0, raises=True),
    *[row for op in ("zeros", "ones") for row in (Row(op, [S("b"), S("2*s")]), *[Row(op, [S("b"), 3], dtype=dtype)
      for dtype in DTYPES], Row(op, []), Row(op, [0, S("s")]))],
    Row("empty.memory_format", [S("b"), S("s")], **EMPTY),
    Row("empty.memory_format", [S("b"), 3], dtype=torch.int32, **EMPTY),
    *like("full_like", 3), *like("full_like", 0.0), *like("zeros_like"), *like("ones_like"),
    Row("full_like", T("f32", "b"), S("b")),
    *[Row(row.op, *row.args, **row.kwargs, **row.options, **EMPTY) for row in like("empty_like")],
    *[row for op, *args in (("new_full", 5), ("new_zeros",), ("new_ones",)) for row in (
        Row(op, T("*", "b"), [S("b"), S("s")], *args, dtypes=ALL),
        Row(op, T("f32", "b", "s", order=(1, 0)), [S("s"), 2], *args),
        Row(op, T("f32", "b"), [S("b"), 3], *args, dtype=torch.int64))],
    Row("new_empty", T("f16", "b"), [S("b"), S("s")], **EMPTY),
    # Ranges
    Row("arange", 5), Row("arange", S("s")), Row("arange", 5.0), Row("arange", 4.5),
    Row("arange", S("s"), dtype=torch.float32),
    Row("arange", S("b*s"), dtype=torch.int32), Row("arange", 0), Row("arange", -1, raises=True),
    Row("arange", S("s"), dtype=torch.float16),
    Row("arange", 5.9, dtype=torch.int64), Row("arange", 5.9, dtype=torch.int32),
    Row("arange.start", 2, 9), Row("arange.start", S("b"), S("b + s")), Row("arange.start", -1.5, 3.25),
    Row("arange.start", 1, S("s"), dtype=torch.float64),
    Row("arange.start", 5, 2, raises=True), Row("arange.start", 0.5, 7.9, dtype=torch.int64),
    Row("arange.start_step", 0, S("s"), 2), Row("arange.start_step", 10, 0, -3),
    Row("arange.start_step", S("s"), 0, -2), Row("arange.start_step", 0, 1, 0.1),
    Row("arange.start_step", 0, 128, 2, dtype=torch.float32), Row("arange.start_step", 0, 5, 0, raises=True),
    Row("arange.start_step", 1.0, S("s + 1"), 1.0),
    Row("arange.start_step", 0, 10, 2.5, dtype=torch.int64), Row("arange.start_step", S("2*b"), S("3*s"), 4),
    Row("arange.start_step", 0, S("s"), 0.5, refused="symbolic"),
    *[Row("linspace", low, high, steps)
        for low, high, steps in ((0, 1, 5), (-2.5, 7.5, 11), (3, 3, 4), (5, -1, 7), (0, 1, 1), (0, 1, 0))],
    *[Row("linspace", -3, 10, 6, dtype=dtype) for dtype in DTYPES[:6]], Row("linspace", 0, 1, -1, raises=True),
    *[Row("eye", size, dtype=dtype) for size in (4, S("s"))
        for dtype in (torch.float32, torch.int64, torch.bool, torch.float16)],
    Row("eye", S("s")),
    Row("eye.m", S("s"), S("b")), Row("eye.m", S("b"), S("s"), dtype=torch.int64), Row("eye.m", 3, 0),
    *[Row("scalar_tensor", value) for value in (2, 0.5, True, S("s"))],
    *[Row("scalar_tensor", 1, dtype=dtype) for dtype in DTYPES],
    # Triangles
    *[Row(op, T("*", "b", "s", "n"), dtypes=ALL) for op in ("tril", "triu")],
    *[Row(op, T("f32", "s", "n"), diagonal) for op in ("tril", "triu") for diagonal in (-2, -1, 1, 3, 20, -20)],
    *[Row(op, T("f32", "s", "n", order=(1, 0)), S("b")) for op in ("tril", "triu")],
    *[Row(op, T("f32", "s"), raises=True) for op in ("tril", "triu")],
    Row("triu", T("f32", "s", "s", values=[-INF]), 1, inplace=False),
]  # fmt: skip
