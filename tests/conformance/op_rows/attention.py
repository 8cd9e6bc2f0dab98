"""Attention (ops/attention.cpp) and embedding (ops/embedding.cpp)."""

import torch
from op_row import FLOATS, Row, T

HEADS = {"order": (0, 2, 1, 3)}  # [batch, length, heads, width] in memory, as models make them
OP = "scaled_dot_product_attention"
LOWEST = torch.finfo(torch.float32).min  # what models fill masks with; a row of nothing else gives the mean
LOOSE = {"rtol": 2e-2, "atol": 2e-2}

ROWS = [
    Row(OP, T("*", "b", "h", "s", 8, **HEADS), T("*", "b", "h", "n", 8, **HEADS), T("*", "b", "h", "n", 8, **HEADS),
        dtypes=("f16", "bf16"), **LOOSE),
    Row(OP, T("*", "b", "h", "s", 8, **HEADS), T("*", "b", "h", "n", 8, **HEADS), T("*", "b", "h", "n", 8, **HEADS),
        dtypes=("f32", "f64")),
    Row(OP, T("f32", "b", "h", "s", 8), T("f32", "b", "h", "n", 8), T("f32", "b", "h", "n", 8),
        T("f32", "b", 1, "s", "n")),
    Row(OP, T("f32", "b", "h", "s", 8, **HEADS), T("f32", "b", "h", "n", 8), T("f32", "b", "h", "n", 8),
        T("bool", "b", 1, 1, "n", values=[True, False, True])),
    Row(OP, T("f32", "b", "h", "s", 8, **HEADS), T("f32", "b", "h", "n", 8), T("f32", "b", "h", "n", 8),
        T("bool", "s", "n", values=[True, False])),
    Row(OP, T("f32", "b", "h", 4, 8), T("f32", "b", "h", 3, 8), T("f32", "b", "h", 3, 8),
        T("bool", 4, 3, values=[True, False, True, False, False, False])),
    Row(OP, T("f32", "b", "h", "s", 8), T("f32", "b", "h", "n", 8), T("f32", "b", "h", "n", 8), None, 0.0, True),
    Row(OP, T("f32", "b", "h", "s", 8), T("f32", "b", "h", "n", 8), T("f32", "b", "h", "n", 8), scale=0.3),
    Row(OP, T("f32", "b", "h", "s", 8), T("f32", "b", "h", "n", 8), T("f32", "b", "h", "n", 5)),
    Row(OP, T("f32", "b", 6, "s", 8, **HEADS), T("f32", "b", 2, "n", 8, **HEADS), T("f32", "b", 2, "n", 8, **HEADS),
        T("f32", "b", 1, "s", "n"), enable_gqa=True),
    Row(OP, T("f32", "b", "s", 8), T("f32", "b", "n", 8), T("f32", "b", "n", 8)),
    Row(OP, T("f32", "b", "h", "s", 8), T("f32", "b", "h", "n", 8), T("f32", "b", "h", "n", 8),
        T("f32", "h", "s", "n")),
    Row(OP, T("f32", "b", "h", "s", 8), T("f32", "b", "h", "n", 7), T("f32", "b", "h", "n", 8), raises=True),
    Row(OP, T("f32", "b", "h", "s", 8), T("f32", "b", "h", "n", 8), T("f32", "b", "h", "n", 8), T("f32", "s", "n"),
        0.0, True, refused="exclude each other"),
    Row(OP, T("f32", "b", "h", "s", 8), T("f32", "b", "h", "n", 8), T("f32", "b", "h", "n", 8), None, 0.5,
        refused="dropout"),
    Row(OP, T("f32", "b", "h", 4, 8), T("f32", "b", "h", 3, 8), T("f32", "b", "h", 3, 8),
        T("f32", 4, 3, values=[0.0, LOWEST, 0.5, LOWEST, LOWEST, LOWEST])),
    Row("embedding", T("*", 7, 5), T("i64", "b", "s", low=0, high=6), dtypes=(*FLOATS,)),
    Row("embedding", T("f32", 7, 5), T("i32", "s", low=0, high=6), 0),
    Row("embedding", T("f32", 7, 5), T("i64", low=0, high=6)),
    Row("embedding", T("f32", 7, 5), T("i64", 2, values=[1, 7]), raises=True),
    Row("embedding", T("f32", 7), T("i64", 2, values=[1, 2]), raises=True),
]  # fmt: skip
