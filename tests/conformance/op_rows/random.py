"""Dropout in inference and random draws (ops/random.cpp)."""

from op_row import FLOATS, Row, T

DRAWN = "torch draws values that no other library can equal; sizes and strides are those of empty and empty_like"

ROWS = [
    Row("dropout", T("*", "b", "s"), 0.1, False, dtypes=FLOATS),
    Row("dropout", T("f32", "b", "s", order=(1, 0)), 0.5, False),
    Row("dropout", T("f32", "b", "s"), 0.0, True, decomposes=False),
    Row("dropout", T("f32", "b", "s"), 0.5, True, refused="export in eval mode"),
    Row("dropout", T("f32", "b", "s"), 1.5, False, raises=True),
    Row("dropout_", T("f32", "b", "s"), 0.1, False),
    Row("feature_dropout", T("f32", "b", "s"), 0.1, False),
    Row("feature_dropout_", T("f32", "b", "s"), 0.1, False),
    Row("native_dropout", T("f32", "b", "s"), 0.1, False),
]

WITHOUT_ROWS = {
    f"aten::{op}": DRAWN
    for op in ("rand", "randn", "rand_like", "randn_like", "bernoulli", "bernoulli.p", "uniform", "uniform_")
}
