"""VITS's relative positions within a window: one form for texts shorter and longer than it."""

from .replacing import modeling


def relative_embeddings(self, relative_embeddings, length):
    """VitsAttention._get_relative_embeddings: a row for each distance from 1 - length to length - 1, zeros beyond the
    window."""
    import torch

    last = 2 * self.window_size
    places = torch.arange(2 * length - 1) - (length - 1) + self.window_size
    rows = relative_embeddings.index_select(1, places.clamp(0, last))
    return torch.where(((places >= 0) & (places <= last)).unsqueeze(-1), rows, 0.0)


def replacements():
    """[(class, name, value)], where the family is loaded."""
    vits = modeling("vits")
    return [] if vits is None else [(vits.VitsAttention, "_get_relative_embeddings", relative_embeddings)]
