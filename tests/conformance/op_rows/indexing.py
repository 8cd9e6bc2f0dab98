"""Reading and writing by index tensors (ops/indexing.cpp)."""

from op_row import FLOATS, INTS, Row, T

ALL = (*FLOATS, *INTS, "bool")


def near(*sizes, **options):
    """Indices that fit any dim of at least 2."""
    return T(options.pop("dtype", "i64"), *sizes, low=-2, high=1, **options)


TWO = {"sets": ({"b": 2, "s": 6, "n": 4, "m": 5, "h": 3, "k": 7}, {"b": 3, "s": 9, "n": 7, "m": 2, "h": 4, "k": 3})}

ROWS = [
    Row("index.Tensor", T("*", "s", "n"), [near("b")], dtypes=ALL),
    Row("index.Tensor", T("f32", "s", "n"), [near("b", dtype="i32")]),
    Row("index.Tensor", T("f32", "s", "n"), [near("b", "m")]), Row("index.Tensor", T("f32", "s", "n"), [near()]),
    Row("index.Tensor", T("f32", "s", "n"), [None, near("b")]),
    Row("index.Tensor", T("f32", "s", "n", "m"), [None, near("b", "k")], **TWO),
    Row("index.Tensor", T("f32", "s", "n"), [near("b"), near("b")]),
    Row("index.Tensor", T("f32", "s", "n", 3), [near("b"), near("b")]),
    Row("index.Tensor", T("f32", "s", "n", 3), [near("b", 1), near("m")]),
    Row("index.Tensor", T("f32", "s", "n", "h"), [None, near("b"), near("b")]),
    Row("index.Tensor", T("f32", "s", "n", "h"), [near("b"), None, near("b")]),
    Row("index.Tensor", T("f32", "s", "n", "h", 2), [None, near("b"), None, near("b")]),
    Row("index.Tensor", T("f32", "s", "n", "h", 2), [None, near("b", 1), near("k")]),
    Row("index.Tensor", T("f32", "s", "n", "h"), [near("b"), None]),
    Row("index.Tensor", T("f32", "s", "n", order=(1, 0)), [near("b")]),
    Row("index.Tensor", T("f32", "s", "n", "h", order=(2, 0, 1)), [None, near("b")]),
    Row("index.Tensor", T("f32", "s", "n", "h", order=(1, 2, 0)), [near("b", "m")]),
    Row("index.Tensor", T("f32", "s", "n", "h", order=(0, 2, 1)), [near("b")]),
    Row("index.Tensor", T("f32", "s", "n", step=2), [near("b")]),
    Row("index.Tensor", T("f32", "s", "n", expand=(0,)), [near("b")]),
    # torch's own kernel also follows the layout of the indices, its meta kernel does not.
    Row("index.Tensor", T("f32", "s", "n"), [near("b", "m", order=(1, 0))], strides=False),
    Row("index.Tensor", T("f32", "s", "n"), [near("b", expand=(0,)), near("b")]),
    Row("index.Tensor", T("f32", "s", 3), [T("i64", "b", low=20, high=30)], raises=True),
    Row("index.Tensor", T("f32", "s", "n"), [None, None], refused="at least one"),
    Row("index.Tensor", T("f32", "s"), [near("b"), near("b")], raises=True),
    Row("index.Tensor", T("f32", "s", "n"), [T("f32", "b")], raises=True),
    Row("index.Tensor", T("f32", "s", "n"), [near(2), near(3)], raises=True),
    Row("index.Tensor", T("f32", "s", "n"), [T("bool", "s")], refused="depend on data"),
    Row("index.Tensor", T("f32", 400, "n", 60), [T("i64", "s", low=0, high=399)],
        sets=({"s": 300, "n": 5}, {"s": 2, "n": 3})),
    # index_put; indices that repeat write in no given order, so they are distinct here unless they add up
    Row("index_put", T("*", "s", "n"), [T("i64", 2, values=[1, -1])], T("*", 2, "n"), dtypes=ALL, **TWO),
    Row("index_put", T("f32", "s", "n"), [T("i64", 2, values=[1, 0])], T("f32", "n"), **TWO),
    Row("index_put", T("f32", "s", "n"), [T("i64", 2, values=[1, 0])], T("f32"), **TWO),
    Row("index_put", T("f32", "s", "n"), [None, T("i64", 2, values=[1, 0])], T("f32", "s", 2), **TWO),
    Row("index_put", T("f32", "s", "n"), [T("i32", 2, values=[1, 0])], T("f32", 2, 1), **TWO),
    Row("index_put", T("f32", "s", "n"), [T("i64", 2, values=[1, 0]), T("i64", 2, values=[0, -1])], T("f32", 2), **TWO),
    Row("index_put", T("f32", "s", "n", "h"), [T("i64", 2, values=[1, 0]), None, T("i64", 2, values=[0, -1])],
        T("f32", 2, "n"), **TWO),
    Row("index_put", T("*", "s", "n"), [near("b")], T("*", "b", "n"), True, dtypes=("f32", "f64", "i64", "i32")),
    Row("index_put", T("f32", "s", "n"), [None, near("k")], T("f32"), True, **TWO),
    Row("index_put", T("f32", "s", "n", order=(1, 0)), [T("i64", 2, values=[1, 0])], T("f32", "n"), **TWO),
    Row("index_put", T("f32", "s", "n", step=2), [T("i64", 2, values=[1, 0])], T("f32", "n"), **TWO),
    Row("index_put", T("f32", "s", "n"), [T("i64", 2, values=[1, 0])], T("i64", "n"), raises=True),
    Row("index_put", T("f32", "s", 3), [T("i64", 2, values=[1, 0])], T("f32", 4), raises=True),
    Row("index_put", T("f32", "s", "n"), [T("bool", "s", "n")], T("f32")),
    Row("index_put", T("f32", "s", "n"), [T("bool", "s")], T("f32", 1)),
    Row("index_put", T("f32", "s", "n"), [None, T("bool", "n")], T("f32")),
    Row("index_put", T("f32", "s", "n"), [T("bool", "s", "n")], T("f32", "b"), refused="depend on data", **TWO),
    # One dim
    Row("index_select", T("*", "s", "n"), 0, T("i64", "b", low=0, high=1), dtypes=ALL, **TWO),
    Row("index_select", T("f32", "s", "n", "h"), -2, T("i32", "b", low=0, high=1), **TWO),
    Row("index_select", T("f32", "s", "n", order=(1, 0)), 1, T("i64", "b", low=0, high=1), **TWO),
    Row("index_select", T("f32", "s"), 0, T("i64", values=[1]), **TWO),
    Row("index_select", T("f32"), 0, T("i64", 1, values=[0])),
    Row("index_select", T("f32", "s", "n"), 0, T("i64", "b", 1), raises=True),
    Row("index_select", T("f32", "s"), 2, T("i64", 1), raises=True),
    Row("index_copy", T("*", "s", "n"), 0, T("i64", 2, values=[1, 0]), T("*", 2, "n"), dtypes=ALL, **TWO),
    Row("index_copy", T("f32", "s", "n"), -1, T("i64", 2, values=[1, 0]), T("f32", "s", 2), **TWO),
    Row("index_copy", T("f32", "b", "h", "s", 4), 2, T("i64", 2, values=[3, 1]), T("f32", "b", "h", 2, 4), **TWO),
    Row("index_copy", T("f32", "s", "n", order=(1, 0)), 0, T("i64", 2, values=[1, 0]), T("f32", 2, "n"),
        strides=False, **TWO),
    Row("index_copy", T("f32", "s", 4), 0, T("i64", 2, values=[1, 0]), T("f32", 3, 4), raises=True),
    Row("index_copy", T("f32", "s", 4), 0, T("i64", 2, values=[1, 0]), T("f64", 2, 4), raises=True),
    Row("index_add", T("*", "s", "n"), 0, T("i64", "b", low=0, high=1), T("*", "b", "n"),
        dtypes=("f32", "f64", "i64", "i32"), **TWO),
    Row("index_add", T("f32", "s", "n"), 1, T("i32", "b", low=0, high=1), T("f32", "s", "b"), alpha=2, **TWO),
    Row("index_add", T("f32", "s", "n"), 1, T("i64", "b", low=0, high=1), T("f32", "s", "b"), alpha=0.5, **TWO),
    Row("index_add", T("f32", "s", 4), 0, T("i64", 2), T("f32", 3, 4), raises=True),
    Row("index_fill.int_Scalar", T("*", "s", "n"), 0, T("i64", 2, values=[1, 0]), 3, dtypes=ALL),
    Row("index_fill.int_Scalar", T("f32", "b", "s", 4, order=(2, 0, 1)), -1, T("i64", 2, values=[-1, 0]), 0.5),
    Row("index_fill.int_Scalar", T("f32", "s"), 0, T("i64", values=[1]), 2.5),
    Row("index_fill.int_Scalar", T("f32"), 0, T("i64", 1, values=[0]), 2.5),
    Row("index_fill.int_Tensor", T("f32", "s", "n"), 1, T("i64", "b", low=0, high=1), T("f32")),
    Row("index_fill.int_Tensor", T("f32", "s", 4), 0, T("i64", 2, values=[1, 0]), T("f32", 1), raises=True),
]  # fmt: skip
