"""Order, histograms and searches (ops/sorting.cpp)."""

from op_row import FLOATS, INTS, Row, S, T

INF = float("inf")
ODD = [1.0, float("nan"), -2.0, float("inf"), 0.0, 3.5, float("-inf"), float("nan"), 2.0, -0.5]


def sorts(op, **always):
    """Values are distinct, for the order of equal ones is open unless the sort is stable."""
    yield Row(op, T("*", "b", "s", 4, distinct=True), dtypes=("f32", "f64", "i64", "i32"), **always)
    yield Row(op, T("f32", "b", "s", "n", distinct=True), dim=1, **always)
    yield Row(op, T("f32", "b", "s", "n", distinct=True), dim=-2, descending=True, **always)
    yield Row(op, T("f32", "b", "s", "n", order=(2, 0, 1), distinct=True), dim=0, **always)
    yield Row(op, T("f32", "b", "s", "n", order=(0, 2, 1), distinct=True), descending=True, **always)
    yield Row(op, T("f32", "s", "n", step=2, distinct=True), **always)
    yield Row(op, T("f32", "s", "n", expand=(0,), distinct=True), dim=1, **always)
    yield Row(op, T("f32"), **always)
    yield Row(op, T("f32", "s"), dim=1, raises=True, **always)


ROWS = [
    *sorts("sort"), *sorts("sort.stable", stable=True), *sorts("argsort"), *sorts("argsort.stable", stable=True),
    Row("msort", T("f32", "s", "n", distinct=True)), Row("msort", T("f32", "s", "n", order=(1, 0), distinct=True)),
    Row("msort", T("f32")),
    *[Row("sort.stable", T("*", "b", "s", 8, low=0, high=2), stable=True, descending=down, dtypes=(*FLOATS, *INTS,
          "bool"))
      for down in (False, True)],
    *[Row("sort.stable", T("f32", 10, values=ODD), stable=True, descending=down) for down in (False, True)],
    Row("sort", T("bool", "b", "s"), unordered=(1,)),
    # Short rows keep the order of equal elements in torch too; a choice among what is masked falls on any of it.
    *[Row("sort", T("*", "b", "s", 8, values=[2, 1, 2, 0, 1, 1, 0]), descending=down, dtypes=("f32", "i64"))
      for down in (False, True)],
    *[Row("argsort", T("f32", "b", "s", 8, values=[2.0, 1.0, 2.0, 0.0, 1.0, 1.0, 0.0]), descending=down)
      for down in (False, True)],
    *[Row("topk", T("f32", "b", "s", 3, values=[1.0, 1.0, 0.0, 2.0]), 2, -1, largest) for largest in (False, True)],
    Row("topk", T("f32", "b", 40, values=[3.0, -INF, -INF, -INF, -INF, -INF, -INF]), 9, unordered=(1,)),
    Row("topk", T("f32", "b", 5), 0), Row("topk", T("f32", 3, "s"), S("s")),
    *[Row("topk", T("*", "b", "s", distinct=True), 2, dtypes=("f32", "f64", "i64", "i32"), sets=({"b": 2, "s": 6},
          {"b": 1, "s": 9}))], Row("topk", T("*", "b", 6), 6, dtypes=(*FLOATS, *INTS), unordered=(1,)),
    Row("topk", T("f32", "s", "n", distinct=True), S("b"), 0),
    Row("topk", T("f32", "s", "n", distinct=True), 1, -1, False),
    Row("topk", T("f32", "s", 8, order=(1, 0), distinct=True), 3, 1, True, True),
    Row("topk", T("f32", 10, values=ODD[:7] + [9.0, 8.0, 7.0]), 4), Row("topk", T("f32"), 1),
    Row("topk", T("f32", "b", 3), 4, raises=True), Row("topk", T("f32", 300, 200, distinct=True), 5),
    *[Row("histc", T("*", "b", "s", low=-2.0, high=3.0), 5, dtypes=("f32", "f64"))],
    Row("histc", T("f32", "b", "s"), 4, -1, 2),
    Row("histc", T("f32", "b", "s", values=[0.0, 1.0, 2.0, 3.0]), 4, 0, 3),
    Row("histc", T("f32", "b", values=[2.0]), 3),
    Row("histc", T("f32", 6, values=[0.0, 1.0, 2.0, 3.0, 7.0, 8.0]), 8, 0, 7),
    Row("histc", T("f32", "b"), 0, raises=True), Row("histc", T("i64", "b"), 3, raises=True),
    Row("histc", T("f32", "b"), 3, 2, 1, raises=True),
    *[Row("searchsorted.Tensor", T("*", 6, values=[1, 2, 2, 3, 5, 8]), T("*", "b", "s", low=0, high=9), right=right,
          dtypes=("f32", "i64", "i32"))
      for right in (False, True)],
    Row("searchsorted.Tensor", T("f32", 2, 3, values=[1.0, 2.0, 3.0]), T("f32", 2, "s")),
    Row("searchsorted.Tensor", T("f32", 6, values=[1.0, 2.0, 2.0, 3.0, 5.0, 8.0]), T("f32", "b", "s"),
        out_int32=True, side="right"),
    Row("searchsorted.Tensor", T("f32", 2, 3, values=[1.0, 2.0, 3.0]), T("f32", 3, 3), raises=True),
    Row("searchsorted.Tensor", T("f32", 3, values=[1.0, 2.0, 3.0]), T("f32", 3), side="up", raises=True),
    Row("searchsorted.Tensor", T("f32", 3, values=[1.0, 2.0, 3.0]), T("f32", 3), side="left", right=True, raises=True),
    Row("searchsorted.Tensor", T("f32", 3, values=[1.0, 2.0, 3.0]), T("f32", "b"),
        sorter=T("i64", 3, values=[0, 1, 2]), refused="sorter"),
    *[Row("bucketize.Tensor", T("*", "b", "s", low=0, high=9), T("*", 5, values=[1, 2, 3, 5, 8]), right=right,
          dtypes=("f32", "i64"))
      for right in (False, True)],
    Row("bucketize.Tensor", T("f32", "b", "s", order=(1, 0)), T("f32", 3, values=[-1.0, 0.0, 1.0]), out_int32=True),
    Row("bucketize.Tensor", T("i64", "b"), T("f32", 3, values=[-1.0, 0.5, 1.0])),
    Row("bucketize.Tensor", T("f32", "b"), T("f32", 2, 2), raises=True),
]  # fmt: skip
