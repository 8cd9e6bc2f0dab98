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


def rwkv_attention(time_decay, time_first, key, value, state=None, return_state=False):
    """rwkv_linear_attention: numerator, denominator and the largest exponent of both behind each token."""
    import torch

    decay, keys = -torch.exp(time_decay), key.float()
    if state is None:
        empty = torch.zeros_like(keys[:, 0])
        before = empty, empty, empty - 1e38
    else:
        before = state
    numerator, denominator, most = before
    batch, length = key.shape[:2]
    if state is not None and isinstance(length, torch.SymInt):
        torch._state.core.check(torch.sym_max(length - 1, 2 - batch), "input_ids must be at least 2 long, or one "
                                "sample: the model mixes up samples of one token")

    def behind(first, rest):
        return torch.cat([first.unsqueeze(1), rest], dim=1)

    def combine(left, right):
        exponent = torch.maximum(left[3] + right[0], right[3])
        old, new = torch.exp(left[3] + right[0] - exponent), torch.exp(right[3] - exponent)
        return left[0] + right[0], old * left[1] + new * right[1], old * left[2] + new * right[2], exponent

    elements = (behind(torch.zeros_like(numerator), decay + torch.zeros_like(keys)), behind(numerator, value.float()),
                behind(denominator, torch.ones_like(keys)), behind(most, keys))
    _, numerators, denominators, exponents = associative_scan(combine, elements, 1)
    numerator, denominator, most = (states[:, :length] for states in (numerators, denominators, exponents))
    exponent = torch.maximum(most, keys + time_first)
    old, new = torch.exp(most - exponent), torch.exp(keys + time_first - exponent)
    output = ((old * numerator + new * value) / (old * denominator + new)).to(key.dtype)
    if return_state or state is not None:
        state = [states[:, -1] for states in (numerators, denominators, exponents)]
    return output, state


def mlstm(self, query, key, value, igate, fgate, c_initial=None, n_initial=None, m_initial=None,
          return_last_states=None, mode=None):
    """xLSTMBackend.forward: its chunks and steps give what each token takes from all before it and from the state."""
    import torch

    batch, heads, length, width = query.shape
    query, eps = query * width**-0.5, self.config.eps
    forgotten = torch.nn.functional.logsigmoid(fgate).float().cumsum(-1)  # [batch, heads, length]
    gates = forgotten.unsqueeze(-1) - forgotten.unsqueeze(-2) + igate.float().unsqueeze(-2)
    causal = torch.ones(length, length, dtype=torch.bool).tril()
    gates = torch.where(causal, gates, -float("inf"))
    from_state = forgotten if m_initial is None else forgotten + m_initial.float()
    most = torch.maximum(gates.amax(-1), from_state)
    weights = (query @ key.transpose(-2, -1)) * torch.exp(gates - most.unsqueeze(-1))
    values = value.float()
    numerator, denominator = weights @ values, weights.sum(-1)
    if c_initial is not None:
        old = query * torch.exp(from_state - most).unsqueeze(-1)
        numerator = numerator + old @ c_initial.float()
        denominator = denominator + (old @ n_initial.float().unsqueeze(-1)).squeeze(-1)
    scale = torch.maximum(denominator.abs(), torch.exp(-most)) + eps
    hidden = (numerator / scale.unsqueeze(-1)).to(value.dtype)
    mode = mode or self.config.mode
    if "train" in mode and not (self.config.return_last_states if return_last_states is None else return_last_states):
        return hidden
    last = most[..., -1:]  # the state behind the last token
    kept = torch.exp(gates[:, :, -1] - last).unsqueeze(-1) * key
    c_state, n_state = kept.transpose(-2, -1) @ values, kept.sum(-2)
    if c_initial is not None:
        old = torch.exp(from_state[..., -1:] - last)
        c_state, n_state = c_state + old.unsqueeze(-1) * c_initial, n_state + old * n_initial
    return hidden, (c_state.float(), n_state.float(), last)


def forgets_states(model):
    """Whether several tokens behind a state begin anew, as mamba_selective_scan does."""
    import sys

    return any(hasattr(sys.modules[type(module).__module__], "mamba_selective_scan") for module in model.modules())


def selective_scan(original):
    """mamba_selective_scan, which goes step by step where the config says so."""

    def scan(*args, **kwargs):
        return original(*args, **{**kwargs, "use_associative_scan": True, "use_mambapy": False})

    return scan


def replacements():
    """[(owner, name, value)]: selective state space models choose their scan by what is there."""
    import sys

    found = []
    for _, module in model_modules():
        if hasattr(module, "mamba_selective_scan"):
            found += [(module, "is_torchdynamo_exporting", lambda: False),
                      (module, "mamba_selective_scan", selective_scan(module.mamba_selective_scan))]
    library = sys.modules.get("torch._higher_order_ops.associative_scan")
    if library is None:
        import torch._higher_order_ops.associative_scan as library
    found.append((library, "associative_scan", associative_scan))
    gemma = modeling("recurrent_gemma")
    if gemma is not None:
        found.append((gemma.RecurrentGemmaRglru, "_rnn_scan", rnn_scan))
    rwkv = modeling("rwkv")
    if rwkv is not None:
        found.append((rwkv, "rwkv_linear_attention", rwkv_attention))
    xlstm = modeling("xlstm")
    if xlstm is not None:
        found.append((xlstm.xLSTMBackend, "forward", mlstm))
    return found
