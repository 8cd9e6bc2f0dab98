"""The one trace of this process: `core` is the tracer, made when torch.Tensor exists."""

core = None
bounds = []  # comparisons of sizes that Python code made: (left, right, "lt" or "le", truth, where)
types = {}
is_tracing = False  # a forward is running: code takes the paths that torch.export would


def start(core_session):
    global core
    core = core_session


class Remainders:
    """What the trace does about `size % n == 0`. As with any 0 the answer is no, which takes the path that pads; where
    sizes cannot be followed through that one, the next round takes the sample's answer and the size is a multiple."""

    prefer_whole = False
    open = []  # remainders that were 0 in the sample
    whole = None  # the one that ended the round
