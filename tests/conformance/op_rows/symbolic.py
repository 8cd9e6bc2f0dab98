"""Numbers from tensors (ops/symbolic.cpp)."""

from op_row import Row, T

ROWS = [
    Row("sym_size.int", T("f32", "b", "s + 1", 4), 1), Row("sym_size.int", T("f32", "b", "s"), -2),
    Row("sym_size.int", T("f32", "b", 4), 1),
    Row("sym_size.int", T("f32", "b"), 1, raises=True), Row("sym_numel", T("f32", "b", "s", 2)),
    Row("sym_numel", T("f32")),
    Row("item", T("i64"), refused="depends on data"),
    Row("_local_scalar_dense", T("i64"), refused="depends on data"), Row("item", T("f32", 2), raises=True),
]  # fmt: skip
