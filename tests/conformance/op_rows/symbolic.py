"""Numbers from tensors (ops/symbolic.cpp)."""

from op_row import Row, T

ROWS = [
    Row("sym_size.int", T("f32", "b", "s + 1", 4), 1), Row("sym_size.int", T("f32", "b", "s"), -2),
    Row("sym_size.int", T("f32", "b", 4), 1),
    Row("sym_size.int", T("f32", "b"), 1, raises=True), Row("sym_numel", T("f32", "b", "s", 2)),
    Row("sym_numel", T("f32")),
    Row("item", T("i64")), Row("item", T("u8", 1, 1)), Row("_local_scalar_dense", T("i32")),
    Row("item", T("f32", 2), raises=True),
]

# Assertions have no result: tests/interpreter and tests/backends/pt2 see them hold and fail.
WITHOUT_ROWS = {
    f"aten::{op}": "an assertion"
    for op in ("_assert_scalar", "_assert_async", "_assert_async.msg", "_assert_tensor_metadata")
}  # fmt: skip
