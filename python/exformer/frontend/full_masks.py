"""AIMv2's text model is causal where a text is padded, and is not where the mask is all ones: transformers leaves that
mask out, and its attention is not causal by itself. One mask for both."""

from .replacing import modeling


def causal_unless_full(create_causal_mask):
    """modeling_aimv2.create_causal_mask, as torch's own attention sees it."""
    import torch

    def create(*args, attention_mask, **kwargs):
        mask = create_causal_mask(*args, attention_mask=attention_mask, **kwargs)
        return mask | attention_mask.bool().all() if mask is not None and mask.dtype == torch.bool else mask

    return create


def replacements():
    """[(class, name, value)], where the family is loaded."""
    aimv2 = modeling("aimv2")
    return [] if aimv2 is None else [(aimv2, "create_causal_mask", causal_unless_full(aimv2.create_causal_mask))]
