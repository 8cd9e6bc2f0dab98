"""Convolutions (ops/convolution.cpp)."""

from op_row import FLOATS, Row, T

ROWS = [
    Row("conv1d", T("*", "b", 4, "s + 5"), T("*", 6, 4, 3), T("*", 6), [2], [1], dtypes=FLOATS),
    Row("conv1d", T("f32", "b", 4, "s + 5", order=(0, 2, 1)), T("f32", 6, 2, 3), None, [1], [2], [2], 2),
    Row("conv1d", T("f32", 4, "s + 5"), T("f32", 6, 4, 3)),
    Row("conv1d.padding", T("f32", "b", 4, "s"), T("f32", 6, 4, 4), None, [1], "same"),
    Row("conv1d.padding", T("f32", "b", 4, "s + 5"), T("f32", 6, 4, 4), None, [2], "valid"),
    Row("conv1d.padding", T("f32", "b", 4, "s + 5"), T("f32", 6, 4, 4), None, [2], "same", raises=True),
    Row("conv2d", T("*", "b", 3, 16, 24), T("*", 8, 3, 4, 4), T("*", 8), [4, 4], dtypes=FLOATS, rtol=3e-2, atol=6e-2),
    Row("conv2d", T("f32", "b", 4, "s + 3", "n + 3"), T("f32", 6, 2, 3, 3), T("f32", 6), [2, 1], [1, 2], [1, 2], 2),
    Row("conv2d", T("f32", "b", 4, 9, 10, order=(0, 2, 3, 1)), T("f32", 6, 4, 3, 3), T("f32", 6)),
    Row("conv2d", T("f32", "b", 4, 9, 10), T("f32", 4, 1, 3, 3), None, [1, 1], [1, 1], [1, 1], 4),
    Row("conv2d", T("f32", 4, 9, 10), T("f32", 6, 4, 1, 1)),
    Row("conv2d", T("f32", "b", 5, 9, 10), T("f32", 6, 4, 3, 3), raises=True),
    Row("conv2d", T("f32", "b", 4, 2, 2), T("f32", 6, 4, 3, 3), raises=True),
    Row("conv2d.padding", T("f32", "b", 4, 9, 10), T("f32", 6, 4, 2, 3), T("f32", 6), [1, 1], "same", [2, 1]),
    Row("conv3d", T("f32", "b", 3, 5, 6, 7), T("f32", 4, 3, 2, 3, 3), T("f32", 4), [1, 2, 1], [1, 0, 1]),
    Row("conv3d.padding", T("f32", "b", 2, 4, 5, 6), T("f32", 3, 2, 3, 3, 3), None, [1, 1, 1], "same"),
    Row("conv_transpose1d", T("f32", "b", 4, "s"), T("f32", 4, 3, 3), T("f32", 6), [2], [1], [1], 2),
    Row("conv_transpose2d.input", T("*", "b", 4, 5, 6), T("*", 4, 3, 3, 2), T("*", 3), [2, 3], [1, 0], [1, 0], 1,
        [1, 2], dtypes=("f32", "f64")),
    Row("conv_transpose3d.input", T("f32", "b", 2, 3, 4, 5), T("f32", 2, 3, 2, 2, 2), None, [2, 1, 2]),
    Row("convolution", T("f32", "b", 4, 5, 6), T("f32", 3, 4, 3, 3), T("f32", 3), [1, 1], [1, 1], [1, 1], False,
        [0, 0], 1),
    Row("convolution", T("f32", "b", 4, 5), T("f32", 4, 3, 3), None, [2], [1], [1], True, [1], 1),
]  # fmt: skip
