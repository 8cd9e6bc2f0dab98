"""Float16 and bfloat16 at sizes and values that models have: what torch adds up in float32, every format has to.
Squares of hundreds are beyond float16, and sums of thousands have no ones in it."""

import torch
from op_row import Row, T

HALVES = ("f16", "bf16")
LOUD = {"low": -2000.0, "high": 2000.0}
ONES = {"low": 0.5, "high": 2.0}
# Two correct programs round at other places; results are of the size of 1.
LOOSE = {"rtol": 2e-2, "atol": 2e-2}


def each(op, *args, **options):
    """A row for each dtype: of the rows that differ in nothing else, files are made of one."""
    for name in HALVES:
        yield Row(op, *[T(name, *arg.sizes, low=arg.low, high=arg.high) if isinstance(arg, T) else arg for arg in args],
                  **options)


ROWS = [
    *each("layer_norm", T("*", "b", "s", 64, **LOUD), [64], T("*", 64), T("*", 64), **LOOSE),
    *each("native_layer_norm", T("*", "b", "s", 900, low=0.0, high=3.0), [900], T("*", 900), T("*", 900), 1e-5,
          unordered=(1, 2), **LOOSE),
    *each("rms_norm", T("*", "b", "s", 64, **LOUD), [64], T("*", 64), 1e-6, **LOOSE),
    *each("group_norm", T("*", "b", 6, "s", 4, **LOUD), 3, T("*", 6), T("*", 6), **LOOSE),
    *each("batch_norm", T("*", "b", 6, 5, 4, **LOUD), T("*", 6), T("*", 6), T("*", 6, **LOUD),
          T("*", 6, low=1e4, high=4e4), False, 0.1, 1e-5, False, strides=False, **LOOSE),
    *each("softmax.int", T("*", "b", "s", 900, low=0.0, high=3.0), -1),
    *each("mean.dim", T("*", "b", 900, low=0.0, high=3.0), [1], **LOOSE),
    *each("sum.dim_IntList", T("*", "b", 900, low=0.0, high=3.0), [1], rtol=1e-2),
    *each("var.correction", T("*", "b", 900, low=100.0, high=103.0), [1], decomposes=False, **LOOSE),
    *each("cumsum", T("*", "b", 900, low=0.0, high=3.0), 1, inplace=False, rtol=2e-2),
    *each("addmm", T("*", 5), T("*", "b", 900, low=0.0, high=1.0), T("*", 900, 5, low=0.0, high=1.0), rtol=1e-2),
    *each("linear", T("*", "b", 900, low=0.0, high=1.0), T("*", 5, 900, low=0.0, high=1.0), T("*", 5), rtol=1e-2),
    *each("conv2d", T("*", "b", 30, 6, 6, low=0.0, high=1.0), T("*", 8, 30, 3, 3, low=0.0, high=1.0), T("*", 8),
          rtol=1e-2),
    *each("avg_pool2d", T("*", "b", 2, 24, 24, low=0.0, high=3.0), [24, 24], **LOOSE),
    *each("gelu", T("*", "b", "s", low=-6.0, high=6.0)),
    *each("gelu", T("*", "b", "s", low=-6.0, high=6.0), approximate="tanh"),
    *each("silu", T("*", "b", "s", low=-20.0, high=20.0)),
    *each("softplus", T("*", "b", "s", low=-10.0, high=10.0)),
    # Scores of thousands: torch keeps them in float32.
    *[Row("scaled_dot_product_attention", T(name, "b", "h", "s", 8, low=-60.0, high=60.0),
          T(name, "b", "h", "n", 8, low=-60.0, high=60.0), T(name, "b", "h", "n", 8),
          T("bool", "b", 1, 1, "n", values=[True, False, True]), rtol=1e-1, atol=1e-1) for name in HALVES],
    # Operands of two dtypes
    *[Row(f"{op}.Tensor", T("f16", "b", 8), T("f32", "s", 1, 8)) for op in ("add", "mul", "sub", "div")],
    *[Row(op, T("f32", "b", 8), T("f16", 8)) for op in ("add.Tensor", "mul.Tensor", "maximum")],
    Row("mul.Tensor", T("f16", "b", 8), T("f32", values=[3.0])),
    Row("cat", [T("f32", "b", 3), T("f16", "b", 3)], 1), Row("cat", [T("f16", "b", "s", 3), T("f32", "b", "n", 3)], 1),
    Row("softmax.int", T("f16", "b", "s", 8), -1, torch.float32),
    Row("mean.dim", T("f16", "b", "s", 8), [-1], True, dtype=torch.float32),
    Row("pow.Tensor_Scalar", T("f16", "b", 8, **ONES), 3), Row("rsqrt", T("f16", "b", 8, low=1e-4, high=1e-3)),
]  # fmt: skip
