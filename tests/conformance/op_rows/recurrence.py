"""Recurrent layers (ops/recurrence.cpp): one layer and direction each."""

from op_row import Row, T


def lstm(width, size, *, biases=True, batch="b", dtype="f32", **options):
    """A call over [length, batch, width]."""
    def part(*sizes):
        return T(dtype, *sizes, low=-1.0, high=1.0)

    weights = [part(4 * size, width), part(4 * size, size), *([part(4 * size)] * 2 if biases else [])]
    states = [part(1, batch, size), part(1, batch, size)]
    return Row("lstm.input", part("s", batch, width), states, weights, biases, 1, 0.0, False, False, False, **options)


ROWS = [
    lstm(5, 3, rtol=1e-4, atol=1e-5), lstm(3, 4, biases=False, rtol=1e-4, atol=1e-5),
    lstm(2, 2, batch=1, rtol=1e-4, atol=1e-5),
]  # fmt: skip
