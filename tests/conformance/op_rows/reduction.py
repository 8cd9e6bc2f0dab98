"""Reductions (ops/reduction.cpp)."""

import torch
from op_row import FLOATS, INTS, Row, T

ALL = (*FLOATS, *INTS, "bool")
INF, NAN = float("inf"), float("nan")
ODD = [1.0, -2.0, INF, 0.5, NAN, -INF, 3.0, 0.0]
SMALL = {"low": 0, "high": 3}


def layouts(op, *args, dtype="f32", **options):
    """The same call on tensors that lie differently in memory."""
    yield Row(op, T(dtype, "b", "s", "n", order=(0, 2, 1)), *args, **options)
    yield Row(op, T(dtype, "b", "s", "n", order=(2, 1, 0)), *args, **options)
    yield Row(op, T(dtype, "b", "s", "n", step=2), *args, **options)
    yield Row(op, T(dtype, "b", "s", "n", expand=(1,)), *args, **options)


def over_dims(op, dtypes, low=None, high=None, **options):
    """Ops of the form op(self, int[]? dim, bool keepdim)."""
    bounds = {"low": low, "high": high}
    for dims in ([-1], [0, 2], [1], [-2, -1], []):
        yield Row(op, T("*", "b", "s", "n", **bounds), dims, dtypes=dtypes if dims in ([-1], [0, 2]) else dtypes[:1],
            **options)
        yield Row(op, T(dtypes[0], "b", "s", "n", **bounds), dims, True, **options)
        yield from layouts(op, dims, dtype=dtypes[0], **options)
    yield Row(op, T(dtypes[0]), [-1], **options)
    yield Row(op, T(dtypes[0]), [], True, **options)
    yield Row(op, T(dtypes[0], "b", "s"), [2], raises=True)
    yield Row(op, T(dtypes[0], "b", "s"), [0, -2], raises=True)


def over_dim(op, dtypes, **options):
    """Ops of the form op(self, int dim, bool keepdim)."""
    for dim in (0, 1, -1):
        yield Row(op, T("*", "b", "s", "n", **options), dim, dtypes=dtypes)
        yield Row(op, T(dtypes[0], "b", "s", "n", **options), dim, True)
        yield from layouts(op, dim, dtype=dtypes[0])
    yield Row(op, T(dtypes[0]), 0)
    yield Row(op, T(dtypes[0], "b", "s"), -3, raises=True)


def over_all(op, dtypes, **options):
    yield Row(op, T("*", "b", "s", "n", **options), dtypes=dtypes)
    yield Row(op, T(dtypes[0], "b", "s", "n", order=(1, 2, 0), **options))
    yield Row(op, T(dtypes[0], **options))


ROWS = [
    Row("sum.dim_IntList", T("i64", 2, 3, values=[2**62 + 1, 3, 2**62, -(2**62) - 5, 17, 2**61 + 3]), [-1]),
    *over_dims("sum.dim_IntList", ALL), *over_all("sum", ALL),
    Row("sum.dim_IntList", T("i32", "b", "s"), [1], dtype=torch.int32),
    Row("sum.dim_IntList", T("f16", "b", "s"), [1], dtype=torch.float32),
    Row("sum.dim_IntList", T("f32", "b", "s"), None),
    Row("sum.dim_IntList", T("bool", "b", "s"), [0], dtype=torch.float32),
    Row("sum", T("i32", "b", "s"), dtype=torch.float64), Row("sum", T("f32", "b", 8, values=ODD)),
    # The order of the additions is not torch's.
    *[Row("sum.dim_IntList", T("f32", "s", 3001), [dim], sets=({"s": 300}, {"s": 2}), rtol=1e-4, atol=1e-4)
        for dim in (0, 1)],
    *over_dims("mean.dim", FLOATS), *over_all("mean", FLOATS),
    Row("mean.dim", T("i64", "b", "s"), [1], raises=True),
    Row("mean.dim", T("i64", "b", "s"), [1], dtype=torch.float32),
    Row("mean", T("f16", "b", "s"), dtype=torch.float32),
    Row("mean.dim", T("bf16", "b", "s", "n"), [-1], True, dtype=torch.float32),
    *over_all("prod", (*FLOATS[:2], "i64", "bool"), low=1, high=3),
    *over_dim("prod.dim_int", (*FLOATS[:2], "i64", "i32"), low=-2, high=3),
    Row("prod.dim_int", T("i32", "b", "s", **SMALL), 1, dtype=torch.int32),
    # Extremes; the first of equal ones is the index.
    *[row for op in ("amax", "amin") for row in over_dims(op, ALL)],
    *[row for op in ("max", "min") for row in over_all(op, ALL)],
    *[row for op in ("amax", "amin")
        for row in (Row(op, T("f32", 3, 8, values=ODD), [1]), Row(op, T("f32", 7, 8, values=ODD[:4]), [0]))],
    *[row for op in ("max", "min", "argmax", "argmin")
        for row in (Row(op, T("f32", 8, values=ODD)), Row(op, T("f32", 4, values=[-INF, -INF])))],
    *[row for op in ("max.dim", "min.dim") for row in over_dim(op, (*FLOATS, *INTS), distinct=True)],
    *[row for op in ("max.dim", "min.dim")
      for row in (Row(op, T("f32", 3, 8, values=ODD), 1), Row(op, T("bool", "b", "s"), 1), Row(op, T("i64", "b", "s",
          **SMALL), 1))],
    *[row for op in ("argmax", "argmin") for row in over_dim(op, ("f32", "f64", "i64", "i32"), distinct=True)],
    *[row for op in ("argmax", "argmin") for row in (
        Row(op, T("*", "b", "s", distinct=True), dtypes=("f32", "i64")),
        Row(op, T("f32", "b", "s", distinct=True), None, True),
        Row(op, T("i64", "b", "s", **SMALL), -1), Row(op, T("f32", "b", "s", "n", order=(2, 0, 1), distinct=True)))],
    Row("amax", T("f32", 0, 3), [0], raises=True), Row("max.dim", T("f32", 3, 0), 1, raises=True),
    Row("amax", T("f32", 0, 3), [1]),
    # Logic.
    *[row for op in ("any", "all") for row in over_all(op, ("bool", *ALL[:-1]), low=0, high=1)],
    *[row for op in ("any.dim", "all.dim") for row in over_dim(op, ("bool", "f32", "i64", "u8"), low=0, high=1)],
    *[row for op in ("any.dims", "all.dims") for dims in ([0], [0, 2], None) for row in (
        Row(op, T("*", "b", "s", "n", low=0, high=1), dims, dtypes=("bool", "i64")), Row(op, T("bool", "b", "s", "n",
              order=(1, 0, 2)), dims, True))],
    *[row for op in ("any.dims", "all.dims")
        for row in (Row(op, T("bool", "b", "s"), []), Row(op, T("f32", "b", "s"), [], True))],
    Row("any.dim", T("f32", 2, 8, values=ODD), 1), Row("all.dim", T("f32", 2, 8, values=ODD), 1),
    Row("all", T("bool", 0, 3)), Row("any", T("bool", 0, 3)),
    Row("count_nonzero", T("*", "b", "s", low=0, high=2), dtypes=("f32", "i64", "bool")),
    Row("count_nonzero", T("i64", "b", "s", low=0, high=2), -1),
    Row("count_nonzero.dim_IntList", T("i64", "b", "s", "n", low=0, high=2), [0, 2]),
    Row("count_nonzero.dim_IntList", T("f32", "b", "s", order=(1, 0)), [0]),
    # Moments.
    *[row for op in ("var", "std") for row in (
        *over_all(op, FLOATS), Row(op, T("f32", "b", "s"), False),
        *[Row(op + ".dim", T("*", "b", "s", "n"), [-1], dtypes=FLOATS, sets=({"b": 2, "s": 3, "n": 5}, {"b": 1,
              "s": 3, "n": 2}))],
        Row(op + ".dim", T("f32", "b", "s", "n"), [1, 2], False, True),
        Row(op + ".dim", T("f32", "b", "s", "n"), None), Row(op + ".dim", T("i64", "b", "s"), [1], raises=True),
        *layouts(op + ".dim", [1], False),
        Row(op + ".correction", T("*", "b", "s"), [1], dtypes=FLOATS),
        Row(op + ".correction", T("f32", "b", "s"), [1], correction=0, keepdim=True),
        Row(op + ".correction", T("f32", "b", "s"), [1], correction=1.5),
        Row(op + ".correction", T("f32", "b", "s"), correction=0),
        Row(op + ".correction", T("f32", "b", 2), [1], correction=2), Row(op + ".correction", T("f32", "b", 1), [1],
              correction=0))],
    Row("var_mean", T("f32", "b", "s")), Row("var_mean.dim", T("f32", "b", "s"), [1], False, True),
    Row("var_mean.correction", T("*", "b", "s"), [1], dtypes=FLOATS),
    Row("var_mean.correction", T("f32", "b", "s", order=(1, 0)), [0], correction=0),
    # Norms.
    *[Row("linalg_vector_norm", T("*", "b", "s", "n"), order, [-1], dtypes=("f32", "f64"))
        for order in (0, 1, 2, 3, 0.5, INF, -INF, -1)],
    *[Row("linalg_vector_norm", T("f32", "b", "s", "n"), order, [0, 2], True) for order in (0, 1, 2, 3, INF)],
    Row("linalg_vector_norm", T("*", "b", "s"), 2, [1], dtypes=("f16", "bf16"), decomposes=False),
    Row("linalg_vector_norm", T("f32", "b", "s"), 2),
    Row("linalg_vector_norm", T("f16", "b", "s"), 2, [1], dtype=torch.float32),
    Row("linalg_vector_norm", T("i64", "b", "s"), 2, [1], raises=True),
    *layouts("linalg_vector_norm", 2, [1]),
    Row("norm.Scalar", T("f32", "b", "s")), Row("norm.Scalar", T("f32", "b", "s"), 1),
    *[Row("norm.ScalarOpt_dim", T("f32", "b", "s", "n"), order, [-1], keepdim) for order in (2, None, 1, INF)
        for keepdim in (True, False)],
    Row("norm.ScalarOpt_dim_dtype", T("f16", "b", "s"), 2, [1], True, dtype=torch.float32),
    Row("norm.ScalarOpt_dtype", T("f16", "b", "s"), 2, dtype=torch.float32),
    Row("logsumexp", T("*", "b", "s", "n"), [-1], dtypes=("f32", "f64", "i64")),
    Row("logsumexp", T("f32", "b", "s", "n"), [0, 2], True),
    Row("logsumexp", T("f32", 2, 8, values=ODD), [1]),
    Row("logsumexp", T("f32", 3, 2, values=[-INF, -INF, 1.0, INF, 2.0, 90.0]), [1]), *layouts("logsumexp", [1]),
    Row("logsumexp", T("*", "b", "s"), [1], dtypes=("f16", "bf16"), decomposes=False),
]  # fmt: skip
