"""Attention between blocks of a sequence: BigBird's, which short sequences do in full, and LongT5's, whose global
blocks short sequences have none of."""

from . import blocks
from .replacing import modeling


def block_mask(original):
    """create_bidirectional_mask of both BigBirds for an encoder that attends block by block: what is added to the
    scores of all pairs of tokens, and the rows that are kept: those of padding are zeros where blocks are sparse. Up to
    (5 + 2 r) blocks attention is full. Above, the first and the last block see all and are seen by all, the others see
    their neighbours. The r random blocks are all the first one outside of training: it counts r times more."""

    def create(config, inputs_embeds, attention_mask, encoder_hidden_states=None, **kwargs):
        import math

        import torch

        if encoder_hidden_states is not None or config.attention_type != "block_sparse":
            return original(config=config, inputs_embeds=inputs_embeds, attention_mask=attention_mask,
                            encoder_hidden_states=encoder_hidden_states, **kwargs)
        length, chosen, dtype = inputs_embeds.shape[1], config.num_random_blocks, inputs_embeds.dtype
        is_sparse = blocks.exceeds(length, (5 + 2 * chosen) * config.block_size)
        block = torch.arange(length) // config.block_size
        is_edge = (block == 0) | (block == block[-1:])
        row, column = block.unsqueeze(1), block.unsqueeze(0)
        is_seen = ((row - column).abs() <= 1) | is_edge.unsqueeze(1) | is_edge.unsqueeze(0) | ~is_sparse
        is_chosen = (column == 0) & ~is_edge.unsqueeze(1) & is_sparse
        scores = torch.where(is_chosen, math.log(1 + chosen), 0.0).to(dtype)
        is_valid = attention_mask != 0
        is_seen = is_seen & is_valid[:, None, None, :]
        return torch.where(is_seen, scores, torch.finfo(dtype).min), is_valid.unsqueeze(-1) | ~is_sparse

    return create


def block_attention(self, hidden_states, attention_mask=None, output_attentions=False, **kwargs):
    """BigBirdBlockSparseAttention.forward, of all pairs of tokens at once."""
    import torch

    if output_attentions:
        raise NotImplementedError("the attentions of block sparse layers have other sizes in short texts than in long "
                                  "ones: attention_type original_full returns them")
    scores, is_kept = attention_mask

    def heads(states):
        return states.unflatten(-1, (self.num_attention_heads, self.attention_head_size)).transpose(1, 2)

    query, key, value = (heads(project(hidden_states)) for project in (self.query, self.key, self.value))
    context = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=scores)
    return torch.where(is_kept, context.transpose(1, 2).flatten(2), 0.0), None


def global_blocks(original):
    """LongT5's _make_global_fixed_block_ids with at least one block, of padding where the sequence is shorter."""

    def patched(attention_mask, global_block_size):
        import torch

        length = attention_mask.shape[-1]
        padding = torch.sym_max(global_block_size - length, 0)
        tokens, segments = original(torch.nn.functional.pad(attention_mask, (0, padding)), global_block_size)
        return tokens[:, :length], segments

    return patched


def side_bias(original):
    """LongT5TransientGlobalAttention.compute_side_bias, which takes that block out again."""

    def patched(self, mask, global_segment_ids):
        import torch

        is_real = torch.arange(global_segment_ids.shape[-1]) < mask.shape[-1] // self.global_block_size
        return torch.where(is_real, original(self, mask, global_segment_ids), -float("inf"))

    return patched


_BIG_BIRDS = {"big_bird": ("BigBirdModel", "BigBirdAttention", "BigBirdBlockSparseAttention"),
              "bigbird_pegasus": ("BigBirdPegasusEncoder", "BigBirdPegasusEncoderAttention",
                                  "BigBirdPegasusBlockSparseAttention")}


def replacements(model):
    """[(owner, name, value)] for the families that are loaded. Models that attend block by block go the way of full
    attention, which does not ask for the length; decoders keep their own, with caches below the threshold only."""
    found = []
    for family, (owner, attention, sparse) in _BIG_BIRDS.items():
        module = modeling(family)
        if module is None:
            continue
        sparse_models = [part for part in model.modules() if isinstance(part, getattr(module, owner))
                         and part.attention_type == "block_sparse" and not part.config.is_decoder]
        for part in sparse_models:
            found += [(layer, "attention_type", "original_full") for layer in part.modules()
                      if layer is part or isinstance(layer, getattr(module, attention))]
        if sparse_models:
            found += [(getattr(module, sparse), "forward", block_attention),
                      (module, "create_bidirectional_mask", block_mask(module.create_bidirectional_mask))]
    if (module := modeling("longt5")) is not None:
        owner = module.LongT5TransientGlobalAttention
        found += [(module, "_make_global_fixed_block_ids", global_blocks(module._make_global_fixed_block_ids)),
                  (owner, "compute_side_bias", side_bias(owner.compute_side_bias))]
    return found
