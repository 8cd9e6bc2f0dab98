"""Linear attention in chunks: what passes from chunk to chunk at once for all of them, so that their number stays an
input."""

from .replacing import model_modules, modeling
from .scans import LONGEST


def chunked(states, size, chunks):
    """[..., length, width] as [..., chunks, size, width], zeros behind the end."""
    import torch

    missing = chunks * size - states.shape[-2]
    return torch.nn.functional.pad(states, (0, 0, 0, missing)).unflatten(-2, (chunks, size))


def inverse_of_unit_lower(lower):
    """(1 + lower)^-1 of strictly lower matrices: the inverses of the diagonal blocks of one row, of two, of four... A
    series of powers needs no fewer steps and cancels where keys are alike."""
    import torch

    size = lower.shape[-1]
    row, column = torch.arange(size).unsqueeze(1), torch.arange(size)
    inverse, block = None, 1
    while block < size:
        # Below the diagonal, in the lower left quarter of a block of twice the size.
        below = (row // (2 * block) == column // (2 * block)) & (row // block != column // block)
        part = torch.where(below, lower, 0.0)
        inverse = torch.eye(size) - part if inverse is None else inverse - inverse @ part @ inverse
        block *= 2
    return inverse


def affine_scan(factors, terms, longest):
    """S[c] = factors[c] @ S[c - 1] + terms[c] over the third dim, S[-1] = 0. Step k joins each element with the one
    2**k before it; in front of the first there are zeros, which change nothing."""
    import torch

    def before(part, step):
        return torch.nn.functional.pad(part, (0, 0, 0, 0, step, 0)).narrow(2, 0, part.shape[2])

    step = 1
    while step < longest:
        terms = terms + factors @ before(terms, step)
        factors = factors @ before(factors, step)
        step *= 2
    return terms


def gated_delta_rule(query, key, value, g, beta, chunk_size=64, initial_state=None, output_final_state=False,
                     use_qk_l2norm_in_kernel=False, **kwargs):
    """torch_chunk_gated_delta_rule and chunk_kimi_delta_attention, whose decays are per channel of the keys."""
    import torch

    dtype, per_channel = query.dtype, g.dim() == 4
    length, groups = query.shape[1], value.shape[2] // key.shape[2]
    if length > LONGEST:
        raise NotImplementedError(f"a recurrence over more than {LONGEST} elements")
    if groups != 1:
        query, key = (states.repeat_interleave(groups, dim=2) for states in (query, key))
    decay = g if per_channel else g.unsqueeze(-1)
    query, key, value, decay, beta = (states.transpose(1, 2).float()
                                      for states in (query, key, value, decay, beta.unsqueeze(-1)))
    if use_qk_l2norm_in_kernel:
        query, key = (states * torch.rsqrt((states * states).sum(-1, keepdim=True) + 1e-6) for states in (query, key))
    query = query * key.shape[-1] ** -0.5
    size = 16 if per_channel else chunk_size  # decays per channel are a matrix of a chunk for each channel
    chunks = -(-length // size)
    query, key, value, decay, key_beta, value_beta = (
        chunked(states, size, chunks) for states in (query, key, value, decay, key * beta, value * beta))
    decay = decay.cumsum(-2)
    behind = torch.ones(size, size, dtype=torch.bool).triu(1)
    between = (decay.unsqueeze(-2) - decay.unsqueeze(-3)).masked_fill(behind.unsqueeze(-1), -float("inf")).exp()

    def scores(left):
        if per_channel:
            return (left.unsqueeze(-2) * key.unsqueeze(-3) * between).sum(-1)
        return left @ key.transpose(-1, -2) * between.squeeze(-1)

    solved = inverse_of_unit_lower(scores(key_beta).tril(-1))
    new_values, read = solved @ value_beta, solved @ (key_beta * decay.exp())
    end = decay[..., -1:, :]
    written = (key * (end - decay).exp()).transpose(-1, -2)
    # A chunk takes the state S to factors @ S + terms.
    factors, terms = torch.eye(key.shape[-1]) * end.exp() - written @ read, written @ new_values
    longest = -(-LONGEST // size) if isinstance(chunks, torch.SymInt) else chunks
    if initial_state is None:
        first = torch.zeros_like(terms[:, :, :1])
    else:
        first = initial_state.float().unsqueeze(2)
        factors = torch.cat([torch.zeros_like(factors[:, :, :1]), factors], dim=2)
        terms, longest = torch.cat([first, terms], dim=2), longest + 1
    states = affine_scan(factors, terms, longest)
    if initial_state is None:
        states = torch.cat([first, states], dim=2)
    before = states.narrow(2, 0, chunks)
    output = query * decay.exp() @ before + scores(query) @ (new_values - read @ before)
    output = output.flatten(2, 3).narrow(2, 0, length).transpose(1, 2).to(dtype)
    return output, states[:, :, -1] if output_final_state else None


def sums_between(steps):
    """[..., i, j]: the sum of steps[j + 1] to steps[i], and -inf where j is behind i."""
    import torch

    size = steps.shape[-1]
    lower = torch.ones(size, size, dtype=torch.bool)
    rows = steps.unsqueeze(-1) * lower.tril(-1)  # not a difference of two sums: the long ones would eat the short
    return rows.cumsum(-2).masked_fill(lower.triu(1), -float("inf"))


def chunk_scan(hidden_states, dt, A, B, C, chunk_size, D=None, dt_bias=None, initial_states=None, dt_softplus=False,
               dt_limit=(0.0, float("inf")), return_final_states=False, **kwargs):
    """mamba2_chunk_scan, whose padding is of any length, none included."""
    import torch

    length, heads = hidden_states.shape[1:3]
    chunks = -(-length // chunk_size)
    dt = dt if dt_bias is None else dt + dt_bias.to(dt.dtype)
    dt = torch.nn.functional.softplus(dt) if dt_softplus else dt
    dt = torch.clamp(dt, min=dt_limit[0], max=dt_limit[1]).float().transpose(1, 2).unsqueeze(-1)
    read, write = (states.float().repeat_interleave(heads // states.shape[2], dim=2).transpose(1, 2)
                   for states in (C, B))
    hidden_states = hidden_states.float().transpose(1, 2)  # [batch, heads, length, width], as all others from here
    parts = (hidden_states * dt, dt * A.float().reshape(-1, 1, 1), read, write)
    values, decay, read, write = (chunked(states, chunk_size, chunks) for states in parts)
    behind = decay.cumsum(-2)
    output = ((read @ write.transpose(-1, -2)) * sums_between(decay.squeeze(-1)).exp()) @ values
    end = behind[..., -1:, :]
    written = (values * (end - behind).exp()).transpose(-1, -2) @ write  # [batch, heads, chunks, width, state]
    first = torch.zeros_like(written[:, :, :1]) if initial_states is None else initial_states.float().unsqueeze(2)
    ends = torch.nn.functional.pad(end.flatten(2), (1, 0))
    states = sums_between(ends).exp() @ torch.cat([first, written], dim=2).flatten(3)
    states = states.unflatten(3, written.shape[3:])
    before = states.narrow(2, 0, chunks)
    output = output + (read * behind.exp()) @ before.transpose(-1, -2)
    output = output.flatten(2, 3).narrow(2, 0, length)
    if D is not None:
        output = output + D.reshape(-1, 1, 1) * hidden_states
    output = output.transpose(1, 2).contiguous()
    return (output, states[:, :, -1]) if return_final_states else output


def lightning_attention(self, hidden_states, position_embeddings, attention_mask, past_key_values=None, cache=None,
                        **kwargs):
    """MiniMaxLightningAttention.forward, whose state decays alike in every block: what each block finds is a sum over
    the blocks before it."""
    import torch

    batch, length = hidden_states.shape[:2]
    cache = past_key_values if cache is None else cache  # its name in later versions
    size = self.block_size
    blocks = -(-length // size)
    projected = self.act_fn(self.qkv_proj(hidden_states))
    if attention_mask is not None:
        projected = (projected * attention_mask[:, :, None]).to(hidden_states.dtype)
    projected = projected.reshape(batch, length, self.num_attention_heads, 3 * self.head_dim).transpose(1, 2)
    whole_key, whole_value = projected.split(self.head_dim, dim=-1)[1:]
    query, key, value = chunked(projected, size, blocks).split(self.head_dim, dim=-1)
    slope = self.slope_rate  # [heads, 1, 1]

    written = (key * self.key_decay.unsqueeze(1)).transpose(-1, -2) @ value
    places = torch.arange(blocks)
    gaps = places.unsqueeze(1) - places - 1
    weights = torch.where(gaps >= 0, torch.exp(-slope * size * gaps.clamp(min=0)), 0.0)  # [heads, block, from block]
    before = (weights @ written.flatten(3)).unflatten(3, (self.head_dim, self.head_dim))
    back = torch.arange(length).flip(0).reshape(-1, 1)
    state = (whole_key * torch.exp(-slope * back)).transpose(-1, -2) @ whole_value
    old = None if cache is None else cache.get_linear_cache(self.layer_idx)
    if old is not None:
        before = before + torch.exp(-slope * size * places.reshape(-1, 1)).unsqueeze(-1) * old.unsqueeze(2)
        state = state + torch.exp(-slope * (back[:1] + 1)) * old
    output = (query * self.query_decay.unsqueeze(1)) @ before
    output = output + (query @ key.transpose(-1, -2) * self.diagonal_decay.unsqueeze(2)) @ value
    output = output.flatten(2, 3).narrow(2, 0, length).transpose(1, 2).reshape(batch, length, -1)
    output = self.out_proj(torch.sigmoid(self.output_gate(hidden_states)) * self.norm(output))
    if cache is not None:
        cache.set_linear_cache(self.layer_idx, state)
    return output, state


_CHUNK_LOOPS = {"torch_chunk_gated_delta_rule": gated_delta_rule, "chunk_kimi_delta_attention": gated_delta_rule,
                "mamba2_chunk_scan": chunk_scan}


def replacements():
    """[(owner, name, value)] for the modules that are loaded."""
    found = [(module, name, value) for _, module in model_modules() for name, value in _CHUNK_LOOPS.items()
             if hasattr(module, name)]
    if (minimax := modeling("minimax")) is not None:
        found.append((minimax.MiniMaxLightningAttention, "forward", lightning_attention))
    return found
