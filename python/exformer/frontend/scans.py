"""Recurrences over a sequence in a number of steps that does not depend on its length."""

from .replacing import model_modules, modeling

LONGEST = 1 << 14  # of a sequence whose length is a symbol: each doubling of it is one more step


def associative_scan(combine_fn, xs, dim, reverse=False, combine_mode="pointwise"):
    """torch's: the running combination of all elements up to each. Step k combines each element with the one 2**k
    before it, which by then stands for 2**k elements."""
    import torch

    if reverse:
        raise NotImplementedError("associative_scan from the end")
    single = isinstance(xs, torch.Tensor)
    parts = [xs] if single else list(xs)
    dim = dim % parts[0].dim()
    length = parts[0].size(dim)
    if length > LONGEST:
        raise NotImplementedError(f"a recurrence over more than {LONGEST} elements")
    longest = length if isinstance(length, int) else LONGEST
    places = torch.arange(length).reshape([-1 if axis == dim else 1 for axis in range(parts[0].dim())])
    step = 1
    while step < longest:
        before = [_shifted(part, dim, step, length) for part in parts]
        both = combine_fn(before[0], parts[0]) if single else combine_fn(tuple(before), tuple(parts))
        parts = [torch.where(places >= step, new, old) for new, old in zip([both] if single else both, parts)]
        step *= 2
    return parts[0] if single else tuple(parts)


def _shifted(part, dim, step, length):
    import torch

    padded = torch.nn.functional.pad(part, [0, 0] * (part.dim() - 1 - dim) + [step, 0])
    return padded.narrow(dim, 0, length)


def gated_scan(gates, values, dim):
    """h[t] = gates[t] * h[t - 1] + values[t]"""

    def combine(left, right):
        return left[0] * right[0], right[0] * left[1] + right[1]

    return associative_scan(combine, (gates, values), dim)[1]


def rnn_scan(self, hidden_states, recurrent_gate, reset, recurrent_states, acc_dtype=None):
    """RecurrentGemmaRglru._rnn_scan, for any length and with or without a state."""
    import torch

    acc_dtype = acc_dtype or torch.float32
    gates = (recurrent_gate * ~reset).to(acc_dtype)
    values = hidden_states.to(acc_dtype)
    if recurrent_states is not None:
        first = values[:, :1] + gates[:, :1] * recurrent_states[:, None].to(acc_dtype)
        values = torch.cat([first, values[:, 1:]], dim=1)
    states = gated_scan(gates, values, 1)
    return states.to(hidden_states.dtype), states[:, -1]


def replacements():
    """[(owner, name, value)]: selective state space models choose their scan by what is there."""
    import sys

    found = []
    for _, module in model_modules():
        if hasattr(module, "mamba_selective_scan"):
            found.append((module, "is_torchdynamo_exporting", lambda: False))
    library = sys.modules.get("torch._higher_order_ops.associative_scan")
    if library is None:
        import torch._higher_order_ops.associative_scan as library
    found.append((library, "associative_scan", associative_scan))
    gemma = modeling("recurrent_gemma")
    if gemma is not None:
        found.append((gemma.RecurrentGemmaRglru, "_rnn_scan", rnn_scan))
    return found
