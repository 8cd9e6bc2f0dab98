"""Longformer's and LED's attention at every length and for any number of global tokens: windows of neighbours beside
the global tokens of each sample, as many as the sample with most of them has."""

import math

from . import blocks
from .replacing import modeling


class GlobalTokens:
    """Where the global tokens of each sample are: `slots` for the sample with most of them, at least one."""

    def __init__(self, is_global):
        import torch

        length = is_global.shape[1]
        counts = is_global.long().cumsum(1)  # [batch, length]
        most = torch.sym_max(counts[:, -1].max().item(), 1)
        self.slots = torch.sym_min(most, length)
        place = (counts.unsqueeze(1) <= torch.arange(self.slots)[None, :, None]).sum(-1)
        self.is_filled = place < length  # [batch, slots]
        self.place = place.clamp(max=length - 1)
        self.slot = (counts - 1).clamp(min=0)  # [batch, length]

    def of(self, states):
        """[batch, heads, slots, width]"""
        return _picked(states, self.place)

    def spread(self, states):
        """[batch, heads, length, width]: what each global token gets; the others get something."""
        return _picked(states, self.slot)


def _picked(states, index):
    return states.gather(2, index[:, None, :, None].expand(-1, states.shape[1], -1, states.shape[3]))


def window_attention(are_given):
    """forward of the self attention of both. Padding neither sees nor is seen, and gets zeros; global tokens are seen
    through the projections of all and see through those of their own."""

    def forward(self, hidden_states, attention_mask=None, is_index_masked=None, is_index_global_attn=None,
                is_global_attn=None, output_attentions=False):
        import torch

        if output_attentions:
            raise NotImplementedError("attentions whose size is the number of global tokens are not exported")
        functional, reach, dtype = torch.nn.functional, self.one_sided_attn_window_size, hidden_states.dtype
        length, lowest = hidden_states.shape[1], torch.finfo(dtype).min
        behind = blocks.missing(length, reach)

        def heads(states):
            return states.unflatten(-1, (self.num_heads, self.head_dim)).transpose(1, 2)

        def around(states):
            """[batch * heads, blocks, 3 * reach, width]"""
            return blocks.windows(functional.pad(states.flatten(0, 1), (0, 0, reach, reach + behind)), reach, 3)

        def probabilities(scores):
            return torch.softmax(scores, dim=-1, dtype=torch.float32).to(dtype)

        query = heads(self.query(hidden_states)) / math.sqrt(self.head_dim)
        key, value = heads(self.key(hidden_states)), heads(self.value(hidden_states))
        batch = query.shape[0]
        padded = functional.pad(query, (0, 0, 0, behind))
        scores = padded.flatten(0, 1).unflatten(1, (-1, reach)) @ around(key).transpose(-2, -1)
        scores = scores.unflatten(0, (batch, self.num_heads))
        is_local = functional.pad((attention_mask == 0).to(dtype), (reach, reach + behind))
        is_local = (blocks.windows(is_local, reach, 3) > 0)[:, None, :, None, :]
        offset = torch.arange(3 * reach) - torch.arange(reach).unsqueeze(1) - reach
        scores = torch.where(is_local & (offset.abs() <= reach), scores, lowest)
        has_global = are_given() or bool(is_global_attn)
        if has_global:
            tokens = GlobalTokens(is_index_global_attn)
            others = padded @ tokens.of(key).transpose(-2, -1)
            others = torch.where(tokens.is_filled[:, None, None, :], others, lowest)
            scores = torch.cat([others.unflatten(2, (-1, reach)), scores], dim=-1)
        shares = probabilities(scores)
        context = shares.narrow(-1, shares.shape[-1] - 3 * reach, 3 * reach).flatten(0, 1) @ around(value)
        context = context.flatten(1, 2).unflatten(0, (batch, self.num_heads))
        if has_global:
            context = context + shares.narrow(-1, 0, tokens.slots).flatten(2, 3) @ tokens.of(value)
        context = torch.where(is_index_masked[:, None, :, None], 0.0, context[:, :, :length])
        if has_global:
            query = tokens.of(heads(self.query_global(hidden_states))) / math.sqrt(self.head_dim)
            scores = query @ heads(self.key_global(hidden_states)).transpose(-2, -1)
            scores = torch.where(is_index_masked[:, None, None, :], lowest, scores)
            seen = probabilities(scores) @ heads(self.value_global(hidden_states))
            context = torch.where(is_index_global_attn[:, None, :, None], tokens.spread(seen), context)
        return (context.transpose(1, 2).flatten(2),)

    return forward


def without_padding(self, pad_token_id=None, **tensors):
    """_pad_to_window_size of both: windows need no whole number of them."""
    return 0, *tensors.values()


def question_end(input_ids, sep_token_id):
    """Longformer's _get_question_end_index: how many tokens of each sample are before its first separator."""
    is_separator = input_ids == sep_token_id
    if not (is_separator.sum(1) == 3).all():
        raise ValueError(f"questions and answers with other than three separators ({sep_token_id}) in a sample: give a "
                         f"global_attention_mask")
    return (is_separator.long().cumsum(1) == 0).sum(1)


_CLASSES = {"longformer": ("LongformerSelfAttention", "LongformerModel"),
            "led": ("LEDEncoderSelfAttention", "LEDEncoder")}


def replacements():
    """[(class, name, value)] for the families that are loaded."""
    found, merges = [], []

    def merging(original):
        def merge(self, attention_mask, global_attention_mask):
            merges.append(global_attention_mask)
            return original(self, attention_mask, global_attention_mask)

        return merge

    for family, (attention, model) in _CLASSES.items():
        if (module := modeling(family)) is not None:
            owner = getattr(module, model)
            found += [(getattr(module, attention), "forward", window_attention(lambda: bool(merges))),
                      (owner, "_pad_to_window_size", without_padding),
                      (owner, "_merge_to_attention_mask", merging(owner._merge_to_attention_mask))]
    if (longformer := modeling("longformer")) is not None:
        found.append((longformer, "_get_question_end_index", question_end))
    return found
