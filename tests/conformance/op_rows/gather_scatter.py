"""One index for every element along a dim (ops/gather_scatter.cpp)."""

from op_row import FLOATS, INTS, Row, T

ALL = (*FLOATS, *INTS, "bool")
NUMBERS = (*FLOATS, *INTS)
TWO = {"sets": ({"b": 2, "s": 6, "n": 4, "m": 5, "h": 3, "k": 7}, {"b": 3, "s": 9, "n": 7, "m": 2, "h": 4, "k": 3})}


def low(*sizes, **options):
    """Indices that fit any dim of at least 2."""
    return T(options.pop("dtype", "i64"), *sizes, low=0, high=1, **options)


def once(*sizes):
    """Each position at most once along a dim of length 3."""
    return T("i64", *sizes, values=[2, 0, 1])


ROWS = [
    Row("gather", T("*", "s", "n"), 0, low("b", "n"), dtypes=ALL, **TWO),
    Row("gather", T("f32", "s", "n"), 1, low("s", "k"), **TWO),
    Row("gather", T("f32", "s", "n"), -1, low("b", 1), **TWO),
    Row("gather", T("f32", "b", "s", "n", order=(2, 0, 1)), 1, low("b", "m", "n")),
    Row("gather", T("f32", "s", "n"), 0, low("b", "n", order=(1, 0)), **TWO),
    Row("gather", T("f32", "s", "n"), 0, low("b", "n", expand=(1,)), **TWO),
    Row("gather", T("f32", "s"), 0, low("b"), **TWO), Row("gather", T("f32"), 0, T("i64", values=[0])),
    Row("gather", T("f32", "s", "n", step=2), 1, low("s", 2), **TWO),
    Row("gather", T("f32", "s", 3), 0, low(2, 4), raises=True),
    Row("gather", T("f32", "s", "n"), 0, low("b"), raises=True),
    Row("gather", T("f32", "s", 3), 0, T("i64", "b", 3, low=40, high=50), raises=True),
    Row("gather", T("f32", "s", "n"), 0, T("f32", "b", "n"), raises=True),
    Row("gather", T("f32", "s", "n"), 0, low("b", "n", dtype="i32"), **TWO),
    *[row for op, kinds in (("scatter.src", ALL), ("scatter_add", NUMBERS)) for row in (
        Row(op, T("*", "b", 3), 1, once("b", 3), T("*", "b", 3), dtypes=kinds),
        Row(op, T("f32", 3, "n"), 0, T("i64", 1, "n", low=0, high=2), T("f32", 2, "n")),
        Row(op, T("f32", "b", "s", 3), -1, once("b", "s", 3), T("f32", "b", "s", 3, order=(2, 0, 1))),
        Row(op, T("f32", "b", 3, order=(1, 0)), 1, once("b", 3), T("f32", "b", 3), strides=False),
        Row(op, T("f32", 3), 0, once(3), T("f32", 3)), Row(op, T("f32"), 0, T("i64", values=[0]), T("f32")),
        Row(op, T("f32", "b", 3), 1, once("b", 3), T("f64", "b", 3), raises=True),
        Row(op, T("f32", "b", 3), 1, once("b", 3), T("f32", "b", 2), raises=True), Row(op, T("f32", "b", 3), 1,
              T("i64", "b", 3, low=3, high=9), T("f32", "b", 3), raises=True))],
    Row("scatter_add", T("f32", "b", 3), 1, T("i64", "b", "s", low=0, high=2), T("f32", "b", "s")),
    Row("scatter_add", T("i64", "b", 3), 1, T("i64", "b", "s", low=0, high=2), T("i64", "b", "s")),
    Row("scatter.value", T("*", "b", 3), 1, T("i64", "b", 2, low=0, high=2), 2, dtypes=ALL),
    Row("scatter.value", T("f32", "b", 3), -1, T("i64", "b", 2, low=0, high=2), -0.5),
    Row("scatter.value", T("f32", "b", 3), 1, T("i64", "b", 1, low=0, high=2), float("-inf")),
    *[Row("scatter.reduce", T("*", "b", 3), 1, T("i64", "b", "s", low=0, high=2), T("*", "b", "s", low=1, high=2),
          reduce=how, dtypes=("f32", "i64"))
      for how in ("add", "multiply")],
    *[Row("scatter_reduce.two", T("*", "b", 3), 1, T("i64", "b", "s", low=0, high=2), T("*", "b", "s", low=1,
          high=3), how, include_self=include, dtypes=("f32", "f64", "i64"))
      for how in ("sum", "prod", "mean", "amax", "amin") for include in (True, False)],
    Row("scatter_reduce.two", T("f32", "b", 3), 1, T("i64", "b", 2, low=0, high=2), T("f32", "b", 2), "median",
        raises=True),
    Row("masked_scatter", T("*", "b", "s"), T("bool", "b", "s"), T("*", "b", "s"), dtypes=ALL),
    Row("masked_scatter", T("f32", "b", "s"), T("bool", "s"), T("f32", "b", "s", "n")),
    Row("masked_scatter", T("f32", "b", "s", 4), T("bool", "b", "s", 1), T("f32", "b", "s", 4)),
    Row("masked_scatter", T("f32", "b", "s", order=(1, 0)), T("bool", "b", "s"), T("f32", "b", "s", order=(1, 0)),
        strides=False),
    Row("masked_scatter", T("f32", "b", "s"), T("i64", "b", "s"), T("f32", "b", "s"), raises=True),
    Row("masked_scatter", T("f32", "b", "s"), T("bool", "b", "s"), T("f64", "b", "s"), raises=True),
    Row("masked_scatter", T("f32", "b", "s"), T("bool", "b", "s", values=[True]), T("f32", 1), raises=True),
    Row("take_along_dim", T("f32", "s", "n"), low("b", "n"), 0, **TWO),
    Row("take_along_dim", T("f32", "b", "s", "n"), low(1, 2, 1), 1, **TWO),
    Row("take_along_dim", T("f32", "s", "n"), low("b", "k"), **TWO),
    Row("take_along_dim", T("f32", "s", "n"), low("b"), 0, raises=True),
]  # fmt: skip
