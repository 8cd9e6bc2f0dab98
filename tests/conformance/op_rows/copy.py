"""Copies, casts and layouts (ops/copy.cpp)."""

import torch
from op_row import FLOATS, INTS, Row, T

ALL = (*FLOATS, *INTS, "bool")
ODD = [0.0, -0.0, 1.5, -1.5, 2.7, -2.7, 100.25, 65504.0, 70000.0, -70000.0]
CASTS = [(a, b) for a in ALL for b in ALL if a != b]
NAMES = {
    "f32": torch.float32, "f64": torch.float64, "f16": torch.float16, "bf16": torch.bfloat16,
    "i64": torch.int64, "i32": torch.int32, "u8": torch.uint8, "bool": torch.bool,
}  # fmt: skip
LAST, LAST_3D, PLAIN, KEEP = torch.channels_last, torch.channels_last_3d, torch.contiguous_format, torch.preserve_format


def layouts(op, *args, **options):
    """Layouts that a copy keeps, or not."""
    yield Row(op, T("f32", "b", "s", "n", order=(0, 2, 1)), *args, **options)
    yield Row(op, T("f32", "b", "s", "n", order=(2, 0, 1)), *args, **options)
    yield Row(op, T("f32", "b", "s", "n", step=2), *args, **options)
    yield Row(op, T("f32", "b", "s", "n", expand=(0,)), *args, **options)
    yield Row(op, T("f32", "b", "s", "n", expand=(2,), order=(1, 0, 2)), *args, **options)
    yield Row(op, T("f32", "b", 3, "h", "s", order=(0, 2, 3, 1)), *args, **options)
    yield Row(op, T("f32", 1, "s", 4, order=(0, 2, 1)), *args, **options)
    yield Row(op, T("f32"), *args, **options)


ROWS = [
    *[Row("_to_copy", T(a, "b", "s"), dtype=NAMES[b]) for a, b in CASTS],
    *[Row("_to_copy", T(a, 7, values=ODD[:7]), dtype=NAMES[b]) for a in FLOATS for b in ("i64", "i32", "bool")],
    *[Row("_to_copy", T(a, 10, values=ODD), dtype=NAMES[b]) for a in ("f32", "f64") for b in ("f16", "bf16")],
    *[Row("to.dtype", T("f32", "b", "s"), NAMES[b]) for b in ALL],
    *layouts("to.dtype", torch.float32), *layouts("to.dtype", torch.float16),
    *layouts("to.dtype", torch.float32, copy=True),
    *layouts("_to_copy"), *layouts("_to_copy", dtype=torch.int64),
    *layouts("_to_copy", memory_format=PLAIN, dtype=torch.float64),
    Row("to.dtype", T("f32", "b", "s", order=(1, 0)), torch.float32, memory_format=PLAIN),
    Row("to.dtype", T("f32", "b", "s", order=(1, 0)), torch.float32, False, True),
    Row("to.dtype", T("f32", "b", 3, "h", "s"), torch.float16, memory_format=LAST),
    Row("to.dtype", T("f32", "b", 3, "h", "s"), torch.float32, memory_format=LAST),
    Row("to.dtype_layout", T("f32", "b", "s", order=(1, 0)), dtype=torch.float16, layout=torch.strided,
        device=torch.device("cpu")),
    Row("to.dtype_layout", T("f32", "b", "s", order=(1, 0)), device=torch.device("cpu")),
    Row("to.device", T("f32", "b", "s", order=(1, 0)), torch.device("cpu"), torch.float16),
    Row("to.device", T("f32", "b", "s", order=(1, 0)), torch.device("cpu"), torch.float32),
    Row("to.other", T("f32", "b", "s", order=(1, 0)), T("i32", "n")),
    Row("to.other", T("f32", "b", "s"), T("f32", "n")),
    Row("type_as", T("f32", "b", "s", order=(1, 0)), T("bf16", "n")), Row("type_as", T("f32", "b", "s"), T("f32", "n")),
    *[Row("clone", T(dtype, "b", "s")) for dtype in (*ALL, "i16", "i8", "c64")], *layouts("clone"),
    *layouts("clone", memory_format=PLAIN),
    Row("clone", T("f32", "b", 3, "h", "s"), memory_format=LAST),
    Row("clone", T("f32", "b", 3, 2, "h", "s"), memory_format=LAST_3D),
    Row("clone", T("f32", "b", 3, "s"), memory_format=LAST, raises=True),
    Row("clone", T("f32", "b", 3, "s"), memory_format=LAST_3D, raises=True),
    *layouts("contiguous"), Row("contiguous", T("f32", "b", 3, "h", "s"), memory_format=LAST),
    Row("contiguous", T("f32", "b", 3, "h", "s", order=(0, 2, 3, 1)), memory_format=LAST),
    Row("contiguous", T("f32", "b", 3, 2, "h", "s"), memory_format=LAST_3D),
    Row("contiguous", T("f32", "b", 3, order=(1, 0)), memory_format=KEEP, sets=({"b": 2}, {"b": 5}), raises=True),
    Row("contiguous", T("f32", "b", "s"), memory_format=KEEP),
    *layouts("lift_fresh_copy"),
    # Overwriting
    *[Row("copy", T("*", "b", "s"), T(source, "b", "s"), dtypes=ALL) for source in ("f32", "i64")],
    Row("copy", T("f32", "b", "s"), T("f16", "s")), Row("copy", T("f32", "b", "s"), T("f64")),
    Row("copy", T("f32", "b", "s"), T("f32", "b", 1)),
    Row("copy", T("f32", "b", "s", order=(1, 0)), T("f32", "b", "s")),
    Row("copy", T("f32", "b", 3), T("f32", "b", 4), raises=True),
    Row("copy", T("f32", 3), T("f32", "b", 3), raises=True),
    Row("copy", T("f32", "b", "s", expand=(0,)), T("f32", "b", "s")),
    Row("fill.Scalar", T("*", "b", "s"), 2, dtypes=ALL), Row("fill.Scalar", T("*", "b", "s"), -1.5, dtypes=FLOATS),
    Row("fill.Scalar", T("f32", "b", "s"), float("-inf")), *layouts("fill.Scalar", 0.5),
    Row("fill.Tensor", T("*", "b", "s"), T("*"), dtypes=ALL), Row("fill.Tensor", T("f16", "b", "s"), T("f32")),
    *layouts("fill.Tensor", T("f32")),
    Row("fill.Tensor", T("f32", "b", "s"), T("f32", 1), raises=True),
    Row("zero", T("*", "b", "s"), dtypes=ALL), *layouts("zero"),
]  # fmt: skip
