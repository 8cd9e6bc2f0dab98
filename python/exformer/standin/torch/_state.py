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
    """`size % n`, which code asks about before it pads by `n - size % n`, or by `size % 2`. Where that is all it does
    with it, it pads in every case, by nothing when nothing is left over. Else a remainder that is 0 in the sample makes
    the size a multiple in the next round: padding on the other answer would add a whole block."""

    whole = None  # the remainder that ended the round
    where = ""  # and the line that asked
    refused = set()  # texts of those that no divisor of a size explains
    operands = {}  # by text: size and n
    padded = {}  # by text, of this round: whether `n - size % n` was asked for
    no_padding = set()  # texts of those that code does other things with
    missing = set()  # texts of what is missing to the next multiple: they count as more than 0 when code asks
    taken_for_some = set()  # of this round: those that it has asked about

    @classmethod
    def remainder(cls, text):
        size, block = cls.operands[text]
        return size.modulo(block)
