"""The one trace of this process: `core` is the tracer, made when torch.Tensor exists."""

core = None
bounds = []  # comparisons of sizes that Python code made: (left, right, "lt" or "le", truth, where)
ones = []  # symbols that are 1 in the sample and that a comparison took for another size: (symbol, where)
types = {}
is_tracing = False  # a forward is running: code takes the paths that torch.export would


def start(core_session):
    global core
    core = core_session


class Remainders:
    """`size % n == 0`, true in the sample: the next round makes the size a multiple. Padding by `n - size % n` on the
    other answer would add a whole block."""

    whole = None  # the remainder that ended the round
    refused = set()  # texts of those that no divisor of a size explains
