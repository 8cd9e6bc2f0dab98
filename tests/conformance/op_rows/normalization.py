"""Normalizations (ops/normalization.cpp, ops/batch_norm.cpp) and softmax (ops/softmax.cpp)."""

import torch
from op_row import FLOATS, Row, T

ONES = {"low": 0.5, "high": 2.0}
# The strides of torch's fake tensors, which exported graphs carry, differ from those of its kernel here.
PREFERS_FAKE = {"strides": False}

ROWS = [
    Row("layer_norm", T("*", "b", "s", 8), [8], T("*", 8), T("*", 8), dtypes=FLOATS, atol=3e-2),
    Row("layer_norm", T("f32", "b", "s", 8), [8], T("f32", 8), T("f32", 8)),
    Row("layer_norm", T("f32", "b", "s", 8, order=(1, 0, 2)), [8]),
    Row("layer_norm", T("f32", "b", 6, 8), [6, 8], T("f32", 6, 8), None, 1e-3),
    Row("layer_norm", T("f32", "b", "s", 700), [700]),
    Row("layer_norm", T("f32", "b", 8), [7], raises=True),
    Row("layer_norm", T("f32", "b", 8), [8], T("f32", 7), raises=True),
    Row("native_layer_norm", T("f32", "b", "s", 8), [8], T("f32", 8), T("f32", 8), 1e-5),
    Row("native_layer_norm", T("f64", "b", 6, 8), [6, 8], None, None, 1e-5),
    Row("rms_norm", T("*", "b", "s", 8), [8], T("*", 8), 1e-6, dtypes=FLOATS, atol=2e-2),
    Row("rms_norm", T("f32", "b", "s", 8, order=(1, 0, 2)), [8], T("f32", 8)),
    Row("rms_norm", T("f32", "b", "s", 8), [8]),
    Row("rms_norm", T("f32", "b", 8), [7], raises=True),
    Row("group_norm", T("*", "b", 6, "s", 4), 3, T("*", 6), T("*", 6), dtypes=("f32", "f64")),
    Row("group_norm", T("f32", "b", 6, 5, 4, order=(0, 2, 3, 1)), 2, T("f32", 6), T("f32", 6)),
    Row("group_norm", T("f32", "b", 6, "s", order=(0, 2, 1)), 6),
    Row("group_norm", T("f32", "b", 6, 5), 4, raises=True),
    Row("native_group_norm", T("f32", 2, 6, 5, 4), T("f32", 6), T("f32", 6), 2, 6, 20, 3, 1e-5),
    Row("batch_norm", T("*", "b", 6, "s", 4), T("*", 6), T("*", 6), T("*", 6), T("*", 6, **ONES), False, 0.1, 1e-5,
        False, dtypes=("f32", "f64")),
    Row("batch_norm", T("f32", "b", 6, 5, 4, order=(0, 2, 3, 1)), None, None, T("f32", 6), T("f32", 6, **ONES),
        False, 0.1, 1e-5, False),
    Row("batch_norm", T("f32", "b", 6, "s", order=(0, 2, 1)), T("f32", 6), T("f32", 6), T("f32", 6),
        T("f32", 6, **ONES), False, 0.1, 1e-5, False, **PREFERS_FAKE),
    Row("batch_norm", T("f32", "b", 6), T("f32", 6), T("f32", 6), T("f32", 6), T("f32", 6, **ONES), True, 0.1, 1e-5,
        False, refused="training"),
    Row("_native_batch_norm_legit_no_training", T("f32", "b", 6, "s"), T("f32", 6), T("f32", 6), T("f32", 6),
        T("f32", 6, **ONES), 0.1, 1e-5),
    Row("_native_batch_norm_legit.no_stats", T("f32", "b", 6, "s"), T("f32", 6), T("f32", 6), True, 0.1, 1e-5),
    Row("instance_norm", T("f32", "b", 6, "s", 4), T("f32", 6), T("f32", 6), None, None, True, 0.1, 1e-5, False),
    Row("instance_norm", T("f32", "b", 6, "s", order=(0, 2, 1)), None, None, None, None, True, 0.1, 1e-5, False),
    Row("instance_norm", T("f32", "b", 6, "s"), T("f32", 6), T("f32", 6), T("f32", 6), T("f32", 6, **ONES), False,
        0.1, 1e-5, False),
    Row("softmax.int", T("*", "b", "s", 8), -1, dtypes=FLOATS),
    Row("softmax.int", T("f32", "b", "s", 8, order=(0, 2, 1)), 1),
    Row("softmax.int", T("f32", "b", "s"), 0),
    Row("softmax.int", T("f32"), 0),
    Row("softmax.int", T("f32", "b", 700), 1),
    Row("softmax.int", T("*", "b", "s"), -1, torch.float32, dtypes=("f16", "bf16", "i64", "bool")),
    Row("softmax.int", T("f32", 3, 4, values=[float("-inf")]), 1),
    Row("softmax.int", T("f32", 2, 4, values=[1.0, float("-inf"), 3.0, float("nan"), 88.0, float("inf"), 1.0]), 1),
    Row("softmax.int", T("i64", "b", "s"), -1, raises=True),
    Row("log_softmax.int", T("*", "b", "s", 8), -1, dtypes=("f32", "f64")),
    # Near 0, torch subtracts rounded numbers.
    Row("log_softmax.int", T("*", "b", "s", 8), -1, dtypes=("f16", "bf16"), atol=1e-2),
    Row("log_softmax.int", T("f32", "b", "s", 8), 1),
    Row("_softmax", T("*", "b", "s"), 1, False, dtypes=FLOATS),
    Row("_softmax", T("f32", "b", "s"), 1, True, raises=True),
    Row("_log_softmax", T("f32", "b", "s"), 0, False),
    Row("_safe_softmax", T("f32", 3, 4, values=[float("-inf")]), 1),
    Row("_safe_softmax", T("f32", "b", "s"), 1),
]  # fmt: skip
