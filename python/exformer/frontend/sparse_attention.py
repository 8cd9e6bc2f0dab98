"""Selections of keys that are made query by query, for all queries at once."""

import math

from .replacing import modeling


def block_selection(self, hidden_states, position_embeddings, attention_mask, past_key_values):
    """Qwen4ExpTextQSAIndexer.forward: blocks of the keys that a query sees, the best of those that are whole, and what
    is left over. A query sees the first so many valid keys of its sample: blocks are the same for all queries."""
    import torch

    rope = modeling("qwen4_exp").apply_rotary_pos_emb
    batch, length, _ = hidden_states.shape
    size, width, most = self.compress_ratio, self.index_head_dim, self.block_topk
    cos, sin = position_embeddings
    parts = self.index_n_heads * width, self.index_kv_heads * width
    query, key = torch.split(self.index_qk_proj(hidden_states), parts, dim=-1)
    query = self.q_layernorm(query.reshape(batch, length, -1, width))
    query = rope(query, cos=cos[:, -length:], sin=sin[:, -length:], unsqueeze_dim=2)
    key = key.reshape(batch, length, width)
    if past_key_values is not None:
        key = past_key_values.update_indexer(key, self.layer_idx)

    visible = (attention_mask if attention_mask.dtype == torch.bool else attention_mask == 0)[:, 0]
    valid, seen = visible.any(1), visible.sum(-1, keepdim=True)
    rank = valid.long().cumsum(-1) - 1
    if not (visible == (valid.unsqueeze(1) & (rank.unsqueeze(1) < seen))).all():
        raise NotImplementedError("an attention mask by which a query does not see the first so many keys")

    keys = key.shape[1]
    blocks = -(-keys // size)
    order = torch.argsort(torch.where(valid, 0, keys) + torch.arange(keys), dim=-1)
    order = torch.nn.functional.pad(order, (0, blocks * size - keys))
    grouped = key.gather(1, order.unsqueeze(-1).expand(-1, -1, width)).reshape(batch, blocks, size, width)
    pooled = self.k_layernorm(grouped.float().mean(2).to(key.dtype))
    first = order.reshape(batch, blocks, size)[..., :1]
    turns = [part.gather(1, first.expand(-1, -1, part.shape[-1])) for part in (cos, sin)]
    pooled = rope(pooled.unsqueeze(2), cos=turns[0], sin=turns[1], unsqueeze_dim=2).squeeze(2)
    scores = torch.einsum("bqhd,bnd->bqhn", query.float(), pooled.float())
    scores = torch.relu(scores).sum(2) / math.sqrt(width)  # [batch, queries, blocks]

    whole = torch.arange(1, blocks + 1) * size <= seen
    scores = torch.where(whole, scores, -float("inf"))
    best = torch.nn.functional.pad(scores, (0, most), value=-float("inf")).topk(most, dim=-1).indices
    chosen = torch.zeros(batch, length, blocks + most, dtype=torch.bool).scatter(-1, best, True)[..., :blocks]
    block = (rank.clamp(min=0) // size).unsqueeze(1).expand(-1, length, -1)
    is_rest = rank.unsqueeze(1) >= seen // size * size
    return (visible & (is_rest | chosen.gather(-1, block))).unsqueeze(1)


def replacements():
    """[(class, name, value)] for the families that are loaded."""
    module = modeling("qwen4_exp")
    return [] if module is None else [(module.Qwen4ExpTextQSAIndexer, "forward", block_selection)]
