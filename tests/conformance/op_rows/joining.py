"""Several tensors as one (ops/joining.cpp)."""

from op_row import Row, T

ROWS = [
    Row("cat", [T("*", "b", "s"), T("*", "b", "n")], 1, dtypes=("f32", "f16", "bf16", "f64", "i64", "bool")),
    Row("cat", [T("f32", "b", "s", 4, order=(0, 2, 1)), T("f32", "b", "s", 4)], -1),
    Row("cat", [T("f32", "b", 3, 4, 5, order=(0, 2, 3, 1)), T("f32", "b", 2, 4, 5, order=(0, 2, 3, 1))], 1),
    Row("cat", [T("f32", "b", 3, 4, 5, order=(0, 2, 3, 1)), T("f32", "b", 2, 4, 5)], 1),
    Row("cat", [T("f32", "b", 3), T("i64", "b", 3)]),
    Row("cat", [T("f16", "b", 3), T("f32", "b", 3), T("bool", "b", 3)]),
    Row("cat", [T("f32", 0), T("f32", "b", 3)]),
    Row("cat", [T("f32", "b", 3), T("f32", "b", 4)], 0, raises=True),
    Row("cat", [T("f32"), T("f32")], raises=True),
    Row("cat", [T("f32", "b", 3), T("f32", "s", 3)], 1, refused="not known to be equal",
        sets=({"b": 2, "s": 2}, {"b": 3, "s": 3})),
    Row("concat", [T("f32", "b", 3), T("f32", "b", 2)], 1),
    Row("concatenate", [T("f32", "b", 3), T("f32", "b", 2)], 1),
    Row("stack", [T("*", "b", "s"), T("*", "b", "s")], 1, dtypes=("f32", "i64", "bf16")),
    Row("stack", [T("f32", "b", "s", order=(1, 0)), T("f32", "b", "s")], -1),
    Row("stack", [T("f32"), T("f32")]),
    Row("stack", [T("f32", "b", 3), T("i64", "b", 3)]),
    Row("stack", [T("f32", "b", 3), T("f32", "b", 4)], raises=True),
    Row("hstack", [T("f32", "b", 3), T("f32", "b", 2)]),
    Row("hstack", [T("f32", "b"), T("f32", "s")]),
    Row("hstack", [T("f32"), T("f32", "s")]),
    Row("vstack", [T("f32", "s"), T("f32", "s")]),
    Row("vstack", [T("f32", "b", 3), T("f32", "s", 3)]),
    Row("dstack", [T("f32", "s"), T("f32", "s")]),
    Row("dstack", [T("f32", "b", "s", 2), T("f32", "b", "s", 3)]),
    Row("column_stack", [T("f32", "b"), T("f32", "b", 3)]),
]  # fmt: skip
